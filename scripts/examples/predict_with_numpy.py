#!/usr/bin/python3
"""Predict with a Weft model, with h5py and numpy alone.

    scripts/examples/predict_with_numpy.py RUN/best.h5 ROWS [OUT.npy]

ROWS holds raw rows as the model was trained on them (pixels 0 to 255, say), [rows, features] or [rows, height, width]: a .npy file, or
the images of an IDX file, plain or .gz. Prints what the model says of the first rows; OUT.npy gets all outputs: probabilities of
classes or labels, or values. A NaN is a missing value. Nothing of Weft is needed:

    model = load("run/best.h5")
    outputs = predict(model, rows)
"""
import gzip
import math
import sys

import h5py
import numpy as np


def gelu(z):
    return z * 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": gelu,
    "tanh": np.tanh,
    "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),          # 1 / (1 + exp(-z)), and never overflows
    "softplus": lambda z: np.logaddexp(0, z),
}


def read_idx(path):
    """The array in an IDX file of bytes: two zeros, the type, the rank, each dimension, the elements."""
    with (gzip.open(path) if path.endswith(".gz") else open(path, "rb")) as file:
        data = file.read()
    rank = data[3]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(np.frombuffer(data, ">u4", rank, 4))


def load(checkpoint):
    """The model as a dict: mean and scale of the input, what a missing value becomes, layers in order, names of the outputs ([] if
    they have none)."""
    with h5py.File(checkpoint, "r") as file:
        layers = []
        for _, group in sorted(file["layers"].items()):
            layer = {"weight": group["weight"][:], "bias": group["bias"][:], "activation": group["weight"].attrs["activation"]}
            if "batch_norm" in group:
                norm = group["batch_norm"]
                layer["norm"] = {**{name: norm[name][:].astype(float) for name in norm}, **norm.attrs}
            layers.append(layer)
        return {"mean": file["input/mean"][:].astype(float), "scale": file["input/scale"][:], "layers": layers,
                "fill": file["input/fill"][:] if "fill" in file["input"] else np.nan,
                "names": file["input"].attrs["class_names"].split("\n") if file["input"].attrs["class_names"] else []}


def normalize(norm, x):
    """Batch-norm when it is not training: the running statistics; gamma and beta if it learned them."""
    y = (x - norm["running_mean"]) / np.sqrt(norm["running_variance"] + norm["epsilon"])
    return y * norm["gamma"] + norm["beta"] if "gamma" in norm else y


def logits(model, rows):
    """What goes into the output function, [rows, outputs], in double precision."""
    x = np.asarray(rows, float).reshape(len(rows), -1)
    x = (np.where(np.isnan(x), model["fill"], x) - model["mean"]) * model["scale"]
    for layer in model["layers"][:-1]:
        x = x @ layer["weight"] + layer["bias"]
        norm = layer.get("norm")
        if norm and norm["place"] == "before":
            x = normalize(norm, x)
        x = ACTIVATIONS[layer["activation"]](x)
        if norm and norm["place"] == "after":
            x = normalize(norm, x)
    return x @ model["layers"][-1]["weight"] + model["layers"][-1]["bias"]


def predict(model, rows):
    z = logits(model, rows)
    output = model["layers"][-1]["activation"]
    if output == "softmax":
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    return ACTIVATIONS["sigmoid"](z) if output == "sigmoid" else z


def main(checkpoint, rows, out=None):
    model = load(checkpoint)
    outputs = predict(model, np.load(rows) if rows.endswith(".npy") else read_idx(rows))
    if out:
        np.save(out, outputs)
    names = model["names"] or [str(i) for i in range(outputs.shape[1])]
    for n, row in enumerate(outputs[:10]):
        if model["layers"][-1]["activation"] == "softmax":
            print(f"row {n}: {names[row.argmax()]} ({row.max():.1%})")
        else:
            print(f"row {n}: " + ", ".join(f"{name} {value:.4g}" for name, value in zip(names, row)))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
