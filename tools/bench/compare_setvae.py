#!/usr/bin/env python3
"""Times a training step of `set-vae` beside the same networks in PyTorch, where sets are padded and masked, in turn; and
how both grow with the points of a set.

usage: tools/python tools/bench/compare_setvae.py [--mpiae PROGRAM] [--sizes 50,100,200,500,1000,2000] [--repeats 3]

The first row is 16 sets of 60 to 200 points, padded to 360 as for the largest digits of MNIST; in the others all sets
have the same number of points, so that padding costs nothing. Width 256, 3 + 3 blocks, 4 heads, one rank, one thread,
AdamW, squared Chamfer. Seconds of a step: a run of many steps less one of few, over the steps between; medians.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETS, WIDTH, LATENT, HEADS, BLOCKS, PADDED = 16, 256, 64, 4, 3, 360
FEW, MANY = 1, 5


def require_modules():
    for name, package in (("numpy", "python3-numpy"), ("h5py", "python3-h5py"), ("torch", "python3-torch")):
        try:
            __import__(name)
        except ModuleNotFoundError:
            sys.exit(f"compare_setvae.py: error: {sys.executable} has no {name}: install {package} (Debian), or run this "
                     "with a Python that has it")


def make_sets(path, smallest, largest):
    import h5py
    import numpy as np

    random = np.random.default_rng(1)
    sizes = random.integers(smallest, largest + 1, MANY * SETS)
    with h5py.File(path, "w") as file:
        file.attrs["mpiae_format"], file.attrs["mpiae_version"] = "dataset", 1
        file["points"] = random.random((sizes.sum(), 2)).astype("f4")
        file["offset"] = np.cumsum([0, *sizes])


def run_torch(path, padded, steps):
    """Seconds of so many steps after one that is not counted; in a process of its own."""
    import h5py
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Block(nn.Module):
        """LN(q + MHA(q, k, k)), LN(· + FFN(·)); keys where the mask is true are left out."""

        def __init__(self, heads):
            super().__init__()
            self.heads = heads
            self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH, 1e-6), nn.LayerNorm(WIDTH, 1e-6)
            self.ffn = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH))

        def forward(self, query, key, mask):
            split = lambda x: x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)
            q, k, v = split(self.q(query)), split(self.k(key)), split(self.v(key))
            score = q @ k.transpose(2, 3) / (WIDTH // self.heads) ** 0.5
            weight = score.masked_fill(mask[:, None, None], float("-inf")).softmax(3)
            h = self.norm1(query + self.o((weight @ v).transpose(1, 2).reshape(query.shape)))
            return self.norm2(h + self.ffn(h))

    class SetVae(nn.Module):
        def __init__(self):
            super().__init__()
            self.point = nn.Sequential(nn.Linear(2, WIDTH // 4), nn.LeakyReLU(0.2), nn.Linear(WIDTH // 4, WIDTH))
            self.encoder = nn.ModuleList(Block(HEADS) for _ in range(BLOCKS))
            self.seed, self.pool = nn.Parameter(torch.randn(1, 1, WIDTH)), Block(1)
            self.head = nn.Sequential(nn.Linear(WIDTH, WIDTH // 2), nn.ReLU(), nn.Linear(WIDTH // 2, 2 * LATENT))
            self.start = nn.Linear(2 + LATENT, WIDTH)
            self.decoder = nn.ModuleList(Block(HEADS) for _ in range(BLOCKS))
            self.output = nn.Linear(WIDTH, 2)

        def forward(self, x, mask, start):
            h = self.point(x)
            for block in self.encoder:
                h = block(h, h, mask)
            mean, s = self.head(self.pool(self.seed.expand(len(x), 1, WIDTH), h, mask))[:, 0].chunk(2, 1)
            z = mean + torch.exp(s) * torch.randn_like(mean)
            h = self.start(torch.cat([start, z[:, None].expand(-1, start.shape[1], -1)], 2))
            for block in self.decoder:
                h = block(h, h, mask)
            return self.output(h), (mean ** 2 + torch.exp(2 * s) - 2 * s - 1).sum(1) / 2

    def chamfer(a, b, mask, size):
        apart = ((a[:, :, None] - b[:, None]) ** 2).sum(3)
        apart = apart.masked_fill(mask[:, None] | mask[:, :, None], float("inf"))
        nearest = lambda axis: apart.min(axis).values.masked_fill(mask, 0).sum(1) / size
        return nearest(1) + nearest(2)

    with h5py.File(path) as file:
        points, offset = torch.tensor(file["points"][:]), file["offset"][:]
    model = SetVae()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=1e-5)
    begun = None
    for step in range(steps + 1):
        first = step % MANY * SETS
        sets = [points[offset[i]:offset[i + 1]] for i in range(first, first + SETS)]
        size = torch.tensor([len(s) for s in sets])
        x = torch.stack([functional.pad(s, (0, 0, 0, padded - len(s))) for s in sets])
        mask = torch.arange(padded) >= size[:, None]
        made, divergence = model(x, mask, 0.5 + 0.3 * torch.randn_like(x))
        loss = (size * chamfer(made, x, mask, size) * 28 ** 2 / 2 + divergence).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 0:
            begun = time.perf_counter()
    print((time.perf_counter() - begun) / steps)


def torch_step(path, padded):
    done = subprocess.run([sys.executable, __file__, "--torch", str(path), str(padded), str(MANY - FEW)], check=True,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return float(done.stdout)


def mpiae_step(program, path):
    """As the program tells it: seconds of its training epoch, of one run with few steps and one with many."""
    import csv

    seconds = []
    base = path.with_suffix(".yaml")
    base.write_text(f"model: set-vae\ndata: {{train: {path}}}\n", encoding="utf-8")
    for epochs in (FEW, MANY):
        run = path.with_name("run")
        shutil.rmtree(run, ignore_errors=True)
        command = [program, "train", str(base), f"train.epochs={epochs}", f"train.batch_size={SETS}",
                   "train.optimizer=adamw", "train.learning_rate=0.0001", "train.weight_decay=0.00001",
                   f"checkpoint.every_epochs={MANY}", "output.codes=none", "--run", str(run)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            sys.exit(f"compare_setvae.py: error: {' '.join(command)} failed:\n{done.stderr}")
        with open(run / "metrics.csv", encoding="utf-8") as file:
            seconds.append(sum(float(row["seconds"]) for row in csv.DictReader(file)))
    return (seconds[1] - seconds[0]) / ((MANY - FEW) * MANY)


def compare(options, scratch, name, smallest, largest, padded):
    path = scratch / "sets.h5"
    make_sets(path, smallest, largest)
    ours, theirs = [], []
    for _ in range(options.repeats):
        ours.append(mpiae_step(options.mpiae, path))
        theirs.append(torch_step(path, padded))
    one, other = statistics.median(ours), statistics.median(theirs)
    print(f"{name:>12} {1e3 * one:12.0f} {1e3 * other:12.0f} {other / one:9.2f}", flush=True)


def main():
    if sys.argv[1:2] == ["--torch"]:
        run_torch(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--mpiae", default=shutil.which("mpiae") or str(root / "build/release/mpiae"))
    parser.add_argument("--sizes", default="50,100,200,500,1000,2000", help="points of a set; '' for none of these rows")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    require_modules()
    # OpenBLAS 0.3.21 does not know every newer CPU and falls back to kernels of 2004: the same good ones for both
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    print(f"{SETS} sets a step, medians of {options.repeats}; milliseconds a step")
    print(f"{'points':>12} {'mpiae':>12} {'PyTorch':>12} {'ratio':>9}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        compare(options, Path(name), "60-200", 60, 200, PADDED)
        for size in [int(word) for word in options.sizes.split(",") if word]:
            compare(options, Path(name), str(size), size, size, size)


if __name__ == "__main__":
    main()
