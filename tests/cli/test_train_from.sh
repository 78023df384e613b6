#!/usr/bin/env bash
# mpiae train --init-from, and runs that stopped within an epoch.
# usage: test_train_from.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
mkdir empty-directory
accept "" train vae.yaml --run run-vae

refuse 2 "--init-from needs a value: --init-from MODEL" train vhe.yaml --run r-init --init-from
refuse 3 "--init-from: cannot open absent" train vhe.yaml --init-from absent --run r-init
refuse 3 "--init-from: empty-directory has no checkpoint" train vhe.yaml --init-from empty-directory --run r-init
refuse 3 "--init-from: train.h5 is not a checkpoint" train vhe.yaml --init-from train.h5 --run r-init
refuse 2 "--init-from: run-vae/checkpoint-000000003.h5 has no parameter encoder_c/hidden_0/weight, which is (2, 8, 784) in this model" train vhe.yaml --init-from run-vae --run r-init
refuse 2 "--init-from: the networks of run-vae/checkpoint-000000003.h5 are others: network.hidden is '[8, 8]' here but '[8]' there" train vae.yaml 'network.hidden=[8,8]' --init-from run-vae --run r-init
refuse 2 "--init-from: parameter encoder/hidden_0/weight of run-vae/checkpoint-000000003.h5 is (8, 784), but (8, 6) in this model" train vae.yaml data.train=vectors.h5 --init-from run-vae --run r-init
refuse 2 "run-vae already holds a run" train vae.yaml --init-from run-vae --run run-vae
absent r-init
accept "" train vae.yaml --init-from run-vae/checkpoint-000000003.h5 --run run-init
accept "" train vae.yaml --init-from run-init --run run-init --overwrite train.steps=2 checkpoint.best=true
accept "run-init/checkpoint-000000002.h5: checkpoint" info run-init
accept "" sample run-init --count 2 --out s.h5
cp run-init/checkpoint-000000002.h5 cut.h5
cp cut.h5 cut-place.h5
cp cut.h5 cut-sums.h5
"$python" - <<'END'
import h5py
with h5py.File("cut-place.h5", "r+") as file:
    file["state/epoch_step"][()] = 3
with h5py.File("cut-sums.h5", "r+") as file:
    del file["state/partial_sums"]
    file["state/partial_sums"] = [1.0, 2.0]
END
cp cut-place.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/epoch_step is 3 in an epoch of 3 steps: the file is damaged" train vae.yaml --run run-init --resume
cp cut-sums.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/partial_sums has another shape than the configuration in the same file says: the file is damaged or was changed" train vae.yaml --run run-init --resume
cp cut.h5 run-init/checkpoint-000000002.h5
accept "" train vae.yaml --run run-init --resume checkpoint.best=true checkpoint.keep=1
run train vae.yaml --run run-init --resume checkpoint.best=true
if [ "$status" != 0 ] || ! grep -q 'run-init: 1 epoch done, train.epochs is 1: nothing to do' err; then fail "nothing to do, but it is not said"; fi
accept "run-init/checkpoint-best.h5: checkpoint" info run-init/checkpoint-best.h5
accept "" sample run-init/checkpoint-best.h5 --count 2 --out s.h5
# a checkpoint from before there were cuts stands at an epoch's end
"$python" - <<'END'
import h5py
with h5py.File("run-init/checkpoint-000000003.h5", "r+") as file:
    del file["state/epoch_step"]
END
accept "" train vae.yaml train.epochs=2 --run run-init --resume

# a file of tensors, as export writes it and PyTorch gives it back
keys=(network.kind=conv 'network.channels=[3]' train.learning_rate=1e-12)
accept "" train vae.yaml "${keys[@]}" train.steps=1 --run run-conv
accept "" export run-conv --out torch
refuse 2 "--out torch: File exists: choose the name of a new directory" export run-conv --out torch
refuse 3 "--out absent/torch: No such file or directory" export run-conv --out absent/torch
"$python" - <<'END' || fail "what export wrote is not the checkpoint's"
import json, struct, h5py, numpy
data = open("torch/model.safetensors", "rb").read()
(length,) = struct.unpack("<Q", data[:8])
numbers, header = data[8 + length:], json.loads(data[8:8 + length])
assert length % 8 == 0 and header.pop("__metadata__") == {"format": "pt"}
offsets = sorted(entry["data_offsets"] for entry in header.values())
assert [0] + [end for _, end in offsets] == [begin for begin, _ in offsets] + [len(numbers)]
config = json.load(open("torch/config.json"))
assert config["model"] == "vae" and config["shape"] == [1, 28, 28] and config["config"]["network.channels"] == [3]

