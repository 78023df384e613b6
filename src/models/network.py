class Pair(nn.Module):
    """A layer for the mean and one for the logarithm of the standard deviation."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.mean, self.logstd = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.mean(x), self.logstd(x)


class Trunk(nn.Module):
    """Convolutions between an image and hidden layers, each halving its sides; nothing in dense networks."""

    def __init__(self, config, shape=None):
        super().__init__()
        self.activation = torch.tanh if config["network.activation"] == "tanh" else F.relu
        self.channels = config["network.channels"] if shape and config["network.kind"] == "conv" else []
        before = shape[:1] if shape else []
        for i, (inputs, outputs) in enumerate(zip(before + self.channels, self.channels)):
            self.add_module(f"conv_{i}", nn.Conv2d(inputs, outputs, 4, 2, 1))
        self.width = math.prod(shape) if shape else 0
        if self.channels:
            self.width = (shape[1] >> len(self.channels)) * (shape[2] >> len(self.channels)) * self.channels[-1]

    def see(self, x):
        for layer in numbered(self, "conv"):
            x = self.activation(layer(x))
        return (x.permute(0, 2, 3, 1) if self.channels else x).flatten(1)  # mpiae has channels last


class Encoder(Trunk):
    """(mean, log standard deviation) of a code, or (code,)."""

    def __init__(self, config, shape, latent, gaussian):
        super().__init__(config, shape)
        inputs = self.width
        for i, width in enumerate(config["network.hidden"]):
            self.add_module(f"hidden_{i}", nn.Linear(inputs, width))
            inputs = width
        self.head = Pair(inputs, latent) if gaussian else nn.Linear(inputs, latent)

    def forward(self, x):
        x = self.see(x)
        for layer in numbered(self, "hidden"):
            x = self.activation(layer(x))
        code = self.head(x)
        return code if isinstance(code, tuple) else (code,)


class Decoder(nn.Module):
    """What is predicted of an example, from codes side by side."""

    def __init__(self, config, shape, inputs):
        super().__init__()
        self.shape = shape
        self.activation = torch.tanh if config["network.activation"] == "tanh" else F.relu
        for i, width in enumerate(reversed(config["network.hidden"])):
            self.add_module(f"hidden_{i}", nn.Linear(inputs, width))
            inputs = width
        self.map = self.sides = None
        if config["network.kind"] == "dense":
            self.output = nn.Linear(inputs, math.prod(shape))
            return
        channels = config["network.channels"][::-1]
        self.sides = (shape[1] >> len(channels), shape[2] >> len(channels), channels[0])
        self.map = nn.Linear(inputs, math.prod(self.sides))
        for i in range(len(channels) - 1):
            self.add_module(f"conv_{i}", nn.ConvTranspose2d(channels[i], channels[i + 1], 4, 2, 1))
        self.output = nn.ConvTranspose2d(channels[-1], shape[0], 4, 2, 1)

    def forward(self, x):
        for layer in numbered(self, "hidden"):
            x = self.activation(layer(x))
        if self.map is None:
            return self.output(x).unflatten(1, self.shape)
        x = self.activation(self.map(x)).unflatten(1, self.sides).permute(0, 3, 1, 2)
        for layer in numbered(self, "conv"):
            x = self.activation(layer(x))
        return self.output(x)


class PairNetwork(Trunk):
    """Mean and log standard deviation by two networks on the same inputs: an example, unless shape is None, and codes;
    the mean over every `exemplars` rows before the last layers."""

    def __init__(self, config, shape, codes, latent):
        super().__init__(config, shape)
        inputs = self.width + codes
        for i, width in enumerate(config["network.hidden"]):
            self.add_module(f"hidden_{i}", Pair(inputs, width))
            inputs = width
        self.head = Pair(inputs, latent)

    def run(self, part, x, exemplars):
        for layer in numbered(self, "hidden"):
            x = self.activation(getattr(layer, part)(x))
        return getattr(self.head, part)(x.unflatten(0, (-1, exemplars)).mean(1) if exemplars > 1 else x)

    def forward(self, x=None, codes=(), exemplars=1):
        x = torch.cat(([] if x is None else [self.see(x)]) + list(codes), 1)
        return self.run("mean", x, exemplars), self.run("logstd", x, exemplars)


class ArrayModel(Base):
    """A model whose decoder predicts arrays under network.likelihood."""

    def __init__(self, config):
        super().__init__(config)
        self.bernoulli = self.config.get("network.likelihood") == "bernoulli"
        self.latent = self.config.get("network.latent_size")

    def error(self, prediction, x):
        """−ln p(x | prediction) of each example, as a term."""
        if self.bernoulli:
            nats = F.binary_cross_entropy_with_logits(prediction, x, reduction="none").flatten(1).sum(1)
            return {"cross_entropy": (1, nats)}
        constant = 0.5 * math.prod(self.shape) * math.log(math.pi)
        return {"squared_error": (1, ((prediction - x) ** 2).flatten(1).sum(1) + constant)}

    def decode(self, code):
        prediction = self.decoder(code)
        return self.show(prediction.sigmoid() if self.bernoulli else prediction)

    def graphs(self):
        x, code = torch.zeros(2, *self.shape), torch.zeros(2, self.latent)
        return {"encoder": (self.encode, {"x": x}, ["x"], ["z_mean", "z_logstd"]),
                "decoder": (self.decode, {"z": code}, ["z"], ["x"])}
