#!/usr/bin/env python3
"""Holds the modules of `mpiae export` against mpiae, for every model: losses with the same noise, gradients of a step,
graphs by onnxruntime, and the way back. By hand: it wants torch, safetensors, onnxscript, onnxruntime, scipy, h5py.

usage: tools/study/check_export.py MPIAE [NAME ...]
"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import onnxruntime
import torch

EXAMPLES, SEED, RATE = 12, 3, 1000.0
NOISE_Z, NOISE_C, CODE, EVALUATE_Z, EVALUATE_C, POINT, SEEN_POINT = 3, 4, 5, 13, 14, 18, 19  # base/philox.h


def philox(purpose, epoch, example, blocks):
    """Words (blocks, 4) of a stream (Salmon et al. 2011)."""
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, n, np.uint64) for n in (example, purpose << 16, epoch)]
    k = [np.uint64(SEED), np.uint64(0)]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> shift) ^ c[1] ^ k[0], b & low, (a >> shift) ^ c[3] ^ k[1], a & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, 1)


def normal(purpose, epoch, example, count):
    """Box and Muller's numbers, in float32 as mpiae has them."""
    words = (philox(purpose, epoch, example, -(-count // 4)) >> np.uint64(8)).astype(np.float32)
    radius = np.sqrt(np.float32(-2) * np.log((words[:, ::2] + np.float32(1)) * np.float32(2**-24)))
    angle = np.float32(2 * np.pi) * (words[:, 1::2] * np.float32(2**-24))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1)[:count]


def noise(purpose, epoch, width):
    return torch.from_numpy(np.stack([normal(purpose, epoch, i, width) for i in range(EXAMPLES)]))


def starts(purpose, epoch, sets):
    return [torch.from_numpy(normal(purpose, epoch, i, one.numel()).reshape(one.shape)) for i, one in enumerate(sets)]


DENSE = ["network.hidden=[9,7]", "network.latent_size=3"]
CONV = DENSE + ["network.kind=conv", "network.channels=[4,6]", "network.likelihood=gaussian", "data.center=0.5"]
VQVAE = ["vqvae.entries=11", "vqvae.entry_size=5", "vqvae.channels=8", "vqvae.residual_channels=4"]
SETS = ["set.width=16", "set.heads=4", "set.blocks=2"]
CASES = {  # name: (model, data, keys)
    "ae": ("ae", "images", DENSE + ["network.activation=tanh", "data.scale=standardize",
                                     "network.likelihood=gaussian"]),
    "ae-conv": ("ae", "images", CONV),
    "vae": ("vae", "images", DENSE + ["vae.beta=0.7"]),
    "vae-conv": ("vae", "images", CONV),
    "acn": ("acn", "images", DENSE + ["acn.neighbours=1"]),
    "vhe": ("vhe", "images", DENSE + ["vhe.labels=given"]),
    "vhe-conv": ("vhe", "images", CONV + ["vhe.labels=given"]),
    "vqvae": ("vqvae", "images", VQVAE),
    "vqvae-loss": ("vqvae", "images", VQVAE + ["vqvae.codebook=loss", "network.likelihood=categorical"]),
    "pixelcnn": ("pixelcnn", "maps", ["pixelcnn.channels=6", "pixelcnn.layers=3"]),
    "pixelcnn-labels": ("pixelcnn", "maps", ["pixelcnn.channels=6", "pixelcnn.layers=3", "pixelcnn.labels=auto"]),
    "set-ae": ("set-ae", "sets", SETS),
    "set-ae-huber": ("set-ae", "sets", SETS + ["set.loss=huber"]),
    "set-ae-hungarian": ("set-ae", "sets", SETS + ["set.loss=hungarian"]),
    "set-vae": ("set-vae", "sets", SETS + ["set.latent_size=6"]),
}


def make_data():
    """Each example of a label of its own, so that a homoencoder's exemplars are it."""
    random, label = np.random.default_rng(1), np.arange(EXAMPLES)
    data = {"images": random.random((EXAMPLES, 3, 8, 8), np.float32),
            "maps": random.integers(0, 9, (EXAMPLES, 4, 5)).astype(np.int32)}
    for name, x in data.items():
        with h5py.File(f"{name}.h5", "w") as file:
            file["x"], file["label"] = x, label
    sizes = 2 + np.arange(EXAMPLES) % 5
    points = random.random((sizes.sum(), 2), np.float32)
    with h5py.File("sets.h5", "w") as file:
        file.attrs["mpiae_format"], file.attrs["mpiae_version"] = "dataset", 1
        file["points"], file["offset"] = points, np.concatenate([[0], np.cumsum(sizes)])
    tensors = {name: torch.from_numpy(x) for name, x in data.items()}
    return tensors | {"maps": tensors["maps"].long(), "sets": list(torch.from_numpy(points).split(sizes.tolist()))}


def mpiae(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout


def train(name, run, *more):
    model, data, keys = CASES[name]
    with open(f"{name}.yaml", "w", encoding="utf-8") as file:
        file.write(f"model: {model}\n")
    place = {"images": "images.h5:/x", "maps": "maps.h5:/x", "sets": "sets.h5"}[data]
    mpiae("train", f"{name}.yaml", f"data.train={place}", f"train.batch_size={EXAMPLES}", f"train.seed={SEED}", *keys,
          "--run", run, *more)
    mpiae("export", run, "--out", f"{run}-torch")
    return place


def load(folder):
    spec = importlib.util.spec_from_file_location("exported", f"{folder}/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.load(folder)


def given(name, model, x, epoch, z, c, points):
    """What else `terms` takes, with the noise of mpiae's training or evaluation."""
    kind = CASES[name][0]
    if kind == "vae":
        return {"noise": noise(z, epoch, model.latent)}
    if kind == "acn":
        return {"noise": noise(z, epoch, model.latent)}
    if kind == "vhe":
        return {"noise_z": noise(z, epoch, model.latent), "noise_c": noise(c, epoch, model.latent)}
    if kind == "pixelcnn":
        return {"label": torch.arange(EXAMPLES)} if model.labels else {}
    if kind in ("set-ae", "set-vae"):
        return {"start": starts(points, epoch, x)} | (
            {"noise": noise(z, epoch, model.width)} if kind == "set-vae" else {})
    return {}


def in_evaluation(name, model, x):
    return given(name, model, x, 0, EVALUATE_Z, EVALUATE_C, SEEN_POINT)


def in_training(name, model, x):
    """The first step of a new run."""
    more = given(name, model, x, 1, NOISE_Z, NOISE_C, POINT)
    if name == "acn":  # the nearest of the codes that a run begins with
        codes = noise(CODE, 0, model.latent)
        more["neighbour"] = codes[torch.cdist(codes, codes).fill_diagonal_(torch.inf).argmin(1)]
    if name.startswith("vhe"):
        more |= {"exemplars": x[:, None].expand(-1, 5, -1, -1, -1), "size": 1}
    return more


def evaluated(run, place):
    told = json.loads(mpiae("evaluate", run, place, "--json"))
    return told


def off(ours, theirs):
    return abs(ours - theirs) / max(abs(ours), 1e-30)


def check_loss(name, model, x, told):
    terms = {key: (weight, value.mean().item()) for key, (weight, value) in
             model.terms(x, **in_evaluation(name, model, x)).items()}
    return off(told["loss"], sum(weight * value for weight, value in terms.values()))


def check_gradient(name, run, x):
    """That of one step of gradient descent, by what it did to the parameters: the largest difference of a tensor beside
    the largest number of its gradient, or beside 1e-4 of the largest of all: of smaller ones (queries and keys of
    attention) PyTorch's own in float32 are off from float64 by as much as mpiae's."""
    model = load(f"{run}-torch")[1]
    train(name, f"{run}-step", "--init-from", f"{run}-torch/model.safetensors", "train.optimizer=sgd",
          "train.momentum=0", f"train.learning_rate={RATE}", "train.steps=1")
    stepped = dict(load(f"{run}-step-torch")[1].named_parameters())
    model.loss(x, **in_training(name, model, x)).mean().backward()
    worst = 0
    least = 1e-4 * max(value.grad.abs().max() for value in model.parameters() if value.grad is not None)
    for key, value in model.named_parameters():
        theirs = torch.zeros_like(value) if value.grad is None else value.grad
        ours = (value.double() - stepped[key].double()) / RATE
        worst = max(worst, ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=least)).item())
    return worst


def check_onnx(module, model, run, x):
    module.export_onnx(model, f"{run}-onnx")
    worst = 0
    for name, (function, inputs, varying, _) in model.graphs().items():
        session = onnxruntime.InferenceSession(f"{run}-onnx/{name}.onnx")
        feed = {key: torch.rand(5 if key in varying else len(value), *value.shape[1:]) if value.is_floating_point()
                else torch.randint(9, (5, *value.shape[1:])) for key, value in inputs.items()}
        if name == "encoder" and isinstance(x, torch.Tensor):
            feed = {"x": x[:5]}
        with torch.no_grad():
            expected = function(*feed.values())
        expected = expected if isinstance(expected, tuple) else (expected,)
        for one, other in zip(expected, session.run(None, {key: value.numpy() for key, value in feed.items()})):
            worst = max(worst, ((one - torch.from_numpy(other)).abs().max() / one.abs().max().clamp(min=1e-30)).item())
    return worst


def check_way_back(name, run, x, place):
    """PyTorch goes on, mpiae takes it up (and makes a step of next to nothing): its loss beside PyTorch's."""
    model = load(f"{run}-torch")[1]
    optimizer = torch.optim.Adam(model.parameters(), 0.001)
    for _ in range(5):
        optimizer.zero_grad()
        model.loss(x, **in_training(name, model, x)).mean().backward()
        if name == "vqvae":
            model.update_codebook(x)
        optimizer.step()
    model.save(f"{run}-on.safetensors")
    train(name, f"{run}-on", "--init-from", f"{run}-on.safetensors", "train.learning_rate=1e-12", "train.steps=1")
    if name == "vqvae":
        model.update_codebook(x)
    back = load(f"{run}-on-torch")[1]
    for key, value in dict(back.named_parameters()).items():
        assert (value - dict(model.named_parameters())[key]).abs().max() < 1e-10, key
    for part in ("memory", "clusters"):  # of the run that recorded them
        if hasattr(model, part):
            setattr(model, part, getattr(back, part))
    return check_loss(name, model, x, evaluated(f"{run}-on", place))


def check(name, tensors):
    x = tensors[CASES[name][1]]
    place = train(name, name, "train.epochs=8", "train.learning_rate=0.01")
    module, model = load(f"{name}-torch")
    figures = {"loss": check_loss(name, model, x, evaluated(name, place)),
               "gradient": check_gradient(name, name, x),
               "onnx": check_onnx(module, model, name, x),
               "way back": check_way_back(name, name, x, place)}
    limits = {"loss": 1e-5, "gradient": 1e-4, "onnx": 1e-5, "way back": 1e-5}
    failed = [key for key, value in figures.items() if not value <= limits[key]]
    print(f"{name:18}" + "  ".join(f"{key} {value:.1e}" for key, value in figures.items()),
          "" if not failed else f"  FAILED: {', '.join(failed)}", flush=True)
    return failed


PROGRAM = os.path.abspath(sys.argv[1])
with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    data = make_data()
    sys.exit(any([check(one, data) for one in sys.argv[2:] or CASES]))
