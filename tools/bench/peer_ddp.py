"""Steps of a VAE in PyTorch on many ranks, gradients by DistributedDataParallel over gloo: for tools/bench/compare_hosts.

usage: mpirun … peer_ddp.py BATCH STEPS HIDDEN…     (BATCH: of all ranks; HIDDEN: widths of the layers)

MASTER_ADDR and MASTER_PORT say where rank 0 is. Rank 0 prints the median of the steps in milliseconds. One thread, fused
Adam.
"""
import os
import statistics
import sys
import time

import torch
from torch import distributed, nn
from torch.nn import functional

FEATURES, LATENT, WARM = 784, 20, 5


def layers(*widths):
    made = [layer for pair in zip(widths, widths[1:]) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*made[:-1])


class Vae(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.encoder, self.decoder = layers(FEATURES, *hidden, 2 * LATENT), layers(LATENT, *hidden[::-1], FEATURES)

    def forward(self, x):
        mean, log = self.encoder(x).chunk(2, 1)
        return self.decoder(mean + log.exp() * torch.randn_like(mean)), mean, log


def main():
    batch, steps, hidden = int(sys.argv[1]), int(sys.argv[2]), [int(width) for width in sys.argv[3:]]
    rank, ranks = int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"])
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=ranks)
    model = nn.parallel.DistributedDataParallel(Vae(hidden))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    seconds = []
    for _ in range(WARM + steps):
        x = torch.rand(batch // ranks, FEATURES)
        begun = time.perf_counter()
        logits, mean, log = model(x)
        told = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = ((2 * log).exp() + mean**2 - 1 - 2 * log).sum() / 2
        optimizer.zero_grad()
        ((told + divergence) / len(x)).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
    if rank == 0:
        print(f"{1e3 * statistics.median(seconds[WARM:]):.2f}")
    distributed.destroy_process_group()


main()
