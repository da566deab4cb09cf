#!/usr/bin/python3
"""Draw a run: cost and accuracy (of a regression R²) over the steps, and the first layer's weights as pictures.

    scripts/examples/plot_run.py RUN/last.h5 OUT.png

Needs h5py, numpy and matplotlib (Debian: python3-h5py python3-matplotlib). Everything is read from the checkpoint.
"""
import sys

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def smoothed(values, width):
    """Means of `width` neighbouring steps, and the step in the middle of each."""
    count = len(values) // width
    return (np.arange(count) + 0.5) * width, values[: count * width].reshape(count, width).mean(axis=1)


def load(checkpoint):
    with h5py.File(checkpoint, "r") as file:
        widths = [file["input"].attrs["features"]] + [layer["bias"].shape[0] for layer in file["layers"].values()]
        run = {
            "title": f"{'-'.join(map(str, widths))}, step {file.attrs['step']}, epoch {file.attrs['epoch']:g}",
            "step_loss": file["history/step/loss"][:],
            "history": {split: {name: column[:] for name, column in file["history"][split].items()}
                        for split in ("train", "validation", "test") if len(file["history"][split]["step"])},
            "statistics": {name: (tensor["weight/step"][:], tensor["weight/mean_abs"][:])
                           for name, tensor in sorted(file["statistics"].items())},
        }
        if "images/01/sheet" in file:                   # rows that are no pictures have none
            sheet = file["images/01/sheet"][:]
            run["sheet"] = file["images/palette"][:][sheet] if sheet.ndim == 2 else sheet
    return run


def draw_histories(run, cost, score):
    steps, means = smoothed(run["step_loss"], max(1, len(run["step_loss"]) // 200))
    cost.plot(steps, means, color="0.75", linewidth=0.8, label="minibatch loss")
    figure, scale, label = ("accuracy", 100, "accuracy [%]")
    if any("r2" in rows for rows in run["history"].values()):
        figure, scale, label = ("r2", 1, "R²")
    for (split, rows), color in zip(run["history"].items(), ("tab:blue", "tab:orange", "tab:green")):
        cost.plot(rows["step"], rows["cost"], color=color, marker=".", label=f"{split} cost")
        score.plot(rows["step"], scale * rows[figure], color=color, marker=".", label=split)
    cost.set(xlabel="step", ylabel="cost", ylim=(0, None))
    score.set(xlabel="step", ylabel=label)


def draw_weights(run, axes):
    """Pictures of the first layer, or how the weights of each layer have grown."""
    if "sheet" in run:
        axes.imshow(run["sheet"], interpolation="nearest")
        axes.set(title="first-layer weights (blue -, red +)")
        axes.axis("off")
        return
    for name, (steps, mean_abs) in run["statistics"].items():
        axes.plot(steps, mean_abs, label=f"layer {name}")
    axes.set(xlabel="step", ylabel="mean |W|", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def main(checkpoint, out):
    run = load(checkpoint)
    figure, (cost, score, weights) = plt.subplots(1, 3, figsize=(13, 4), width_ratios=[1, 1, 1.05], layout="constrained")
    figure.suptitle(run["title"])
    draw_histories(run, cost, score)
    for axes in (cost, score):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    draw_weights(run, weights)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
