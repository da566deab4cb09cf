"""Files that NumPy and h5py write, in every form that Weft reads: where they hold the same numbers of the same kind (bytes, or
anything else), the data have the same digest and the weights come out the same, to the last bit."""
import os
import struct
import unittest

import h5py
import numpy as np

from weft_run import WeftTest, sets

ROWS, TEST_ROWS, CLASSES = 600, 100, 5
TRAIN = sets(train__steps=12, train__batch_size=50, network__hidden="7")


def rows(draw, count, shape, dtype=np.uint8):
    """Half floats hold all of these; the classes are there to be learned."""
    label = draw.integers(0, CLASSES, count)
    label[:CLASSES] = range(CLASSES)
    pixel = draw.integers(0, 256, (count, *shape))
    pixel[:, 0] = (label * 50).reshape(-1, *[1] * (len(shape) - 1))
    return pixel.astype(dtype), label


def one_hot(label, dtype):
    return np.eye(CLASSES, dtype=dtype)[label]


class Arrays(WeftTest):
    def setUp(self):
        super().setUp()
        draw = np.random.default_rng(5)
        self.X, self.y = rows(draw, ROWS, (6, 8))
        self.X_test, self.y_test = rows(draw, TEST_ROWS, (6, 8))

    def digests(self, uri, *more):
        out = self.path(f"run{len(os.listdir(self.path()))}")
        done = self.ok("train", "--data", uri, *TRAIN, *more, "--out", out, "--json")
        told = self.ok("inspect", os.path.join(out, "last.h5"), "--json")
        return told["data_digest"], done["weights_digest"], done["test"]["rows"]

    def assert_all_the_same(self, uris, *more):
        first = self.digests(uris[0], *more)
        for uri in uris[1:]:
            self.assertEqual(self.digests(uri, *more), first, uri)
        return first

    def write_npy(self, name, X, y, X_test, y_test, names=("X", "y", "X_test", "y_test")):
        os.mkdir(self.path(name))
        for array, values in zip(names, (X, y, X_test, y_test)):
            np.save(self.path(name, array), values)
        return f"npy:{self.path(name)}"

    def write_npz(self, name, save, X, y, X_test, y_test):
        save(self.path(name), x_train=X, y_train=y, x_test=X_test, y_test=y_test)
        return f"npy:{self.path(name)}.npz"

    def write_h5(self, name, X, y, X_test, y_test, names=("X", "y", "X_test", "y_test"), **options):
        with h5py.File(self.path(name), "w") as file:
            for array, values in zip(names, (X, y, X_test, y_test)):
                file.create_dataset(array, data=values, **(options if values.ndim > 1 else {}))
        return f"hdf5:{self.path(name)}"

    def test_bytes(self):
        X, y, X_test, y_test = self.X, self.y, self.X_test, self.y_test
        os.mkdir(self.path("idx"))
        for part, pixel, label in ("train", X, y), ("t10k", X_test, y_test):
            with open(self.path("idx", f"{part}-images-idx3-ubyte"), "wb") as file:
                file.write(struct.pack(">4B3I", 0, 0, 8, 3, *pixel.shape) + pixel.tobytes())
            with open(self.path("idx", f"{part}-labels-idx1-ubyte"), "wb") as file:
                file.write(struct.pack(">4BI", 0, 0, 8, 1, len(label)) + label.astype(np.uint8).tobytes())
        keras = ("x_train", "y_train", "x_test", "y_test")
        uris = [
            f"idx:{self.path('idx')}",
            self.write_npy("plain", X, y, X_test, y_test),
            self.write_npy("keras", X, y.astype("u1"), X_test, y_test.astype(">i4"), names=keras),
            self.write_npy("fortran", np.asfortranarray(X), y.reshape(-1, 1), np.asfortranarray(X_test), y_test.astype(float)),
            self.write_npy("hot", X, one_hot(y, "f4"), X_test, one_hot(y_test, "?")),
            self.write_npy("channel", X[..., None], y, X_test[:, None], y_test),
            self.write_npz("stored", np.savez, X, y, X_test, y_test),
            self.write_npz("packed", np.savez_compressed, X, y.astype("f4"), X_test, one_hot(y_test, "u1")),
            self.write_h5("plain.h5", X, y, X_test, y_test),
            self.write_h5("keras.h5", X, y.astype("u1"), X_test, y_test.astype(">i2"), names=keras),
            self.write_h5("chunks.h5", X, y, X_test, one_hot(y_test, "f8"), chunks=True),
            self.write_h5("gzip.h5", X, one_hot(y, ">f2"), X_test, y_test, compression="gzip", shuffle=True, fletcher32=True),
            self.write_h5("odd.h5", X, y.astype("f4"), X_test, y_test, chunks=None, names=("a/X", "a/y", "b/X", "b/y"))
            + "?x=a/X&y=a/y&x_test=b/X&y_test=b/y",
        ]
        self.assertEqual(self.assert_all_the_same(uris)[2], TEST_ROWS)

    def test_floats(self):
        """The same numbers of any type but uint8; some are missing."""
        X, y, X_test, y_test = (self.X - 100.0) / 4, self.y, (self.X_test - 100.0) / 4, self.y_test
        X[3, 2, 1] = X[7, 0, 0] = X_test[0, 5, 7] = np.nan
        missing = sets(data__missing="mean", data__scaling="standardize")
        uris = []
        for dtype in "<f4", ">f4", "<f8", ">f8", "<f2", ">f2":
            order = "big" if dtype[0] == ">" else "little"
            name = f"{order}{dtype[1:]}"
            a, b = X.astype(dtype), X_test.astype(dtype)
            uris += [self.write_npy(name, a, y, b, y_test), self.write_h5(f"{name}.h5", a, y, b, y_test),
                     self.write_npz(f"{name}-npz", np.savez_compressed, np.asfortranarray(a), y, b, y_test),
                     self.write_h5(f"{name}-packed.h5", a, y, b, y_test, chunks=(37, 4, 3), compression="gzip", shuffle=dtype != "<f8"),
                     self.write_h5(f"{name}-grows.h5", a, y, b, y_test, chunks=(64, 6, 8), maxshape=(None, 6, 8))]
        self.assert_all_the_same(uris, *missing)

    def test_integers(self):
        """Whole numbers are floats, too, whatever their type, if it is not uint8."""
        X, y, X_test, y_test = self.X // 2, self.y, self.X_test // 2, self.y_test
        uris = [self.write_npy("floats", X.astype("f4"), y, X_test.astype("f8"), y_test)]
        for dtype in "i1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8":
            name = dtype.replace("<", "little").replace(">", "big")
            a, b = X.astype(dtype), X_test.astype(dtype)
            uris += [self.write_npy(name, a, y, b, y_test), self.write_h5(f"{name}.h5", a, y, b, y_test),
                     self.write_h5(f"{name}-packed.h5", a, y, b, y_test, compression="gzip", shuffle=True, fletcher32=True)]
        self.assert_all_the_same(uris)
        truth = [self.write_npy("bool", X > 50, y, X_test > 50, y_test), self.write_h5("bool.h5", X > 50, y, X_test > 50, y_test),
                 self.write_npy("ones", (X > 50).astype("f4"), y, (X_test > 50).astype("f4"), y_test)]
        self.assert_all_the_same(truth)

    def test_cifar(self):
        """Planes: the pictures of the binary version are those of an array [rows, 3, 32, 32]."""
        draw = np.random.default_rng(6)
        os.mkdir(self.path("cifar"))
        X, y = rows(draw, 300, (3, 32, 32))
        y[:10] = range(10)
        for name, first in ("data_batch_1.bin", 0), ("data_batch_4.bin", 100), ("test_batch.bin", 200):
            with open(self.path("cifar", name), "wb") as file:
                for n in range(first, first + 100):
                    file.write(bytes([y[n]]) + X[n].tobytes())
        uris = [f"cifar10:{self.path('cifar')}", f"cifar10:{self.path('cifar')}?batches=4,1",
                self.write_npy("arrays", X[:200], y[:200], X[200:], y[200:]),
                self.write_h5("arrays.h5", X[:200], y[:200], X[200:], y[200:], compression="gzip")]
        self.assertEqual(self.assert_all_the_same(uris)[2], 100)
        self.ok("train", "--data", uris[0], *TRAIN, "--out", self.path("run"))
        with h5py.File(self.path("run", "last.h5"), "r") as file:
            weight = file["layers/01/weight"][:, 0].astype(np.float64).reshape(3, 32, 32)
            want = 128 + np.floor(weight * (127 / np.abs(weight).max()) + 0.5)
            np.testing.assert_array_equal(file["images/01/unit_00"][:], want.transpose(1, 2, 0))

    def test_targets(self):
        """Several labels a row, and values, from either kind of file."""
        draw = np.random.default_rng(7)
        several, values = draw.integers(0, 2, (ROWS, 3)), draw.normal(size=(ROWS, 2)).astype("f4")
        X = self.X.astype("f4")
        for name, target, output, loss in (("labels", several, "sigmoid", "binary_cross_entropy"), ("values", values, "linear", "mse")):
            test = target[:TEST_ROWS]
            uris = [self.write_npy(name, X, target.astype("f8"), self.X_test, test),
                    self.write_h5(f"{name}.h5", X, target.astype(">f4"), self.X_test, test, compression="gzip")]
            self.assert_all_the_same(uris, *sets(network__output=output, network__loss=loss))

    def test_names_of_classes(self):
        uri = self.write_h5("named.h5", self.X, self.y, self.X_test, self.y_test)
        names = ["cat", "dog", "fish", "bird", "cow"]
        with h5py.File(self.path("named.h5"), "a") as file:
            file["class_names"] = np.array(names, "S")
        self.ok("train", "--data", uri, *TRAIN, "--out", self.path("run"))
        report = self.ok("eval", self.path("run", "last.h5"), "--split", "test")
        for name in names:
            self.assertIn(name, report)

    def test_rows_without_labels(self):
        """A prediction needs no y: one .npy file, an archive or an HDF5 file of X alone, or of test rows alone."""
        uri = self.write_npy("data", self.X, self.y, self.X_test, self.y_test)
        self.ok("train", "--data", uri, *TRAIN, "--out", self.path("run"))
        np.save(self.path("alone.npy"), self.X_test)
        np.savez(self.path("alone.npz"), X=self.X_test, other=self.y)
        with h5py.File(self.path("alone.h5"), "w") as file:
            file["data"] = self.X_test
        for name, uri in enumerate((f"npy:{self.path('alone.npy')}", f"npy:{self.path('alone.npz')}", f"hdf5:{self.path('alone.h5')}")):
            self.ok("predict", self.path("run", "last.h5"), "--data", uri, "--out", self.path(f"{name}.csv"))
            with open(self.path(f"{name}.csv")) as file:
                lines = file.readlines()
            self.assertGreaterEqual(len(lines), TEST_ROWS)
            if name == 0:
                first = lines
            self.assertEqual(lines, first)

    def refused(self, uri, pattern, code=65):
        self.fails(code, pattern, "train", "--data", uri, *TRAIN, "--out", self.path("never"))

    def test_what_is_refused(self):
        X, y, none = self.X, self.y, (self.X_test, self.y_test)
        structure = np.zeros(ROWS, [("a", "f4"), ("b", "f4")])
        objects = np.empty((ROWS, 2), object)
        uri = self.write_npy("bad", structure, y, *none)
        self.refused(uri, r"X\.npy: at byte \d+ of its header, wanted the name of a type of numbers, not structures")
        np.save(self.path("bad", "X.npy"), objects)
        self.refused(uri, r"X\.npy: its elements are '\|O' \(Python objects\)")
        np.save(self.path("bad", "X.npy"), X.astype(complex))
        self.refused(uri, r"'<c16' \(complex numbers\)")
        np.save(self.path("bad", "X.npy"), X[:-1])
        self.refused(uri, r"y\.npy: 600 rows, but .*X\.npy has 599")
        infinite = X.astype("f8")
        infinite[5, 1, 2] = 1e300
        np.save(self.path("bad", "X.npy"), infinite)
        self.refused(uri, r"X\.npy: row 5, column 10 is 1e\+300, wanted a number that a float holds")
        os.remove(self.path("bad", "X.npy"))
        self.refused(uri, r"no array X, .* it has: X_test, y, y_test", 66)
        for name, options, pattern in (("lzf.h5", {"compression": "lzf"}, r"packed by filter 32000 \(lzf\), wanted gzip"),
                                       ("scale.h5", {"scaleoffset": 4}, r"packed by filter 6")):
            self.refused(self.write_h5(name, X.astype("i4"), y, *none, **options), name + ": X: it is " + pattern)
        with h5py.File(self.path("links.h5"), "w") as file:
            file["X"], file["y"] = h5py.ExternalLink("other.h5", "X"), y
        self.refused(f"hdf5:{self.path('links.h5')}", "links.h5: X: it is a soft link or a link into another file")
        with h5py.File(self.path("text.h5"), "w") as file:
            file["X"], file["y"] = X, ["a"] * ROWS
        self.refused(f"hdf5:{self.path('text.h5')}", "text.h5: y: its elements are text, wanted integers or floats")
        with open(self.path("cut.npz"), "wb") as file:
            np.savez(file, X=X, y=y)
            file.truncate(file.tell() - 30)
        self.refused(f"npy:{self.path('cut.npz')}", "cut.npz as an archive")


if __name__ == "__main__":
    unittest.main(verbosity=2)
