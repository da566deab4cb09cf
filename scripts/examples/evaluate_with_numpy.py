#!/usr/bin/python3
"""Evaluate a Weft checkpoint with h5py and numpy alone.

    scripts/examples/evaluate_with_numpy.py RUN/last.h5 IDX_DIR

IDX_DIR holds t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz. Prints the loss and the accuracy over these
rows as one line of JSON. Shows where everything is in the file; nothing of Weft is needed.
"""
import gzip
import json
import os
import sys

import h5py
import numpy as np


def read_idx(directory, name):
    path = os.path.join(directory, name)
    with (open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")) as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def normalize(group, x):
    """Batch-norm at inference: the running statistics of the file; gamma and beta where it has them."""
    std = np.sqrt(group["running_variance"][:].astype(np.float64) + group.attrs["epsilon"])
    y = (x - group["running_mean"][:]) / std
    return y * group["gamma"][:] + group["beta"][:] if "gamma" in group else y


def logits_of(file, x):
    names = sorted(file["layers"])
    for name in names:
        layer = file["layers"][name]
        x = x @ layer["weight"][:].astype(np.float64) + layer["bias"][:]
        if name == names[-1]:
            return x
        norm = layer.get("batch_norm")
        if norm is not None and norm.attrs["place"] == "before":
            x = normalize(norm, x)
        x = ACTIVATIONS[layer["weight"].attrs["activation"]](x)
        if norm is not None and norm.attrs["place"] == "after":
            x = normalize(norm, x)


def main(checkpoint, directory):
    images = read_idx(directory, "t10k-images-idx3-ubyte")
    labels = read_idx(directory, "t10k-labels-idx1-ubyte")
    with h5py.File(checkpoint, "r") as file:
        x = (images.reshape(len(images), -1) - file["input/mean"][:].astype(np.float64)) * file["input/scale"][:]
        logits = logits_of(file, x)
    logits -= logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    print(json.dumps({"rows": len(labels), "loss": float(-log_p[np.arange(len(labels)), labels].mean()),
                      "accuracy": float((logits.argmax(axis=1) == labels).mean())}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
