#!/usr/bin/python3
"""Evaluate a Weft classifier with h5py and numpy alone.

    scripts/examples/evaluate_with_numpy.py RUN/last.h5 IDX_DIR

IDX_DIR holds t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz. Prints the loss and the accuracy over these
rows as one line of JSON.
"""
import json
import os
import sys

import numpy as np

from predict_with_numpy import load, logits, read_idx


def read(directory, name):
    path = os.path.join(directory, name)
    return read_idx(path if os.path.exists(path) else path + ".gz")


def main(checkpoint, directory):
    labels = read(directory, "t10k-labels-idx1-ubyte")
    z = logits(load(checkpoint), read(directory, "t10k-images-idx3-ubyte"))
    z -= z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    print(json.dumps({"rows": len(labels), "loss": float(-log_p[np.arange(len(labels)), labels].mean()),
                      "accuracy": float((z.argmax(axis=1) == labels).mean())}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
