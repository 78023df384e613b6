"""A training step of a model in PyTorch, with the floating-point operations of mpiae's: for tools/bench/compare.py.

usage: peer_torch.py vhe|vae|classsets|vqvae f32|bf16 eager|compile STEPS

Says its version once it is warm. Then, for every line on standard input, does STEPS steps and says their median, in
milliseconds. One thread, fused Adam; bf16 by autocast.
"""
import os
import statistics
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"  # read where torch is loaded

import torch
from torch import nn
from torch.nn import functional

BATCH, EXEMPLARS, FEATURES, HIDDEN, LATENT, CLASSES, ROWS, WARM = 128, 5, 784, 512, 20, 10, 25600, 10
IMAGES, IMAGE, CHANNELS, NARROW, BLOCKS, ENTRIES, ENTRY, COMMITMENT = 32, (3, 32, 32), 128, 32, 2, 512, 64, 0.25


class Heads(nn.Module):
    """Mean and log standard deviation, each from its own half of the hidden numbers."""

    def __init__(self):
        super().__init__()
        self.mean, self.log_deviation = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, hidden):
        return self.mean(hidden[:, :HIDDEN]), self.log_deviation(hidden[:, HIDDEN:])


def draw(mean, log_deviation):
    return mean + log_deviation.exp() * torch.randn_like(mean)


def divergence(mean, log_deviation, prior_mean, prior_log_deviation):
    square = (2 * log_deviation).exp() + (mean - prior_mean) ** 2
    return prior_log_deviation - log_deviation - 0.5 + square / (2 * (2 * prior_log_deviation).exp())


def pick(data, count):
    return data[torch.randint(len(data), (count,))]


class Vhe(nn.Module):
    """Hidden layers of both heads are one layer of twice the width; the mean over exemplars stands before the heads.
    What reads x and c is two layers, since of x no gradient is asked for."""

    def __init__(self):
        super().__init__()
        self.class_hidden, self.class_heads = nn.Linear(FEATURES, 2 * HIDDEN), Heads()
        self.hidden_of_x, self.hidden_of_c = nn.Linear(FEATURES, 2 * HIDDEN), nn.Linear(LATENT, 2 * HIDDEN, bias=False)
        self.heads = Heads()
        self.prior_hidden, self.prior_heads = nn.Linear(LATENT, 2 * HIDDEN), Heads()
        self.decoder_hidden, self.decoder = nn.Linear(2 * LATENT, HIDDEN), nn.Linear(HIDDEN, FEATURES)
        self.data = torch.rand(ROWS, FEATURES)

    def take(self):
        return pick(self.data, BATCH), pick(self.data, BATCH * EXEMPLARS)

    def forward(self, x, exemplars, set_of_row=None):
        hidden = functional.relu(self.class_hidden(exemplars)).view(-1, EXEMPLARS, 2 * HIDDEN).mean(1)
        class_code = self.class_heads(hidden)
        if set_of_row is not None:
            class_code = [part[set_of_row] for part in class_code]
        c = draw(*class_code)
        code = self.heads(functional.relu(self.hidden_of_x(x) + self.hidden_of_c(c)))
        z = draw(*code)
        prior = self.prior_heads(functional.relu(self.prior_hidden(c)))
        return self.decoder(functional.relu(self.decoder_hidden(torch.cat([c, z], 1)))), *class_code, *code, *prior

    def loss(self, bf16, x, *sets):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            found = self(x, *sets)
        logits, class_mean, class_log, mean, log, prior_mean, prior_log = (tensor.float() for tensor in found)
        zero = torch.zeros(())
        told = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        share = divergence(class_mean, class_log, zero, zero).sum() / (ROWS / CLASSES)
        return (told + share + divergence(mean, log, prior_mean, prior_log).sum()) / BATCH


class ClassSets(Vhe):
    """The examples of a class share one set."""

    def take(self):
        return *(pick(self.data, count) for count in (BATCH, CLASSES * EXEMPLARS)), torch.randint(CLASSES, (BATCH,))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.heads = nn.Linear(FEATURES, HIDDEN), nn.Linear(HIDDEN, 2 * LATENT)
        self.decoder_hidden, self.decoder = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, FEATURES)
        self.data = torch.rand(ROWS, FEATURES)

    def take(self):
        return (pick(self.data, BATCH),)

    def forward(self, x):
        mean, log = self.heads(functional.relu(self.hidden(x))).chunk(2, 1)
        return self.decoder(functional.relu(self.decoder_hidden(draw(mean, log)))), mean, log

    def loss(self, bf16, x):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            found = self(x)
        logits, mean, log = (tensor.float() for tensor in found)
        zero = torch.zeros(())
        told = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (told + divergence(mean, log, zero, zero).sum()) / BATCH


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(CHANNELS, NARROW, 3, 1, 1), nn.Conv2d(NARROW, CHANNELS, 1)

    def forward(self, x):
        return x + self.narrow(functional.relu(self.wide(functional.relu(x))))


class VqVae(nn.Module):
    """Distances from the entries are float32 in both precisions; maps have their channels last."""

    def __init__(self):
        super().__init__()
        half = CHANNELS // 2
        self.encoder = nn.Sequential(nn.Conv2d(IMAGE[0], half, 4, 2, 1), nn.ReLU(), nn.Conv2d(half, CHANNELS, 4, 2, 1), nn.ReLU(),
                                     nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1), *(Residual() for _ in range(BLOCKS)), nn.ReLU(),
                                     nn.Conv2d(CHANNELS, ENTRY, 1))
        self.decoder = nn.Sequential(nn.Conv2d(ENTRY, CHANNELS, 3, 1, 1), *(Residual() for _ in range(BLOCKS)), nn.ReLU(),
                                     nn.ConvTranspose2d(CHANNELS, half, 4, 2, 1), nn.ReLU(),
                                     nn.ConvTranspose2d(half, IMAGE[0], 4, 2, 1))
        bound = (3 / ENTRY) ** 0.5
        self.entry = nn.Parameter(torch.empty(ENTRIES, ENTRY).uniform_(-bound, bound))
        self.data = torch.rand(6400, *IMAGE) - 0.5
        self.variance = self.data.var().item()

    def take(self):
        return (pick(self.data, IMAGES).to(memory_format=torch.channels_last),)

    def nearest(self, vectors):
        entry = self.entry.detach()
        return (entry.square().sum(1) - 2 * vectors @ entry.T).argmin(1)

    def loss(self, bf16, x):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            z = self.encoder(x).permute(0, 2, 3, 1).float()
            with torch.autocast("cpu", enabled=False):
                entry = self.entry[self.nearest(z.detach().reshape(-1, ENTRY))].view(z.shape)
            made = self.decoder((z + (entry - z).detach()).permute(0, 3, 1, 2)).float()
        error = functional.mse_loss(made, x) / self.variance
        return error + COMMITMENT * functional.mse_loss(z, entry.detach()) + functional.mse_loss(entry, z.detach())


def main():
    what, precision, mode, steps = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = {"vhe": Vhe, "vae": Vae, "classsets": ClassSets, "vqvae": VqVae}[what]().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    loss_of = torch.compile(model.loss) if mode == "compile" else model.loss

    def step():
        loss = loss_of(precision == "bf16", *model.take())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(WARM):
        step()
    print(torch.__version__, flush=True)
    for _ in sys.stdin:
        seconds = []
        for _ in range(steps):
            begun = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - begun)
        print(1e3 * statistics.median(seconds), flush=True)


main()
