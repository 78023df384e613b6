class Residual(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(channels, hidden, 3, padding=1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        return x + self.narrow(F.relu(self.wide(F.relu(x))))


def add_residuals(module, config):
    for i in range(config["vqvae.residual_blocks"]):
        module.add_module(f"residual_{i}", Residual(config["vqvae.channels"], config["vqvae.residual_channels"]))


class Encoder(nn.Module):
    def __init__(self, config, inputs):
        super().__init__()
        channels = config["vqvae.channels"]
        self.halving_0 = nn.Conv2d(inputs, channels // 2, 4, 2, 1)
        self.halving_1 = nn.Conv2d(channels // 2, channels, 4, 2, 1)
        self.middle = nn.Conv2d(channels, channels, 3, padding=1)
        add_residuals(self, config)
        self.head = nn.Conv2d(channels, config["vqvae.entry_size"], 1)

    def forward(self, x):
        x = self.middle(F.relu(self.halving_1(F.relu(self.halving_0(x)))))
        for layer in numbered(self, "residual"):
            x = layer(x)
        return self.head(F.relu(x))


class Decoder(nn.Module):
    def __init__(self, config, outputs):
        super().__init__()
        channels = config["vqvae.channels"]
        self.middle = nn.Conv2d(config["vqvae.entry_size"], channels, 3, padding=1)
        add_residuals(self, config)
        self.doubling_0 = nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1)
        self.output = nn.ConvTranspose2d(channels // 2, outputs, 4, 2, 1)

    def forward(self, x):
        x = self.middle(x)
        for layer in numbered(self, "residual"):
            x = layer(x)
        return self.output(F.relu(self.doubling_0(F.relu(x))))


class Model(Base):
    """VQ-VAE (van den Oord et al. 2017). A codebook of moving averages moves by update_codebook alone."""

    LEVELS = 256

    def __init__(self, config):
        super().__init__(config)
        self.categorical = self.config["network.likelihood"] == "categorical"
        self.averages = self.config["vqvae.codebook"] == "ema"
        self.data = nn.Module()  # variance: of the numbers of the training data
        shape = self.config["vqvae.entries"], self.config["vqvae.entry_size"]
        self.codebook = nn.Module() if self.averages else nn.Embedding(*shape)
        self.encoder = Encoder(self.config, self.shape[0])
        self.decoder = Decoder(self.config, self.shape[0] * (self.LEVELS if self.categorical else 1))

    def nearest(self, z):
        """The entry (N, rows, columns) nearest to each vector of a map (N, rows, columns, D)."""
        entry = self.codebook.weight
        return ((entry**2).sum(1) - 2 * z @ entry.T).argmin(3)

    def encode(self, x):
        return (self.nearest(self.encoder(self.see(x)).permute(0, 2, 3, 1)),)

    def predict(self, entry):
        """Means; or logits (N, C, levels, H, W)."""
        prediction = self.decoder(entry.permute(0, 3, 1, 2))
        return prediction.unflatten(1, (self.shape[0], self.LEVELS)) if self.categorical else prediction

    def decode(self, index):
        prediction = self.predict(F.embedding(index, self.codebook.weight))
        if self.categorical:
            level = torch.arange(self.LEVELS, dtype=torch.float32)[:, None, None]
            prediction = (prediction.softmax(2) * level).sum(2) / (self.LEVELS - 1) - self.config["data.center"]
        return self.show(prediction)

    def error(self, prediction, x):
        if self.categorical:
            level = ((x + self.config["data.center"]) * (self.LEVELS - 1)).round().long()
            nats = F.cross_entropy(prediction.transpose(1, 2), level, reduction="none")
            return {"cross_entropy": (1, nats.flatten(1).mean(1))}
        square = ((prediction - x) ** 2).flatten(1).mean(1)
        return {"squared_error": (1, square / self.data.variance.float())}

    def terms(self, x):
        x = self.see(x)
        z = self.encoder(x).permute(0, 2, 3, 1)
        entry = F.embedding(self.nearest(z), self.codebook.weight)
        terms = self.error(self.predict(z + (entry - z).detach()), x)
        commitment = ((z - entry.detach()) ** 2).flatten(1).mean(1)
        terms["commitment"] = (self.config["vqvae.commitment"], commitment)
        if not self.averages:
            terms["codebook"] = (1, ((entry - z.detach()) ** 2).flatten(1).mean(1))
        return terms

    @torch.no_grad()
    def update_codebook(self, x):
        """The step of the moving averages for a batch, before that of the optimizer."""
        book, decay = self.codebook, self.config["vqvae.decay"]
        z = self.encoder(self.see(x)).permute(0, 2, 3, 1)
        index, z = self.nearest(z).flatten(), z.flatten(0, 2).double()
        book.updates += 1
        book.count.mul_(decay).add_((1 - decay) * index.bincount(minlength=len(book.count)))
        book.sum.mul_(decay).add_((1 - decay) * torch.zeros_like(book.sum).index_add_(0, index, z))
        share = 1 / (1 - decay ** book.updates.item())
        count, total, least = book.count * share, book.count.sum() * share, 1e-5
        size = (count + least) * total / (total + len(count) * least)
        book.weight.copy_(book.sum * share / size[:, None])

    def graphs(self):
        x = torch.zeros(2, *self.shape)
        index = torch.zeros(2, self.shape[1] // 4, self.shape[2] // 4, dtype=torch.int64)
        return {"encoder": (self.encode, {"x": x}, ["x"], ["index"]),
                "decoder": (self.decode, {"index": index}, ["index"], ["x"])}