def changed(out, change, size=None):
    header = json.loads(data[8:8 + length])
    text = json.dumps(change(header) or header).encode()
    open(out + ".safetensors", "wb").write((struct.pack("<Q", len(text)) + text + numbers)[:size])

bias = "decoder.output.bias"
changed("lacks", lambda header: header.pop(bias) and None)
changed("more", lambda header: header.update(other=header[bias]))
changed("shape", lambda header: header[bias].update(shape=[1, 1]))
changed("half", lambda header: header[bias].update(dtype="F16"))
changed("far", lambda header: header[bias].update(data_offsets=[2**62, 2**62 + 4]))
changed("back", lambda header: header[bias].update(data_offsets=[4, 0]))
changed("odd", lambda header: header.update({bias: 3}))
changed("list", lambda header: [header])
changed("cut", lambda header: header[bias].update(data_offsets=[len(numbers) - 4, len(numbers)]), -4)
changed("short", lambda header: None, 100)
changed("tiny", lambda header: None, 3)
open("long.safetensors", "wb").write(struct.pack("<Q", 2**64 - 1) + data[8:])

def compare(name, dataset):
    layer, _, last = name.rpartition("/")
    if last not in ("weight", "bias"):
        return
    for part, array in zip((".mean", ".logstd"), dataset) if layer == "encoder/head" else [("", dataset[()])]:
        entry = header.pop(layer.replace("/", ".") + part + "." + last)
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        array = numpy.moveaxis(array, 3, 1) if array.ndim == 4 else array
        assert (numpy.frombuffer(numbers[begin:end], "<f4").reshape(entry["shape"]) == array).all(), name

with h5py.File("run-conv/checkpoint-000000001.h5") as file:
    file["parameters"].visititems(compare)
assert not header, header
END
take() { refuse "$1" "--init-from: $2" train vae.yaml "${keys[@]}" --run run-taken --init-from "$3.safetensors"; }
take 3 "cannot open absent.safetensors: No such file or directory" absent
take 2 "lacks.safetensors has no tensor decoder.output.bias, which is (1) in this model" lacks
take 2 "more.safetensors has the tensor other, which this model has not" more
take 2 "tensor decoder.output.bias of shape.safetensors has the shape [1,1], but is (1) in this model" shape
take 2 "tensor decoder.output.bias of half.safetensors is of the type F16, but of F32 in this model" half
for file in far back cut; do take 3 "tensor decoder.output.bias is not within $file.safetensors" $file; done
take 2 "tensor decoder.output.bias of odd.safetensors is of the type ?" odd
for file in list short tiny long; do take 3 "$file.safetensors is no safetensors file: " $file; done
absent run-taken
accept "" train vae.yaml "${keys[@]}" train.steps=1 --run run-back --init-from torch/model.safetensors
accept "" export run-back --out torch-back
"$python" - <<'END' || fail "what train took is not what export wrote"
import numpy
one, other = (numpy.fromfile(f"{name}/model.safetensors", "<f4") for name in ("torch", "torch-back"))
assert numpy.allclose(one, other, rtol=0, atol=1e-9, equal_nan=True)
END
accept "torch/model.safetensors" info run-back
# moving averages of a codebook come along, when they can be such
printf 'model: vqvae\ndata: {train: train.h5}\ntrain: {steps: 1}\nvqvae: {channels: 2, entries: 4, entry_size: 2}\n' >vqvae.yaml
accept "" train vqvae.yaml --run run-vqvae
accept "" export run-vqvae --out torch-vqvae
"$python" - <<'END'
import json, struct
data = open("torch-vqvae/model.safetensors", "rb").read()
(length,) = struct.unpack("<Q", data[:8])
begin = 8 + length + json.loads(data[8:8 + length])["codebook.count"]["data_offsets"][0]
open("less.safetensors", "wb").write(data[:begin] + struct.pack("<d", -1) + data[begin + 8:])
END
refuse 3 "--init-from: the codebook holds numbers that cannot be" train vqvae.yaml --run run-taken --init-from less.safetensors
accept "" train vqvae.yaml --run run-codebook --init-from torch-vqvae/model.safetensors
"$python" - <<'END' || fail "the codebook does not go on"
import h5py
with h5py.File("run-codebook/checkpoint-000000001.h5") as file:
    assert file["codebook"].attrs["updates"] == 2
END

finish
