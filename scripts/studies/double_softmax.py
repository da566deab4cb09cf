#!/usr/bin/python3
"""The last model of the activation study in PyTorch, 784-500-250-100-10 with sigmoids: Adam 0.01, with weight decay 0.001 on all
parameters and without, and the softmax applied once or twice: PyTorch's CrossEntropyLoss applies it itself, and the report's model
ends in one already. Writes double_softmax.json beside this file, which scripts/reproduce puts on the page.

    scripts/studies/double_softmax.py [DATA]        DATA has mnist/*-ubyte[.gz]; default: WEFT_DATA or ../shared/data
"""
import gzip
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
SEEDS = (1, 2)
BATCH, EPOCHS, TRAIN_ROWS = 64, 15, 48_000


def read(folder, name):
    path = folder / name
    data = path.read_bytes() if path.exists() else gzip.decompress((folder / (name + ".gz")).read_bytes())
    return np.frombuffer(data, np.uint8)


def images(folder, name):
    return torch.from_numpy(read(folder, name)[16:].reshape(-1, 784).astype(np.float32) / 255)


def labels(folder, name):
    return torch.from_numpy(read(folder, name)[8:].astype(np.int64))


def network(twice):
    layers = []
    for inputs, units in (784, 500), (500, 250), (250, 100), (100, 10):
        dense = nn.Linear(inputs, units)
        nn.init.xavier_uniform_(dense.weight)
        nn.init.zeros_(dense.bias)
        layers += [dense, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1], *([nn.Softmax(dim=1)] if twice else []))


def accuracy(net, x, y):
    """Percent right, and how many classes the network names at all."""
    with torch.no_grad():
        named = net(x).argmax(dim=1)
    return 100 * (named == y).float().mean().item(), len(named.unique())


def run(folder, seed, twice, decay):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y = images(folder, "train-images-idx3-ubyte"), labels(folder, "train-labels-idx1-ubyte")
    test_x, test_y = images(folder, "t10k-images-idx3-ubyte"), labels(folder, "t10k-labels-idx1-ubyte")
    rows = torch.randperm(len(x))[:TRAIN_ROWS]
    x, y = x[rows], y[rows]
    net = network(twice)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=decay)
    loss = nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for first in range(0, len(x), BATCH):
            batch = order[first:first + BATCH]
            optimizer.zero_grad()
            loss(net(x[batch]), y[batch]).backward()
            optimizer.step()
    return accuracy(net, test_x, test_y)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("WEFT_DATA", HERE.parents[1] / "../shared/data")) / "mnist"
    result = []
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        kinds = [(twice, decay) for decay in (0.001, 0.0) for twice in (True, False)]
        started = [(kind, [pool.submit(run, folder, seed, *kind) for seed in SEEDS]) for kind in kinds]
        for (twice, decay), runs in started:
            runs = [one.result() for one in runs]
            result.append({"softmax": 2 if twice else 1, "weight_decay": decay, "test_accuracy": [r[0] for r in runs],
                           "classes_named": [r[1] for r in runs]})
            print(result[-1], flush=True)
    (HERE / "double_softmax.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
