"""The Python examples in scripts/examples, each run as a reader would, and what they say held against the command."""
import csv
import os
import subprocess
import sys
import unittest

import h5py
import numpy as np

from weft_run import ROOT, WeftTest, sets

EXAMPLES = os.path.join(ROOT, "scripts", "examples")
LOAD = f"csv:{os.path.join(ROOT, 'examples', 'tables', 'load.csv')}?label=load"
ALARMS = f"csv:{os.path.join(ROOT, 'examples', 'tables', 'alarms.csv')}?label=overheated,overloaded"
PIXELS = "digits:?train=600&test=100"

try:
    import matplotlib.image
except ImportError:
    matplotlib = None

# Data, settings, and what the files of these data are called for numpy.
RUNS = {
    "relu": (PIXELS, sets(network__hidden="20, 7", network__batch_norm="after")),
    "gelu": (PIXELS, sets(network__hidden="20, 7", network__activation="gelu, softplus", network__batch_norm="before")),
    "elu": (PIXELS, sets(network__hidden="20, 7", network__activation="elu, leaky_relu", data__scaling="standardize")),
    "softmax": (PIXELS, sets(network__hidden="none")),
    "load": (LOAD, sets(network__output="linear", network__loss="mse", data__scaling="standardize", network__hidden="8")),
    "alarms": (ALARMS, sets(network__output="sigmoid", network__loss="binary_cross_entropy", network__activation="sigmoid")),
}


def rows_of(data):
    """The raw test rows (of a table: all), as the example wants them."""
    path, _, query = data.partition(":")[2].partition("?")
    if not path:
        return None
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    labels = query.partition("=")[2].split(",")
    columns = [i for i, name in enumerate(lines[0]) if name not in labels]
    return np.array([[float(line[i] or "nan") for i in columns] for line in lines[1:]], np.float32)


class Examples(WeftTest):
    def example(self, name, *arguments):
        done = subprocess.run([sys.executable, os.path.join(EXAMPLES, name), *arguments], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def train(self, name, data=None, **more):
        source, settings = RUNS[name]
        data = data or source
        self.ok("train", "--data", data, *settings, *sets(train__epochs=4, train__batch_size=32, **more), "--out", self.path(name))
        return data

    def assert_predicts_alike(self, name, data):
        rows, file_of_rows = rows_of(data), self.path("digits", "t10k-images-idx3-ubyte")
        if rows is not None:
            file_of_rows = self.path("rows.npy")
            np.save(file_of_rows, rows)
        text = self.example("predict_with_numpy.py", self.path(name, "last.h5"), file_of_rows, self.path("out.npy"))
        self.assertEqual(len(text.splitlines()), 10)
        split = ["--split", "test" if rows is None else "all"]
        self.ok("predict", self.path(name, "last.h5"), "--data", data, *split, "--out", self.path("out.h5"))
        with h5py.File(self.path("out.h5"), "r") as file:
            ours = file["value" if "value" in file else "probability"][:].astype(float)
        theirs = np.load(self.path("out.npy"))
        self.assertEqual(ours.shape, theirs.shape)
        scale = max(1.0, np.abs(theirs).max())
        self.assertLess(np.abs(ours - theirs).max() / scale, 2e-5)
        self.assertGreater(theirs.std(axis=0).max(), 1e-3)                      # not all rows alike

    def test_numpy_predicts_what_the_command_predicts(self):
        self.ok("digits", "--out", self.path("digits"), "--train", 600, "--test", 100)
        for name in RUNS:
            with self.subTest(name):
                self.assert_predicts_alike(name, self.train(name))

    def test_numpy_fills_missing_values_in(self):
        with open(LOAD.partition(":")[2].partition("?")[0], newline="", encoding="utf-8") as file:
            head, *lines = csv.reader(file)
        with open(self.path("gaps.csv"), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head] + [["" if i % 7 == 0 else line[0], *line[1:]] for i, line in enumerate(lines)])
        data = self.train("load", f"csv:{self.path('gaps.csv')}?label=load", data__missing="median")
        self.assert_predicts_alike("load", data)

    def test_two_models_are_compared(self):
        for name in ("relu", "elu"):
            self.train(name)
        a, b = self.path("relu", "last.h5"), self.path("elu", "last.h5")
        lines = self.example("compare_weights.py", a, b).splitlines()
        with h5py.File(a) as of_a, h5py.File(b) as of_b:
            for line, layer in zip(lines[1:], ("01", "02", "03"), strict=True):
                w, v = (file[f"layers/{layer}/weight"][:].astype(float) for file in (of_a, of_b))
                cells = line.split()
                self.assertEqual(cells[0], layer)
                self.assertEqual(cells[1:4], [str(w.shape[0]), "x", str(w.shape[1])])
                self.assertEqual(cells[4:6], [f"{np.abs(w).mean():.5f}", f"{np.abs(v).mean():.5f}"])
                self.assertEqual(cells[6:8], [f"{np.sqrt((w * w).sum()):.3f}", f"{np.sqrt((v * v).sum()):.3f}"])
                self.assertEqual(cells[-1], f"{(w * v).sum() / np.sqrt((w * w).sum() * (v * v).sum()):.4f}")
        same = self.example("compare_weights.py", a, a).splitlines()
        self.assertTrue(all(line.split()[-2:] == ["0.0000", "1.0000"] for line in same[1:]), same)

    @unittest.skipUnless(matplotlib, "matplotlib is missing")
    def test_pictures_are_drawn(self):
        for name in ("relu", "load"):
            self.train(name)
            self.example("plot_run.py", self.path(name, "last.h5"), self.path(f"{name}.png"))
        self.example("compare_weights.py", self.path("relu", "last.h5"), self.path("relu", "step-0.h5"), self.path("both.png"))
        for name in ("relu", "load", "both"):
            picture = matplotlib.image.imread(self.path(f"{name}.png"))
            self.assertGreater(picture.shape[1], 900)
            self.assertGreater(picture.std(), 0.05)                             # something is drawn

    def test_without_arguments_they_say_how(self):
        for name in sorted(os.listdir(EXAMPLES)):
            if not name.endswith(".py"):
                continue
            done = subprocess.run([sys.executable, os.path.join(EXAMPLES, name)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"scripts/examples/{name} ", done.stderr)


if __name__ == "__main__":
    unittest.main()
