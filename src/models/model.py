"""PyTorch's form of a model that mpiae trained, made by `mpiae export`, with model.safetensors and config.json.

    from model import load
    model = load()                     # all is read from the directory of this file
    mean, logstd = model.encode(x)     # x as the dataset has it: (N, F) or (N, C, H, W); of an ae (code,)
    model.loss(x).mean().backward()    # of each example; noise can be given, else it is drawn
    model.save("on.safetensors")       # for mpiae train CONFIG.yaml --init-from on.safetensors

`python model.py --onnx DIR` writes graphs without random nodes (packages torch, safetensors, onnxscript).
"""
import argparse
import json
import math
import os

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F


def load(folder=os.path.dirname(os.path.abspath(__file__))):
    """The model of a directory that mpiae export made."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model = Model(json.load(file))
    tensors = load_file(os.path.join(folder, "model.safetensors"))
    for name in tensors.keys() - dict(model.named_parameters()).keys():  # what is kept beside parameters
        module, last = name.rsplit(".", 1)
        model.get_submodule(module).register_buffer(last, tensors[name])
    model.load_state_dict(tensors)
    return model


def numbered(module, name):
    """The layers <name>_0, <name>_1, … of a module."""
    return [layer for key, layer in module.named_children() if key.startswith(name + "_")]


def sample(q, noise=None):
    """A draw of the Gaussian (mean, log standard deviation) by noise of N(0, 1)."""
    mean, logstd = q
    return mean + logstd.exp() * (torch.randn_like(mean) if noise is None else noise)


def divergence(q, p=None):
    """KL(q‖p) of each row, p N(0, 1) unless given."""
    mean_p, logstd_p = (torch.zeros_like(t) for t in q) if p is None else p
    mean, logstd = q
    square = (2 * logstd).exp() + (mean - mean_p) ** 2
    return (logstd_p - logstd - 0.5 + square / (2 * (2 * logstd_p).exp())).sum(1)


class Base(nn.Module):
    """What all models share. Subclasses have encode, decode, terms and graphs."""

    def __init__(self, config):
        super().__init__()
        self.config, self.shape = config["config"], config["shape"]
        self.scale = nn.Module()

    def see(self, x):
        """Examples as networks see them; those that data.binarize makes black or white are to be given so."""
        x = x / 255 if x.dtype == torch.uint8 and self.config["data.scale"] == "type" else x.float()
        if hasattr(self.scale, "offset"):
            x = ((x.flatten(1) - self.scale.offset) / self.scale.divisor).view_as(x)
        return x - self.config["data.center"]

    def show(self, x):
        """And back, in the units of the data; of bytes, under data.scale=type, 0 to 1."""
        x = x + self.config["data.center"]
        if hasattr(self.scale, "offset"):
            x = (x.flatten(1) * self.scale.divisor + self.scale.offset).view_as(x)
        return x

    def loss(self, *inputs, **given):
        """Of each example: the sum of its weighted terms, {name: (weight, of each example)}."""
        return sum(weight * term for weight, term in self.terms(*inputs, **given).values())

    def save(self, path):
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)


class Part(nn.Module):
    """One function of a model, as a graph is made of modules."""

    def __init__(self, model, function):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *inputs):
        return self.function(*inputs)


def export_onnx(model, folder):
    os.makedirs(folder, exist_ok=True)
    for name, (function, inputs, varying, outputs) in model.graphs().items():
        axes = tuple({0: torch.export.Dim.DYNAMIC} if key in varying else None for key in inputs)
        torch.onnx.export(Part(model, function).eval(), tuple(inputs.values()), os.path.join(folder, name + ".onnx"),
                          input_names=list(inputs), output_names=outputs, dynamic_shapes=(axes,), dynamo=True,
                          external_data=False, verbose=False)


def main():
    parser = argparse.ArgumentParser(description="the graphs of this model for ONNX")
    parser.add_argument("--onnx", metavar="DIR", required=True, help="directory to write them to")
    export_onnx(load(), parser.parse_args().onnx)
