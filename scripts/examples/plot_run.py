#!/usr/bin/python3
"""Draw a run: cost and accuracy over the steps, and the first layer's weights as pictures.

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


def main(checkpoint, out):
    with h5py.File(checkpoint, "r") as file:
        losses = file["history/step/loss"][:]
        history = {split: {name: column[:] for name, column in file["history"][split].items()}
                   for split in ("train", "validation") if len(file["history"][split]["step"])}
        sheet, palette = file["images/01/sheet"][:], file["images/palette"][:]
        widths = [file["input"].attrs["features"]] + [layer["bias"].shape[0] for layer in file["layers"].values()]
        title = f"{'-'.join(map(str, widths))}, step {file.attrs['step']}, epoch {file.attrs['epoch']:g}"
    figure, (cost, accuracy, weights) = plt.subplots(1, 3, figsize=(13, 4), width_ratios=[1, 1, 1.05], layout="constrained")
    figure.suptitle(title)
    steps, means = smoothed(losses, max(1, len(losses) // 200))
    cost.plot(steps, means, color="0.75", linewidth=0.8, label="minibatch loss")
    for split, color in (("train", "tab:blue"), ("validation", "tab:orange")):
        if split in history:
            cost.plot(history[split]["step"], history[split]["cost"], color=color, marker=".", label=f"{split} cost")
            accuracy.plot(history[split]["step"], 100 * history[split]["accuracy"], color=color, marker=".", label=split)
    cost.set(xlabel="step", ylabel="nats", ylim=(0, None))
    accuracy.set(xlabel="step", ylabel="accuracy [%]")
    for axes in (cost, accuracy):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    weights.imshow(palette[sheet] if sheet.ndim == 2 else sheet, interpolation="nearest")
    weights.set(title="first-layer weights (blue -, red +)")
    weights.axis("off")
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
