#!/usr/bin/env python3
"""Compares VAE, associative compression, and homoencoders with given labels and with k-means labels, by number of clusters and
by how z and c are weighed, over seeds. Runs what is missing, then writes study.h5, study.md and study.png.

usage: tools/study/vhe_mnist TRAIN.h5 TEST.h5 [--epochs 6] [--seeds 3] [--jobs 2] [--out runs/study-vhe-mnist]

Started again it goes on where it was. On a cluster, as an array, one task a run, and afterwards once more for the table:

  sbatch --array=0-N --ntasks=8 --wrap 'tools/study/vhe_mnist TRAIN.h5 TEST.h5 --task "$SLURM_ARRAY_TASK_ID" --launch "srun --mpi=pmix"'

(N: `--list` numbers the runs.) --set KEY=VALUE goes to every run whose model has such a key.
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

try:
    import h5py
    import numpy as np
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    print(f"vhe_mnist: error: this Python has no {error.name}: start it as tools/study/vhe_mnist", file=sys.stderr)
    sys.exit(2)

CLUSTERS = [10, 30, 100, 300, 1000]
WEIGHTINGS = ["none", "anneal", "gradient", "mutual-information"]
PIXELS = 784
BASE = {"data.shards": 8, "train.batch_size": 128, "train.learning_rate": 0.001, "network.latent_size": 20, "network.hidden": "[512]",
        "output.codes": "none"}
# What the study itself decides; and sections of keys that only some models have.
DECIDED = {"model", "data.train", "train.epochs", "train.steps", "train.patience", "train.seed", "kmeans.clusters", "vhe.labels", "vhe.weighting"}
OWNERS = {"vae": ["vae"], "acn": ["acn"], "vhe": ["vhe"], "kmeans": ["vhe"]}

# What the table says of a setting: column, of which file, what it is.
FIGURES = [
    ("loss", "training loss per example in the last epoch, nats"),
    ("label_entropy", "entropy of the shares of the classes: what a label costs, nats"),
    ("code_length", "loss + label_entropy, nats"),
    ("kl_c", "divergence of the class code, an example's share, nats"),
    ("kl_z", "divergence of the example's code, nats"),
    ("grad_ratio", "gradient by z over gradient by c, last epoch"),
    ("grad_ratio_first", "the same in the second epoch"),
    ("test_loss", "loss per test example, nats"),
    ("nmi", "normalised mutual information of the training labels, or clusters of test codes, with the digits"),
    ("acc", "share matched by the best assignment, likewise"),
    ("ari", "adjusted Rand index, likewise"),
]


class StudyError(Exception):
    pass


def parameters_of_vhe(width, latent, pixels):
    """Of the homoencoder's four networks; layers of double width are two networks, for means and deviations."""
    pair = lambda inputs: inputs * 2 * width + 2 * width + 2 * (width * latent + latent)
    decoder = 2 * latent * width + width + width * pixels + pixels
    return pair(pixels) + pair(pixels + latent) + pair(latent) + decoder


def width_of_vae(parameters, latent, pixels):
    """Width with which a VAE has as many parameters."""
    return round((parameters - 2 * latent - pixels) / (pixels + 1 + 2 * latent + latent + 1 + pixels))


def base_of(arguments):
    """What all runs share."""
    given = dict(setting.split("=", 1) for setting in arguments.set)
    decided = sorted(DECIDED & set(given))
    if decided:
        raise StudyError(f"--set {decided[0]}: the study decides this itself; --epochs, --seeds and --only choose among its runs")
    return BASE | given


def settings(base):
    """Name and configuration of each, in the order of the table."""
    try:
        (width,), latent = json.loads(base["network.hidden"]), int(base["network.latent_size"])
    except (ValueError, TypeError) as error:
        raise StudyError("--set: network.hidden has one width here, as [512], and network.latent_size is a number") from error
    wide = width_of_vae(parameters_of_vhe(width, latent, PIXELS), latent, PIXELS)
    rows = [
        ("vae", {"model": "vae"}),
        ("vae-wide", {"model": "vae", "network.hidden": f"[{wide}]"}),
        ("acn", {"model": "acn"}),
        ("vhe-given", {"model": "vhe", "vhe.labels": "given"}),
    ]
    for clusters in CLUSTERS:
        for weighting in WEIGHTINGS:
            rows.append((f"vhe-{clusters}-{weighting}",
                         {"model": "vhe", "kmeans.clusters": clusters, "vhe.weighting": weighting}))
    return rows


