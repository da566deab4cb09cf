"""A checkpoint is an ordinary HDF5 file: other tools open it and find in it what Weft says."""
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

import h5py
import numpy as np

from weft_run import MNIST, ROOT, WeftTest, md5, sets

sys.path.insert(0, os.path.join(ROOT, "scripts", "examples"))
import evaluate_with_numpy
import predict_with_numpy

NUMPY_EVALUATION = evaluate_with_numpy.__file__
VARIANTS = {
    "plain": sets(network__hidden="20, 7", network__activation="tanh, sigmoid"),
    "before": sets(network__hidden="20, 7", network__batch_norm="before", network__dropout=0.2),
    "after": sets(network__hidden="20, 7", network__batch_norm="after", network__batch_norm_affine="no"),
    "shard": sets(network__hidden="20", network__batch_norm="after", network__batch_norm_statistics="shard"),
    "softmax": sets(network__hidden="none", data__scaling="standardize"),
}


ROUNDOFF = 2.0**-24


def loss_error_bound(file, images):
    """How far a loss in float may be from one in double: a running error bound (Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.3) through the layers, each value x carrying |error| <= e. A cross-entropy moves by at most twice the
    largest error of a logit, and the last few roundings of the softmax add C + 4 of its terms."""
    x = (images.reshape(len(images), -1) - file["input/mean"][:].astype(np.float64)) * file["input/scale"][:]
    e = 2 * ROUNDOFF * np.abs(x)
    names = sorted(file["layers"])
    for name in names:
        layer = file["layers"][name]
        weight, bias = layer["weight"][:].astype(np.float64), layer["bias"][:].astype(np.float64)
        e = e @ np.abs(weight) + (len(weight) + 2) * ROUNDOFF * (np.abs(x) @ np.abs(weight) + np.abs(bias))
        x = x @ weight + bias
        norm = layer.get("batch_norm")
        steps = ["activation"] if name != names[-1] else []
        if norm is not None:
            steps.insert(0 if norm.attrs["place"] == "before" else 1, "norm")
        for step in steps:
            if step == "activation":
                x = predict_with_numpy.ACTIVATIONS[layer["weight"].attrs["activation"]](x)     # slopes are at most 1
                e = e + 4 * ROUNDOFF * np.abs(x)
            else:
                mean = norm["running_mean"][:].astype(np.float64)
                scale = 1 / np.sqrt(norm["running_variance"][:].astype(np.float64) + norm.attrs["epsilon"])
                scale = scale * np.abs(norm["gamma"][:]) if "gamma" in norm else scale
                y = predict_with_numpy.normalize({**{part: norm[part][:] for part in norm}, **norm.attrs}, x)
                e = e * scale + 6 * ROUNDOFF * (np.abs(x - mean) * scale + np.abs(y))
                x = y
    return 2 * e.max() + (x.shape[1] + 4) * ROUNDOFF * (1 + np.abs(x).max())


