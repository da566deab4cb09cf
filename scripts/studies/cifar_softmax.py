#!/usr/bin/python3
"""Softmax regression on CIFAR-10 in NumPy alone, with the settings of cifar-softmax.ini: which test accuracies can the report's
settings give? Each row is trained with many seeds, once with the rows shuffled anew for each epoch and once in the order of the
file, as the report may have done. Writes cifar_softmax.json beside this file, which scripts/reproduce puts on the page.

    scripts/studies/cifar_softmax.py [DATA]         DATA has cifar-10/data_batch_1.bin[.gz]; default: WEFT_DATA or ../shared/data
"""
import gzip
import json
import os
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SEEDS = range(1, 21)
BATCH, EPOCHS, STD = 100, 40, 0.01
ROWS = [("lambda 0, eta 0.1", 0.0, 0.1), ("lambda 0, eta 0.001", 0.0, 0.001),
        ("lambda 0.1, eta 0.001", 0.1, 0.001), ("lambda 1, eta 0.001", 1.0, 0.001)]


def read(folder, name):
    """Pixels N x 3072 and labels N of one binary file."""
    path = folder / name
    data = path.read_bytes() if path.exists() else gzip.decompress((folder / (name + ".gz")).read_bytes())
    rows = np.frombuffer(data, np.uint8).reshape(-1, 3073)
    return rows[:, 1:].astype(np.float32), rows[:, 0].astype(int)


def train(x, y, penalty, rate, seed, shuffled):
    """Weights 3072 x 10 and biases after EPOCHS epochs; the cost is the mean loss + penalty * sum W^2."""
    random = np.random.default_rng(seed)
    w = (STD * random.standard_normal((x.shape[1], 10))).astype(np.float32)
    b = np.zeros(10, np.float32)
    for _ in range(EPOCHS):
        order = random.permutation(len(x)) if shuffled else np.arange(len(x))
        for first in range(0, len(x), BATCH):
            rows = order[first:first + BATCH]
            p = x[rows] @ w + b
            p = np.exp(p - p.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(rows)), y[rows]] -= 1
            p /= len(rows)
            w -= np.float32(rate) * (x[rows].T @ p + np.float32(2 * penalty) * w)
            b -= np.float32(rate) * p.sum(axis=0)
    return w, b


def main():
    data = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("WEFT_DATA", HERE.parents[1] / "../shared/data")
    folder = Path(data) / "cifar-10"
    x, y = read(folder, "data_batch_1.bin")
    test_x, test_y = read(folder, "test_batch.bin")
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, test_x = (x - mean) / deviation, (test_x - mean) / deviation
    result = {"seeds": len(SEEDS), "rows": {}}
    for name, penalty, rate in ROWS:
        result["rows"][name] = {}
        for order in "shuffled", "file order":
            accuracy = []
            for seed in SEEDS:
                w, b = train(x, y, penalty, rate, seed, order == "shuffled")
                accuracy.append(float(100 * np.mean(np.argmax(test_x @ w + b, axis=1) == test_y)))
            result["rows"][name][order] = accuracy
            print(f"{name}, {order}: {np.mean(accuracy):.2f} +- {np.std(accuracy, ddof=1):.2f}, "
                  f"{min(accuracy):.2f} to {max(accuracy):.2f}", flush=True)
    (HERE / "cifar_softmax.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
