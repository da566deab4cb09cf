"""What every contestant shares: the workloads, the training rows, and the stopwatch.

scripts/bench imports this before anything is installed, so numpy is imported only where arrays are made.
"""
import argparse
import json
import struct
import time
from typing import NamedTuple


class Goal(NamedTuple):
    """Samples/s to reach, and what peers reached, on two 2.5 GHz Cascade Lake cores."""
    target: float                   # samples/s asked of Weft
    pytorch: float                  # samples/s of PyTorch, the faster of its forms
    best_peer: str
    best: float                     # samples/s of that peer


GOAL_PEAK_GFLOPS = 304.0           # FMA peak of those two cores


class Workload(NamedTuple):
    name: str
    widths: tuple                   # inputs, hidden layers, classes
    batch: int
    optimizer: str
    goal: Goal
    learning_rate: float = 0.01
    momentum: float = 0.0
    batch_norm: bool = False        # before each hidden activation
    dropout: float = 0.0            # of each hidden layer
    l2: float = 0.0                 # lambda / (2 batch) * sum W^2

    @property
    def layers(self):
        """(fan_in, fan_out) of each dense layer."""
        return list(zip(self.widths, self.widths[1:]))

    @property
    def title(self):
        extras = [f"{self.optimizer}{f' {self.momentum:g}' if self.momentum else ''}, rate {self.learning_rate:g}"]
        extras += ["batch-norm"] if self.batch_norm else []
        extras += [f"dropout {self.dropout:g}"] if self.dropout else []
        extras += [f"L2 {self.l2:g}"] if self.l2 else []
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch}, {', '.join(extras)}"

    @property
    def flop_per_sample(self):
        """Forward and weight gradient in every layer, gradient to the input in all but the first."""
        multiplications = [fan_in * fan_out for fan_in, fan_out in self.layers]
        return 4 * sum(multiplications) + 2 * sum(multiplications[1:])

    @property
    def products(self):
        """(layer, direction, fan_in, fan_out) of every matrix product of a step; layer 1 first."""
        return [(layer, direction, fan_in, fan_out)
                for layer, (fan_in, fan_out) in enumerate(self.layers, 1)
                for direction in ("forward", "gradient", "backward") if (layer, direction) != (1, "backward")]


NARROW, MIDDLE, TALL, WIDE = (784, 20, 7, 5, 10), (784, 128, 128, 128, 10), (784, 500, 250, 100, 10), (784, 2048, 2048, 2048, 10)

WORKLOADS = {w.name: w for w in (
    Workload("W1a", NARROW, 256, "SGD", Goal(1_800_000, 270_000, "KANN", 369_000)),
    Workload("W1b", NARROW, 256, "SGD", Goal(1_400_000, 108_000, "darknet", 124_000), batch_norm=True),
    Workload("W1c", NARROW, 256, "SGD", Goal(1_800_000, 186_000, "PyTorch", 186_000), l2=0.1),
    Workload("W2a", MIDDLE, 128, "SGD", Goal(320_000, 83_000, "KANN", 84_000)),
    Workload("W2b", MIDDLE, 128, "SGD", Goal(300_000, 46_500, "mlpack", 54_000), dropout=0.1),
    Workload("W2c", MIDDLE, 128, "SGD", Goal(300_000, 55_600, "PyTorch", 55_600), batch_norm=True),
    Workload("W3", TALL, 64, "Adam", Goal(48_000, 15_600, "KANN", 20_400), learning_rate=0.001),
    Workload("W4", (3072, 10), 100, "SGD", Goal(800_000, 129_000, "KANN", 137_000)),
    Workload("W5", WIDE, 1024, "momentum", Goal(3_800, 3_200, "PyTorch", 3_200), momentum=0.9, batch_norm=True),
)}


def read_idx(path):
    """The bytes of an unpacked IDX file as an array of its shape."""
    import numpy as np
    with open(path, "rb") as file:
        _, _, kind, dimensions = struct.unpack(">BBBB", file.read(4))
        if kind != 8:
            raise SystemExit(f"{path}: element type {kind}, expected 8 (unsigned bytes)")
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        return np.fromfile(file, dtype=np.uint8).reshape(shape)


def training_rows(directory, batch):
    """Pixels as float32 from 0 to 1 and labels, cut to whole batches. The rows are in random order as they stand."""
    import numpy as np
    pixels = read_idx(f"{directory}/train-images-idx3-ubyte")
    labels = read_idx(f"{directory}/train-labels-idx1-ubyte")
    rows = len(pixels) // batch * batch
    return pixels[:rows].reshape(rows, -1).astype(np.float32) / np.float32(255), labels[:rows].astype(np.int64)


def samples_per_s(step, batches, batch_size, seconds):
    """Call step(*batch) through all batches again and again; the rate after a warm-up of a quarter of the time."""
    def run_for(duration, least):
        steps, start = 0, time.perf_counter()
        while True:
            step(*batches[steps % len(batches)])
            steps += 1
            elapsed = time.perf_counter() - start
            if elapsed >= duration and steps >= least:
                return steps / elapsed
    run_for(seconds / 4, 3)
    return batch_size * run_for(seconds, 2)


def peer_arguments(description):
    """The command line that every peer in Python understands."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--workload", choices=WORKLOADS, default="W1a")
    parser.add_argument("--data", metavar="DIR", help="unpacked IDX files")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="of timed training for each form")
    parser.add_argument("--form", help="only this one; default: every form, one after the other")
    return parser


def print_rates(forms, wanted, rate_of):
    """Time the form that is wanted, or all, and print {form: samples/s} as JSON."""
    if wanted is not None and wanted not in forms:
        raise SystemExit(f"no form {wanted!r}; there are: {'; '.join(forms)}")
    print(json.dumps({name: rate_of(form) for name, form in forms.items() if wanted in (None, name)}))
