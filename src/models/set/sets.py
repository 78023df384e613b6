class Block(nn.Module):
    """Attention within a set, normed after each sum (Vaswani et al. 2017; Kosiorek et al. 2020)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ("query", "key", "value", "output"):
            self.add_module(name, nn.Linear(width, width, bias=False))
        self.attention_norm, self.forward_norm = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.forward_0, self.forward_1 = nn.Linear(width, width), nn.Linear(width, width)

    def attend(self, queries, points):
        q, k, v = (x.unflatten(1, (self.heads, -1)).transpose(0, 1)[None]
                   for x in (self.query(queries), self.key(points), self.value(points)))
        return F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1)

    def forward(self, queries, points):
        found = self.attend(queries, points) if len(points) else torch.zeros_like(queries)
        h = self.attention_norm(queries + self.output(found))
        return self.forward_norm(h + self.forward_1(F.leaky_relu(self.forward_0(h), 0.2)))


class Pool(Block):
    """The block with learned seeds as queries (Lee et al. 2019)."""

    def __init__(self, width):
        super().__init__(width, 1)
        self.seeds = nn.Parameter(torch.zeros(1, width))

    def forward(self, points):
        return super().forward(self.seeds, points)


def add_blocks(module, config):
    for i in range(config["set.blocks"]):
        module.add_module(f"block_{i}", Block(config["set.width"], config["set.heads"]))


class SetEncoder(nn.Module):
    def __init__(self, config, dim, latent):
        super().__init__()
        width = config["set.width"]
        self.point_0 = nn.Linear(dim, max(1, width // 4))
        self.point_1 = nn.Linear(max(1, width // 4), width)
        add_blocks(self, config)
        self.pool = Pool(width)
        if latent:
            self.hidden = nn.Linear(width, max(1, width // 2))
            self.head = Pair(max(1, width // 2), latent)

    def forward(self, points):
        """Of one set (n, coordinates): (mean, log standard deviation), or (code,); one row each."""
        h = self.point_1(F.leaky_relu(self.point_0(points), 0.2))
        for layer in numbered(self, "block"):
            h = layer(h, h)
        h = self.pool(h)
        return self.head(F.relu(self.hidden(h))) if hasattr(self, "head") else (h,)


class SetDecoder(nn.Module):
    def __init__(self, config, dim, code):
        super().__init__()
        width = config["set.width"]
        self.code, self.point = nn.Linear(code, width, bias=False), nn.Linear(dim, width)
        add_blocks(self, config)
        self.output = nn.Linear(width, dim)

    def forward(self, code, start):
        """One set: a code, one row, and the points that the prediction begins as."""
        h = self.point(start) + self.code(code)
        for layer in numbered(self, "block"):
            h = layer(h, h)
        return self.output(h)


class SizePredictor(nn.Module):
    def __init__(self, width, code, most):
        super().__init__()
        self.hidden, self.output = nn.Linear(code, max(1, width // 2)), nn.Linear(max(1, width // 2), most + 1)

    def forward(self, code):
        return self.output(F.relu(self.hidden(code)))


class Model(Base):
    """Autoencoder of sets of points, plain and variational; a batch is a list of sets (n, coordinates)."""

    def __init__(self, config):
        super().__init__(config)
        self.variational = config["model"] == "set-vae"
        self.images = self.config["set.input"] == "image"
        self.dim = 2 if self.images else self.shape[0]
        self.start = nn.Module()  # mean, deviation: of the Gaussian whose points predictions begin as
        latent = self.config.get("set.latent_size", 0)
        self.width = latent or self.config["set.width"]
        self.encoder = (Encoder(self.config, self.shape, self.width, self.variational) if self.images
                        else SetEncoder(self.config, self.dim, latent))
        self.decoder = SetDecoder(self.config, self.dim, self.width)
        if self.config["set.stage"] == "size":
            self.size = SizePredictor(self.config["set.width"], self.width, self.config["set.most_points"])

    def encode(self, x):
        """Of sets; with set.input=image of images."""
        if self.images:
            return self.encoder(self.see(x))
        return tuple(torch.cat(part) for part in zip(*(self.encoder(points) for points in x)))

    def begin(self, noise):
        return (self.start.mean + self.start.deviation * noise.double()).float()

    def decode(self, code, sizes, noise=None):
        """A set of each code, of so many points; noise (n, coordinates) of each may be given."""
        if noise is None:
            noise = [torch.randn(size, self.dim) for size in sizes]
        return [self.decoder(code[i : i + 1], self.begin(noise[i])) for i in range(len(code))]

    def distance(self, a, b):
        kind = self.config["set.loss"]
        if len(a) == 0:
            return a.sum()
        x, y = a[:, None].expand(-1, len(b), -1), b[None].expand(len(a), -1, -1)
        pairs = F.huber_loss(x, y, reduction="none").mean(2) if kind == "huber" else ((x - y) ** 2).sum(2)
        if kind == "hungarian":
            from scipy.optimize import linear_sum_assignment
            return pairs[linear_sum_assignment(pairs.detach().numpy())].mean()
        return pairs.min(1).values.mean() + pairs.min(0).values.mean()

    def terms(self, x, points=None, start=None, noise=None):
        """points: those that images stand for, with set.input=image; start: noise (n, coordinates) of each set."""
        points = x if points is None else points
        q = self.encode(x)
        sizes = torch.tensor([len(one) for one in points])
        if hasattr(self, "size"):
            code = sample(q, noise) if self.variational else q[0]
            known = sizes.clamp(max=self.config["set.most_points"])
            return {"size": (1, F.cross_entropy(self.size(code.detach()), known, reduction="none"))}
        predicted = self.decode(sample(q, noise) if self.variational else q[0], sizes.tolist(), start)
        distance = torch.stack([self.distance(a, b) for a, b in zip(predicted, points)])
        if not self.variational:
            return {self.config["set.loss"]: (1, distance)}
        weight = sizes / (2 * self.config["set.sigma"] ** 2)
        return {"reconstruction": (1, distance * weight), "kl": (self.config["vae.beta"], divergence(q))}

    def graphs(self):
        """Of one set."""
        points, code = torch.zeros(7, self.dim), torch.zeros(1, self.width)
        seen = {"x": torch.zeros(2, *self.shape)} if self.images else {"points": points}
        encode = self.encode if self.images else self.encoder
        decode = lambda z, noise: self.decoder(z, self.begin(noise))
        return {"encoder": (encode, seen, list(seen), ["z_mean", "z_logstd"] if self.variational else ["z_mean"]),
                "decoder": (decode, {"z": code, "noise": points.clone()}, ["noise"], ["points"])}
