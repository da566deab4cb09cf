#!/usr/bin/python3
"""Compare the weights of two Weft models, layer by layer.

    scripts/examples/compare_weights.py A.h5 B.h5 [OUT.png]

Prints, for each layer that both have, mean |W|, the L2 norm and the share of small weights (|W| < 0.001); and if the layers have
one shape, how far the two are apart: |A - B| / |A|, and the cosine of the angle between them. OUT.png gets the distributions. Needs h5py and
numpy, for the picture matplotlib.
"""
import os
import sys

import h5py
import numpy as np

SMALL = 1e-3


def weights(checkpoint):
    with h5py.File(checkpoint, "r") as file:
        return {name: layer["weight"][:].astype(float) for name, layer in sorted(file["layers"].items())}


def figures(w):
    return np.abs(w).mean(), np.linalg.norm(w), (np.abs(w) < SMALL).mean()


def distance(a, b):
    """|A - B| / |A| and the cosine between them; NaN for other shapes."""
    if a.shape != b.shape:
        return float("nan"), float("nan")
    return np.linalg.norm(a - b) / np.linalg.norm(a), (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b))


def print_table(a, b):
    print(f"{'layer':5}  {'shape':>11}  {'mean |W| A':>10} {'B':>8}  {'L2 norm A':>9} {'B':>8}  {'small A':>7} {'B':>6}  "
          f"{'distance':>8}  {'cosine':>7}")
    for name in sorted(a.keys() & b.keys()):
        mean_a, norm_a, small_a = figures(a[name])
        mean_b, norm_b, small_b = figures(b[name])
        apart, cosine = distance(a[name], b[name])
        shape = " x ".join(map(str, a[name].shape))
        print(f"{name:5}  {shape:>11}  {mean_a:10.5f} {mean_b:8.5f}  {norm_a:9.3f} {norm_b:8.3f}  {small_a:7.1%} {small_b:6.1%}  "
              f"{apart:8.4f}  {cosine:7.4f}")


def draw(a, b, labels, out):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    layers = sorted(a.keys() & b.keys())
    figure, row = plt.subplots(1, len(layers), figsize=(3.4 * len(layers), 3.2), layout="constrained", squeeze=False)
    for axes, name in zip(row[0], layers):
        edges = np.histogram_bin_edges(np.concatenate([a[name].ravel(), b[name].ravel()]), 60)
        for w, label, color in ((a[name], labels[0], "tab:blue"), (b[name], labels[1], "tab:orange")):
            axes.hist(w.ravel(), edges, histtype="step", density=True, color=color, label=label)
        axes.set(title=f"layer {name}", xlabel="weight", yticks=[])
    row[0][0].legend(frameon=False)
    figure.savefig(out, dpi=110)


def main(path_a, path_b, out=None):
    a, b = weights(path_a), weights(path_b)
    print_table(a, b)
    if out:
        draw(a, b, [os.path.join(*path.split(os.sep)[-2:]) for path in (path_a, path_b)], out)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
