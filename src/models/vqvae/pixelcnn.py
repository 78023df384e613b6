class MaskedConv2d(nn.Conv2d):
    """A convolution whose taps after the middle of its rows (of its columns, when it has one row) do not count, nor,
    with `before`, those in the middle."""

    def __init__(self, inputs, outputs, rows, columns, before):
        super().__init__(inputs, outputs, (rows, columns), padding=(rows // 2, columns // 2))
        self.taps = max(rows, columns) // 2 + (0 if before else 1)

    def forward(self, x):
        axis = 2 if self.kernel_size[0] > 1 else 3
        counts = torch.arange(self.kernel_size[axis - 2]) < self.taps
        mask = counts.view(-1, 1) if axis == 2 else counts
        return F.conv2d(x, self.weight * mask, self.bias, padding=self.padding)


def gate(x):
    a, b = x.chunk(2, 1)
    return a.tanh() * b.sigmoid()


class Layer(nn.Module):
    def __init__(self, channels, kernel, labels, first):
        super().__init__()
        self.first = first
        if labels:
            self.label = nn.Embedding(labels, 2 * channels)
        self.vertical = MaskedConv2d(channels, 2 * channels, kernel, kernel, first)
        self.across = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.horizontal = MaskedConv2d(channels, 2 * channels, 1, kernel, first)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, vertical, horizontal, label):
        added = self.label(label)[:, :, None, None] if hasattr(self, "label") else 0
        v = self.vertical(vertical)
        h = self.output(gate(self.horizontal(horizontal) + self.across(v) + added))
        return gate(v + added), h if self.first else h + horizontal


class Head(nn.Module):
    def __init__(self, channels, entries):
        super().__init__()
        self.hidden, self.output = nn.Conv2d(channels, 4 * channels, 1), nn.Conv2d(4 * channels, entries, 1)

    def forward(self, x):
        return self.output(F.relu(self.hidden(F.relu(x))))


class Model(Base):
    """Prior over maps of indices, whole numbers (N, rows, columns) (gated PixelCNN, van den Oord et al. 2016)."""

    def __init__(self, config):
        super().__init__(config)
        entries, channels, kernel, self.labels, layers = (
            self.config["pixelcnn." + key] for key in ("entries", "channels", "kernel", "labels", "layers"))
        self.embedding = nn.Embedding(entries, channels)
        for i in range(layers):
            self.add_module(f"layer_{i}", Layer(channels, kernel, self.labels, i == 0))
        self.head = Head(channels, entries)

    def logits(self, index, label=None):
        """(N, entries, rows, columns) of each place given those before it, and the label if the prior is told it."""
        vertical = horizontal = self.embedding(index).permute(0, 3, 1, 2)
        for layer in numbered(self, "layer"):
            vertical, horizontal = layer(vertical, horizontal, label)
        return self.head(horizontal)

    def terms(self, index, label=None):
        nats = F.cross_entropy(self.logits(index, label), index, reduction="none")
        return {"cross_entropy": (1, nats.flatten(1).sum(1))}

    @torch.no_grad()
    def draw(self, count, label=None):
        index = torch.zeros(count, *self.shape[-2:], dtype=torch.int64)
        for row in range(index.shape[1]):
            for column in range(index.shape[2]):
                share = self.logits(index, label)[:, :, row, column].softmax(1)
                index[:, row, column] = share.multinomial(1)[:, 0]
        return index

    def graphs(self):
        inputs = {"index": torch.zeros(2, *self.shape[-2:], dtype=torch.int64)}
        if self.labels:
            inputs["label"] = torch.zeros(2, dtype=torch.int64)
        return {"prior": (self.logits, inputs, list(inputs), ["logits"])}