def runs_of(arguments):
    """(setting, seed, directory, configuration) of every run, seed by seed, so that a table is soon there."""
    found, base = [], base_of(arguments)
    for seed in range(arguments.seeds):
        for name, keys in settings(base):
            if not arguments.only or any(name == only or name.startswith(only + "-") for only in arguments.only):
                own = {key: value for key, value in base.items() if keys["model"] in OWNERS.get(key.split(".")[0], [keys["model"]])}
                values = own | {"data.train": arguments.train, "train.epochs": arguments.epochs, "train.seed": seed} | keys
                found.append((name, seed, arguments.out / f"{name}-seed{seed}", values))
    if not found:
        raise StudyError(f"--only {' '.join(arguments.only)}: no setting has such a name")
    return found


def command(arguments, words):
    """How mpiae is started, with one thread for libraries too."""
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    result = subprocess.run([*shlex.split(arguments.launch), arguments.mpiae, *words], env=environment,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise StudyError(f"{' '.join(map(str, words))} ended with status {result.returncode}:\n{result.stderr[-2000:]}")
    return result.stdout


def newest_checkpoint(directory):
    return max(directory.glob("checkpoint-0*.h5"), default=None)


def stamp_of(arguments, values):
    """What an evaluation is of."""
    return {"test": arguments.test, **{key: str(value) for key, value in values.items()}}


def is_done(arguments, run):
    """Whether the run is whole, and evaluated, with these settings."""
    _, _, directory, values = run
    try:
        evaluation = json.loads((directory / "evaluation.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    if evaluation["epoch"] != arguments.epochs or evaluation.get("study") != stamp_of(arguments, values):
        return False
    newest = newest_checkpoint(directory)
    if newest is None:
        return False
    with h5py.File(newest, "r") as file:
        return int(file["state/epoch"][()]) == arguments.epochs


def do_run(arguments, run):
    name, seed, directory, values = run
    if is_done(arguments, run):
        return
    base = directory.with_suffix(".yaml")
    base.parent.mkdir(parents=True, exist_ok=True)
    base.write_text(f"model: {values['model']}\n", encoding="utf-8")
    words = [f"{key}={value}" for key, value in values.items() if key != "model"]
    command(arguments, ["train", base, *words, "--run", directory, "--resume"])
    evaluation = json.loads(command(arguments, ["evaluate", directory, arguments.test, "--json"]))
    if evaluation["epoch"] != arguments.epochs:
        why = "choose another --out" if evaluation["epoch"] > arguments.epochs else "it was ended early"
        raise StudyError(f"{directory} has {evaluation['epoch']} epochs, not {arguments.epochs}: {why}")
    part = directory / "evaluation.json.tmp"
    part.write_text(json.dumps(evaluation | {"study": stamp_of(arguments, values)}), encoding="utf-8")
    part.replace(directory / "evaluation.json")
    print(f"{name}, seed {seed}: done", flush=True)


def do_runs(arguments, runs):
    missing = [run for run in runs if not is_done(arguments, run)]
    print(f"{len(runs)} runs, {len(missing)} of them to do", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(do_run, arguments, run) for run in missing]):
            if future.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
            future.result()


def history_of(directory):
    with h5py.File(newest_checkpoint(directory), "r") as file:
        return {name: column[()] for name, column in file["history"].items() if column.ndim == 1}


def figures_of(directory):
    """The figures of one run, NaN where it has none; and its history."""
    history = history_of(directory)
    evaluation = json.loads((directory / "evaluation.json").read_text(encoding="utf-8"))
    last = lambda column: float(history[column][-1]) if column in history else np.nan
    entropy = last("label_entropy") if "label_entropy" in history else 0.0
    of_labels = "label_nmi" in history
    score = lambda name: last(f"label_{name}") if of_labels else evaluation.get(f"label_{name}", np.nan)
    ratio = history.get("grad_ratio")
    return {
        "loss": last("train_loss"), "label_entropy": entropy, "code_length": last("train_loss") + entropy,
        "kl_c": last("train_kl_c"), "kl_z": last("train_kl_z") if "train_kl_z" in history else last("train_kl"),
        "grad_ratio": last("grad_ratio"),
        "grad_ratio_first": float(ratio[1]) if ratio is not None and len(ratio) > 1 else np.nan,
        "test_loss": evaluation["loss"], "nmi": score("nmi"), "acc": score("acc"), "ari": score("ari"),
    }, history


def collect(runs):
    """Figures (setting, seed) and histories (setting, seed, epoch) by name."""
    names = list(dict.fromkeys(run[0] for run in runs))
    seeds = sorted({run[1] for run in runs})
    figures = {key: np.full((len(names), len(seeds)), np.nan) for key, _ in FIGURES}
    histories = {}
    for name, seed, directory, _ in runs:
        place = names.index(name), seeds.index(seed)
        values, history = figures_of(directory)
        for key, value in values.items():
            figures[key][place] = value
        for column, rows in history.items():
            shape = (len(names), len(seeds), len(rows))
            histories.setdefault(column, np.full(shape, np.nan))[place] = rows
    return names, seeds, figures, histories


def write_file(path, names, seeds, figures, histories):
    with h5py.File(path, "w") as file:
        file["setting"] = np.array(names, dtype=h5py.string_dtype())
        file["seed"] = np.array(seeds)
        epochs = max((rows.shape[2] for rows in histories.values()), default=0)
        file["epoch"] = np.arange(1, epochs + 1)
        for axis in ("setting", "seed", "epoch"):
            file[axis].make_scale(axis)
        for key, meaning in FIGURES:
            add(file, key, figures[key], ("setting", "seed"), meaning)
        for column, rows in histories.items():
            if rows.shape[2] == epochs and column != "epoch":
                add(file, f"history_{column}", rows, ("setting", "seed", "epoch"), "column of metrics.csv")


def add(file, name, values, axes, meaning):
    dataset = file.create_dataset(name, data=values)
    dataset.attrs["description"] = meaning
    for i, axis in enumerate(axes):
        dataset.dims[i].attach_scale(file[axis])


def tell(values, digits):
    """Mean and standard deviation over seeds."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return "–"
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def table_of(names, figures):
    shown = [("loss", 2), ("code_length", 2), ("kl_c", 3), ("kl_z", 2), ("grad_ratio_first", 2), ("grad_ratio", 2),
             ("test_loss", 2), ("nmi", 3), ("acc", 3), ("ari", 3)]
    lines = ["| setting | loss | loss + label entropy | KL_c | KL_z | grad z/c, epoch 2 | last | test loss | NMI | ACC | ARI |",
             "|---|" + "---|" * len(shown)]
    for i, name in enumerate(names):
        lines.append("| " + " | ".join([name, *(tell(figures[key][i], digits) for key, digits in shown)]) + " |")
    return lines


def findings(names, figures):
    """The best of the settings that know no labels, those it is not told apart from, and what weighting does."""
    free = [i for i, name in enumerate(names) if name.startswith("vhe-") and name != "vhe-given"]
    lines = []
    for key, best, meaning in (("code_length", np.nanargmin, "code length"), ("nmi", np.nanargmax, "NMI")):
        if np.isfinite(figures[key][free]).all(axis=1).any():
            means = np.mean(figures[key][free], axis=1)
            place = free[int(best(means))]
            spread = np.nanstd(figures[key][place], ddof=1) if np.isfinite(figures[key][place]).sum() > 1 else 0
            near = [names[i] for i, mean in zip(free, means) if i != place and abs(mean - figures[key][place].mean()) <= spread]
            ties = f"; within one deviation: {', '.join(near)}" if near else ""
            lines.append(f"Best unsupervised setting by {meaning}: {names[place]} ({tell(figures[key][place], 3)}){ties}.")
    for clusters in CLUSTERS:
        plain = f"vhe-{clusters}-none"
        if plain not in names:
            continue
        parts = []
        for weighting in WEIGHTINGS[1:]:
            other = f"vhe-{clusters}-{weighting}"
            if other in names:
                gain = figures["nmi"][names.index(other)] - figures["nmi"][names.index(plain)]
                change = figures["code_length"][names.index(other)] - figures["code_length"][names.index(plain)]
                parts.append(f"{weighting}: NMI {tell(gain, 3)}, code length {tell(change, 2)}")
        if parts:
            lines.append(f"K = {clusters}, against equal weights, seed by seed: " + "; ".join(parts) + ".")
    return lines


def draw(path, names, figures, epochs):
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    for axes, key, label in zip(figure.subplots(1, 2), ("code_length", "nmi"),
                                ("loss + label entropy, nats", "NMI with the digits")):
        for weighting in WEIGHTINGS:
            rows = [(k, figures[key][names.index(f"vhe-{k}-{weighting}")]) for k in CLUSTERS
                    if f"vhe-{k}-{weighting}" in names]
            rows = [(k, values) for k, values in rows if np.isfinite(values).any()]
            if rows:
                axes.errorbar([k for k, _ in rows], [np.nanmean(v) for _, v in rows],
                              [np.std(v, ddof=1) if len(v) > 1 else 0 for _, v in rows], marker="o", capsize=3, label=f"k-means, {weighting}")
        for name, style in (("vae", ":"), ("vae-wide", "-."), ("vhe-given", "--")):
            if name in names and np.isfinite(figures[key][names.index(name)]).any():
                axes.axhline(np.nanmean(figures[key][names.index(name)]), color="gray", linestyle=style, label=name)
        axes.set(xscale="log", xlabel="clusters K", ylabel=label)
    figure.axes[0].legend(fontsize="small")
    figure.suptitle(f"Homoencoders with pseudo-labels, after {epochs} epochs (mean and deviation over seeds)")
    figure.savefig(path, dpi=120)


def finish(arguments, runs):
    absent = [run for run in runs if not is_done(arguments, run)]
    if absent:
        raise StudyError(f"{len(absent)} of {len(runs)} runs are not done, {absent[0][2]} among them: no table yet")
    names, seeds, figures, histories = collect(runs)
    write_file(arguments.out / "study.h5", names, seeds, figures, histories)
    lines = table_of(names, figures) + [""] + findings(names, figures)
    (arguments.out / "study.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(arguments.out / "study.png", names, figures, arguments.epochs)
    print("\n".join(lines))
    print(f"\n{arguments.out}/study.h5, study.md, study.png")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", help="dataset file of the training images")
    parser.add_argument("test", help="dataset file of the test images")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each setting")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one for each core)")
    parser.add_argument("--launch", default="", help="what starts mpiae (\"mpirun -n 2\"); default: one rank by itself")
    parser.add_argument("--mpiae", default="mpiae", help="the program")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="settings, by name or the begin of it")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="further configuration of every run")
    parser.add_argument("--task", type=int, help="do only this run, by its number")
    parser.add_argument("--list", action="store_true", help="number the runs, and end")
    parser.add_argument("--out", type=Path, default=Path("runs/study-vhe-mnist"))
    return parser.parse_args()


def main():
    arguments = parse()
    if any("=" not in setting for setting in arguments.set):
        raise StudyError(f"--set {' '.join(arguments.set)}: give KEY=VALUE")
    runs = runs_of(arguments)
    if arguments.list:
        for number, (name, seed, directory, _) in enumerate(runs):
            print(number, name, f"seed {seed}", directory)
        return
    if arguments.task is not None:
        if not 0 <= arguments.task < len(runs):
            raise StudyError(f"--task {arguments.task}: there are runs 0 to {len(runs) - 1}")
        do_run(arguments, runs[arguments.task])
        return
    do_runs(arguments, runs)
    finish(arguments, runs)


if __name__ == "__main__":
    try:
        main()
    except (StudyError, OSError, KeyError, json.JSONDecodeError) as error:
        print(f"vhe_mnist: error: {error}", file=sys.stderr)
        sys.exit(1)