class Files(WeftTest):
    def digits(self):
        self.ok("digits", "--out", self.path("digits"), "--train", 2000, "--test", 500)
        return f"idx:{self.path('digits')}"

    def test_numpy_reproduces_the_evaluation(self):
        data = self.digits()
        for name, settings in VARIANTS.items():
            with self.subTest(name):
                out = self.path(name)
                self.ok("train", "--data", data, *settings, *sets(train__epochs=3), "--out", out)
                ours = self.ok("eval", os.path.join(out, "last.h5"), "--json")
                theirs = json.loads(subprocess.run([sys.executable, NUMPY_EVALUATION, os.path.join(out, "last.h5"),
                                                    self.path("digits")], capture_output=True, text=True, check=True).stdout)
                self.assertEqual(theirs["rows"], 500)
                self.assertEqual(round(ours["accuracy"] * 500), round(theirs["accuracy"] * 500))
                with h5py.File(os.path.join(out, "last.h5"), "r") as file:
                    bound = loss_error_bound(file, predict_with_numpy.read_idx(self.path("digits", "t10k-images-idx3-ubyte")))
                self.assertLess(abs(ours["loss"] - theirs["loss"]), bound)

    def test_evaluation_of_every_split_equals_that_of_training(self):
        summary = self.ok("train", "--data", self.digits(), *sets(train__epochs=2), "--out", self.path("run"), "--json")
        for split in ("train", "validation", "test"):
            again = self.ok("eval", self.path("run", "last.h5"), "--split", split, "--threads", 3, "--json")
            self.assertEqual(again["loss"], summary[split]["loss"])
            self.assertEqual(again["accuracy"], summary[split]["accuracy"])
            self.assertEqual(again["weights_digest"], summary["weights_digest"])

    def test_same_run_same_bytes(self):
        data = self.digits()
        for name in ("one", "two"):
            self.ok("train", "--data", data, *sets(train__epochs=2), "--threads", 1 if name == "one" else 3, "--out",
                    self.path(name))
            time.sleep(1.1 if name == "one" else 0)     # a clock in the file would show
        for name in ("last.h5", "best.h5", "history.csv", "evaluation.h5"):
            self.assertEqual(md5(self.path("one", name)), md5(self.path("two", name)), name)

    def test_layout(self):
        self.ok("train", "--data", self.digits(), *VARIANTS["before"], *sets(train__epochs=2), "--out", self.path("run"))
        with h5py.File(self.path("run", "last.h5"), "r") as file:
            self.assertEqual(file.attrs["format"], "weft")
            self.assertEqual(file.attrs["step"], 30)
            self.assertEqual(list(file["layers"]), ["01", "02", "03"])
            self.assertEqual(file["layers/01/weight"].shape, (784, 20))
            self.assertEqual(file["layers/01/weight"].dtype, np.dtype("<f4"))
            self.assertEqual(file["layers/02/batch_norm/running_mean"].shape, (7,))
            self.assertEqual(file["optimizer/01/weight/variance"].shape, (784, 20))
            self.assertEqual(file["settings"].attrs["network.dropout"], "0.2")
            self.assertEqual(file["history/step/loss"].shape, (30,))
            self.assertEqual(list(file["history/validation/step"]), [15, 30])
            weight = file["layers/01/weight"][:].astype(np.float64)
            statistics = file["statistics/01/weight"]
            # two double sums of n terms of one sign differ by at most 2 n 2^-53 of their value, in whatever order they are
            # added; a few roundings more for the square, the deviation from the mean, the root and the quotient
            bound = (2 * weight.size + 10) * 2.0**-53
            for figure, want in (("mean_abs", np.abs(weight).mean()), ("l2_norm", np.linalg.norm(weight)), ("std", weight.std())):
                self.assertLessEqual(abs(statistics[figure][-1] - want), bound * want, figure)
            self.assertEqual(statistics["histogram"][-1].sum(), weight.size)
            edges = np.linspace(weight.min(), weight.max(), 65)
            np.testing.assert_allclose(statistics["histogram_edges"][-1], edges, rtol=2.0**-24,      # one rounding to float
                                       atol=8 * 2.0**-53 * np.abs(edges).max())                     # of a few in double
            self.assertGreater(statistics["gradient_l2_norm"][-1], 0)
            self.assertGreater(statistics["update_ratio"][-1], 0)
            self.assert_picture(file, weight)

    def assert_picture(self, file, weight):
        picture = file["images/01/unit_03"]
        self.assertEqual(picture.shape, (28, 28))
        self.assertEqual(picture.attrs["CLASS"], b"IMAGE")
        unit = weight[:, 3].reshape(28, 28)
        want = 128 + np.floor(unit * (127 / np.abs(unit).max()) + 0.5)
        np.testing.assert_array_equal(picture[:], want)

    def test_a_reader_is_never_locked_out(self):
        """A file that h5py holds open neither blocks the run nor changes under the reader."""
        data = self.digits()
        self.ok("train", "--data", data, *sets(train__epochs=1), "--out", self.path("run"))
        with h5py.File(self.path("run", "last.h5"), "r") as file:
            self.ok("resume", self.path("run"), "--epochs", 3)
            self.assertEqual((file.attrs["epoch"], file["history/step/loss"].shape), (1, (15,)))
        with h5py.File(self.path("run", "last.h5"), "r") as file:
            self.assertEqual(file.attrs["epoch"], 3)

    @unittest.skipUnless(shutil.which("h5dump"), "hdf5-tools is not installed")
    def test_hdf5_tools_read_it(self):
        self.ok("train", "--data", self.digits(), *sets(train__steps=2, network__hidden=5), "--out", self.path("run"))
        last = self.path("run", "last.h5")
        listing = subprocess.run(["h5ls", "-r", last], capture_output=True, text=True, check=True).stdout
        self.assertRegex(listing, r"/layers/01/weight +Dataset \{784, 5\}")
        dump = subprocess.run(["h5dump", last], capture_output=True, text=True, check=True)
        self.assertEqual(dump.stderr, "")
        subprocess.run(["h52gif", last, self.path("unit.gif"), "-i", "/images/01/unit_00"], check=True)
        self.assertEqual(open(self.path("unit.gif"), "rb").read(3), b"GIF")

    @unittest.skipUnless(os.path.isdir(MNIST), f"no MNIST at {MNIST}")
    def test_mnist_like_pytorch(self):
        """784-20-7-5-10 ends where a PyTorch run of the same settings ends: 0.88 to 0.93 on the test images."""
        summary = self.ok("train", "--data", f"idx:{MNIST}", *sets(network__hidden="20, 7, 5", train__batch_size=256,
                          data__validation_fraction=0.2, train__epochs=5), "--out", self.path("run"), "--json")
        self.assertEqual((summary["train"]["rows"], summary["validation"]["rows"], summary["test"]["rows"]), (48000, 12000, 10000))
        self.assertGreater(summary["test"]["accuracy"], 0.88)
        theirs = json.loads(subprocess.run([sys.executable, NUMPY_EVALUATION, self.path("run", "last.h5"), MNIST],
                                           capture_output=True, text=True, check=True).stdout)
        self.assertEqual(round(summary["test"]["accuracy"] * 10000), round(theirs["accuracy"] * 10000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
