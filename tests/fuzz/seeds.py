#!/usr/bin/env python3
"""Makes what fuzzers begin with: seeds.py NAME DIRECTORY, of the fuzzer fuzz_NAME."""
import gzip
import io
import json
import random
import struct
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def configurations():
    for path in [*ROOT.glob("configs/*.yaml"), *ROOT.glob("tests/files/*/*.yaml")]:
        text = path.read_bytes()
        yield text
        yield text + b"\0train.epochs=3\0data.train=x.h5:/x\0train.schedule=cosine\0network.hidden=[8, 4]"


def idx():
    for shape in [(3,), (2, 3), (2, 2, 2), (0, 4), (2**31, 2)]:
        values = bytes(range(16))[: np.prod(shape)] if len(shape) < 2 or shape[0] < 9 else b"short"
        yield struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + values


def npy():
    for kind in "|u1 |i1 |b1 <i2 >u2 <i4 >i8 <u8 <f2 <f4 >f8 <c8 |S3".split():
        for shape in [(3,), (2, 3), (2, 2, 2), (1, 2, 2, 2), (0, 4), (), (1, 1, 1, 1, 1)]:
            file = io.BytesIO()
            values = np.zeros(shape, kind) if kind[1] in "bcS" else np.arange(np.prod(shape)).astype(kind).reshape(shape)
            np.save(file, np.asfortranarray(values) if shape == (2, 3) else values)
            yield file.getvalue()
    yield np.lib.format.magic(2, 0) + struct.pack("<I", 66) + b"{'descr': [('a', '<f4')], 'fortran_order': True, 'shape': (1L,), }"


def cifar10():
    pixels = bytes(range(256)) * 12
    yield b"\3" + pixels
    yield 2 * (b"\0" + pixels)
    yield b"\1\2" + pixels  # CIFAR-100


def safetensors():
    weight = {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]}
    number = {"dtype": "I64", "shape": [], "data_offsets": [0, 8]}
    for arrays in ({"weight": weight, "number": number}, {"weight": weight, "__metadata__": {"format": "pt"}}, {"number": number, "more": weight}, {}):
        header = json.dumps(arrays).encode()
        yield struct.pack("<Q", len(header)) + header + bytes(32)
    yield struct.pack("<Q", 2**63) + b"{}"


def edits():
    choices = random.Random(1)
    for length in (4, 8, 16, 64):
        for _ in range(40):
            yield choices.randbytes(length)


def datasets():
    """What odd_file.c makes of these choices are dataset files, of vectors and of sets, and arrays."""
    ours = bytes([8, 0, 0, 2, 0, 0, 0, 0]) + bytes([8, 0, 1, 12, 2, 0, 1, 0])  # mpiae_format, mpiae_version
    vectors = bytes([0, 1, 1, 1, 12, 0, 2, 5, 2, 0, 0, 1])  # /x (6, 3)
    labels = bytes([0, 2, 1, 1, 12, 3, 1, 5, 0, 0, 2])
    sets = bytes([0, 3, 1, 1, 12, 0, 2, 5, 2, 0, 0, 1]) + bytes([0, 4, 1, 1, 12, 2, 1, 6, 0, 0, 2])
    for file in (vectors, vectors + labels, sets, sets + bytes([0, 2, 1, 1, 12, 3, 1, 5, 0, 0, 2])):
        yield b"\x0e\0" + ours + file
        yield b"\x01\0" + file
        yield b"\x03\0" + file
    yield from edits()


def models():
    """Each kind as it is, and changed."""
    for kind in range(7):
        yield bytes([kind])
        for edit in edits():
            yield bytes([kind, 0]) + edit[:8]


def arrays(files):
    for file in files:
        for use in b"\0\1":
            yield bytes([use]) + file
        yield b"\0" + gzip.compress(file, mtime=0)


SEEDS = {
    "config": configurations,
    "idx": lambda: arrays(idx()),
    "npy": lambda: arrays(npy()),
    "cifar10": lambda: arrays(cifar10()),
    "safetensors": safetensors,
    "dataset": datasets,
    "model": models,
}

name, directory = sys.argv[1], Path(sys.argv[2])
directory.mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(SEEDS[name]()):
    (directory / f"seed-{number:03}").write_bytes(seed)
