"""Problems whose answer is known: what training must find, and what eval and predict must say of it.

Linear models have a closed form: the matrix that made the data, least squares with and without a penalty, and with one-hot
input the (weighted, smoothed) frequencies of the classes in each of its states. Figures of eval are counted again in numpy from
what predict says, and that from the weights in the checkpoint.
"""
import csv
import io
import os
import unittest

import h5py
import numpy as np

from numpy_trainer import ROUNDOFF, Rows, Trainer
from weft_run import WeftTest, sets

LINEAR = dict(network__output="linear", network__loss="mse")
LABELS = dict(network__output="sigmoid", network__loss="binary_cross_entropy")
# All rows in each batch, for good: full-batch steps of a convex problem end in its one answer.
CONVEX = dict(network__hidden="none", data__validation_fraction=0, train__evaluate_every="never", checkpoint__every="never",
              optimizer__name="nesterov", schedule__name="cosine")


def arrays_of(path, *names):
    with h5py.File(path, "r") as file:
        return [file[name][:].astype(np.float64) for name in names]


class Known(WeftTest):
    def table(self, name, x, y, names=None):
        """A CSV file; y: one column or several, whose names are then a, b, c, …. Returns the URI."""
        y = np.asarray(y).reshape(len(x), -1)
        names = names or [chr(ord("a") + k) for k in range(y.shape[1])]
        with open(self.path(name), "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([f"x{j}" for j in range(x.shape[1])] + names)
            for row, target in zip(x.astype(np.float32), y):
                writer.writerow([f"{v:.9g}" if np.isfinite(v) else "" for v in row] + [as_text(v) for v in target])
        return f"csv:{self.path(name)}?label={','.join(names)}"

    def train(self, name, data, **settings):
        summary = self.ok("train", "--data", data, *sets(**settings), "--threads", 1, "--out", self.path("run-" + name), "--json",
                          "--progress", "none")
        return summary, self.path("run-" + name, "last.h5")

    def solve(self, name, data, rows, steps=1500, **settings):
        """Train a convex problem to its end."""
        return self.train(name, data, train__batch_size=rows, train__steps=steps, train__epochs=0, **{**CONVEX, **settings})[1]

    def predict(self, checkpoint, *arguments):
        """The header, and the rows as texts."""
        lines = list(csv.reader(io.StringIO(self.ok("predict", checkpoint, *arguments))))
        self.assertTrue(all(len(line) == len(lines[0]) for line in lines))
        return lines[0], lines[1:]

    def outputs(self, checkpoint, skip, *arguments):
        """The numbers that predict prints behind `skip` columns."""
        return numbers(self.predict(checkpoint, *arguments)[1], skip)


def numbers(rows, skip):
    """9 digits tell which float it was."""
    return np.array([[np.float32(cell) for cell in row[skip:]] for row in rows]).astype(np.float64)


def as_text(value):
    return f"{value:.9g}" if isinstance(value, (float, np.floating)) else str(value)


class Regression(Known):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        self.x = random.normal(size=(200, 5)).astype(np.float32).astype(np.float64)
        self.a, self.b = random.normal(size=(5, 3)), random.normal(size=3)
        self.y = self.x @ self.a + self.b
        self.noisy = self.y + random.normal(size=self.y.shape)

    def test_the_matrix_that_made_the_data(self):
        data = self.table("train", self.x, self.y)
        fresh = np.random.default_rng(2).normal(size=(100, 5))
        test = self.table("test", fresh, fresh @ self.a + self.b)
        for scaling in ("none", "unit", "standardize", "standardize_global"):
            with self.subTest(scaling):
                file = self.solve(scaling, data, 200, data__scaling=scaling, optimizer__learning_rate=0.3,
                                  optimizer__momentum=0.95, data__test=test, **LINEAR)
                weight, bias, mean, scale = arrays_of(file, "layers/01/weight", "layers/01/bias", "input/mean", "input/scale")
                weight = scale[:, None] * weight                    # of raw values
                np.testing.assert_allclose(weight, self.a, atol=1e-5)
                np.testing.assert_allclose(bias - mean @ weight, self.b, atol=1e-5)
                figures = self.ok("eval", file, "--json")
                self.assertEqual((figures["split"], figures["rows"], figures["values"]), ("test", 100, 3))
                self.assertGreater(figures["r2"], 1 - 1e-9)
                self.assertLess(figures["mean_absolute_error"], 1e-5)
                np.testing.assert_allclose(self.outputs(file, 1, "--data", test), fresh @ self.a + self.b, atol=1e-4)

    def test_least_squares_and_ridge(self):
        """The minimum of sum (y - xW - b)^2 / (n C) + k sum W^2 solves (x'x / (n C) + k) W = x'y / (n C), x and y centred."""
        data = self.table("noisy", self.x, self.noisy)
        n, outputs = self.noisy.shape
        x, y = self.x - self.x.mean(axis=0), self.noisy - self.noisy.mean(axis=0)
        for form, strength, coefficient in [("none", 0, 0), ("half_lambda", 0.1, 0.05), ("lambda", 0.1, 0.1),
                                            ("lambda_over_2m", 20, 20 / (2 * n))]:
            with self.subTest(form):
                more = dict(regularization__l2=strength, regularization__l2_form=form) if strength else {}
                file = self.solve(form, data, n, data__scaling="none", optimizer__learning_rate=0.3, **LINEAR, **more)
                want = np.linalg.solve(x.T @ x / (n * outputs) + coefficient * np.eye(5), x.T @ y / (n * outputs))
                weight, bias = arrays_of(file, "layers/01/weight", "layers/01/bias")
                np.testing.assert_allclose(weight, want, atol=2e-6)
                np.testing.assert_allclose(bias, self.noisy.mean(axis=0) - self.x.mean(axis=0) @ want, atol=2e-6)
                figures = self.ok("eval", file, "--split", "train", "--json")
                loss = ((self.x @ weight + bias - self.noisy) ** 2).mean()
                np.testing.assert_allclose(figures["loss"], loss, rtol=1e-6)
                np.testing.assert_allclose(figures["cost"], loss + coefficient * (weight**2).sum(), rtol=1e-6)

    def test_lasso(self):
        """In the minimum with l1, the slope of the loss is -lambda sign(w) where w is not 0, and at most lambda elsewhere."""
        data = self.table("noisy", self.x, self.noisy)
        file = self.solve("lasso", data, 200, data__scaling="none", optimizer__name="sgd", optimizer__learning_rate=0.3,
                          regularization__l1=0.2, **LINEAR)
        weight, bias = arrays_of(file, "layers/01/weight", "layers/01/bias")
        slope = 2 * self.x.T @ (self.x @ weight + bias - self.noisy) / self.noisy.size
        idle = np.abs(weight) < 1e-3
        self.assertTrue(0 < idle.sum() < idle.size, weight)
        np.testing.assert_allclose(slope[~idle], -0.2 * np.sign(weight[~idle]), atol=5e-4)
        self.assertLess(np.abs(slope[idle]).max(), 0.2)

    def test_sines(self):
        def targets(x):
            return np.stack([np.sin(2 * x[:, 0]) + np.sin(3 * x[:, 1]), np.sin(2 * x[:, 0]) * x[:, 1]], axis=1)
        random = np.random.default_rng(3)
        x, fresh = random.uniform(-2, 2, (1500, 2)), random.uniform(-1.9, 1.9, (400, 2))
        data, test = self.table("train", x, targets(x)), self.table("test", fresh, targets(fresh))
        summary, file = self.train("run", data, network__hidden="48, 24", network__activation="tanh", train__batch_size=50,
                                   train__epochs=80, optimizer__learning_rate=0.01, schedule__name="cosine",
                                   data__scaling="standardize", data__test=test, train__evaluate_every="20 epochs", **LINEAR)
        self.assertGreater(summary["test"]["r2"], 0.99)
        self.assertEqual(summary["test"]["r2"], self.ok("eval", file, "--json")["r2"])


class Classes(Known):
    """Input is one-hot of a state: then a softmax regression can say any probabilities for each state."""

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(4)
        self.state = random.integers(0, 3, 400)
        chance = np.array([[4, 3, 2, 1], [1, 1, 1, 7], [3, 3, 3, 1]]) / 10
        self.label = np.array([random.choice(4, p=p) for p in chance[self.state]])
        self.x = np.eye(3)[self.state]
        self.count = np.stack([np.bincount(self.label[self.state == s], minlength=4) for s in range(3)])
        self.states = np.eye(3)

    def probabilities(self, name, y, skip, names=None, **settings):
        """After training: what the model says in each state."""
        data = self.table(name, self.x, y, names)
        file = self.solve(name, data, len(self.x), 3000, data__scaling="none", optimizer__learning_rate=1, **settings)
        self.table("states", self.states, np.repeat(y[:1], 3, axis=0), names)
        return self.outputs(file, skip, "--data", data.replace(name, "states"))

    def test_frequencies(self):
        got = self.probabilities("plain", self.label, 2)
        np.testing.assert_allclose(got, self.count / self.count.sum(axis=1, keepdims=True), atol=1e-5)

    def test_weighted_classes(self):
        """A weight of w counts a row w times."""
        n = self.count.sum(axis=0)
        for weights, w in [("balanced", 1 / n), ("1, 2, 0.5, 5", np.array([1, 2, 0.5, 5]))]:
            with self.subTest(weights):
                got = self.probabilities(weights[:2], self.label, 2, train__class_weights=weights)
                want = w * self.count
                np.testing.assert_allclose(got, want / want.sum(axis=1, keepdims=True), atol=1e-5)
        plain, weighted = self.count.argmax(axis=1), want.argmax(axis=1)
        self.assertTrue((plain != weighted).any(), "the weights shift a decision")
        np.testing.assert_array_equal(got.argmax(axis=1), weighted)

    def test_smoothed_classes(self):
        got = self.probabilities("smooth", self.label, 2, train__label_smoothing=0.2)
        np.testing.assert_allclose(got, 0.8 * self.count / self.count.sum(axis=1, keepdims=True) + 0.2 / 4, atol=1e-5)

    def test_shares(self):
        share = np.random.default_rng(5).dirichlet([1, 2, 3], len(self.x))
        share = np.column_stack((share[:, :2].round(4), 1 - share[:, :2].round(4).sum(axis=1)))
        got = self.probabilities("shares", share, 2)
        np.testing.assert_allclose(got, [share[self.state == s].mean(axis=0) for s in range(3)], atol=1e-5)

    def test_labels(self):
        chance = np.array([[0.2, 0.5], [0.9, 0.4], [0.5, 0.7]])
        y = (np.random.default_rng(6).random((len(self.x), 2)) < chance[self.state]).astype(int)
        mean = np.array([y[self.state == s].mean(axis=0) for s in range(3)])
        np.testing.assert_allclose(self.probabilities("labels", y, 2, **LABELS), mean, atol=1e-5)
        got = self.probabilities("smooth", y, 2, train__label_smoothing=0.2, **LABELS)
        np.testing.assert_allclose(got, 0.8 * mean + 0.1, atol=1e-5)
        got = self.probabilities("squares", y, 2, network__output="sigmoid", network__loss="mse", optimizer__momentum=0.97)
        np.testing.assert_allclose(got, mean, atol=1e-4)

    def test_xor(self):
        x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 8), np.array(["no", "yes", "yes", "no"] * 8)
        for name, settings in {"classes": {}, "a label": LABELS, "a value": LINEAR}.items():
            with self.subTest(name):
                data = self.table("xor", x, y if name == "classes" else (y == "yes").astype(int))
                _, file = self.train(name, data, network__hidden="8", network__activation="tanh", train__batch_size=32,
                                     train__epochs=600, optimizer__learning_rate=0.03, data__validation_fraction=0,
                                     train__evaluate_every="never", checkpoint__every="never", **settings)
                figures = self.ok("eval", file, "--split", "train", "--json")
                if name == "a value":
                    self.assertGreater(figures["r2"], 0.999)
                else:
                    self.assertEqual(figures["accuracy"], 1)
                if name == "classes":
                    self.assertEqual([row[1] for row in self.predict(file, "--data", data)[1]], list(y))

    def test_separable_labels(self):
        random = np.random.default_rng(7)
        x = random.normal(size=(600, 4))
        score = x @ random.normal(size=(4, 3)) / 2 + [0.2, -0.1, 0]
        keep = np.abs(score).min(axis=1) > 0.1
        x, y = x[keep], (score[keep] > 0).astype(int)
        file = self.solve("run", self.table("data", x, y, ["red", "green", "blue"]), len(x), optimizer__learning_rate=3, **LABELS)
        figures = self.ok("eval", file, "--split", "train", "--json")
        self.assertEqual((figures["accuracy"], figures["label_accuracy"], figures["labels"]), (1, 1, 3))
        self.assertEqual(figures["names"], ["red", "green", "blue"])
        for label, column in zip(figures["per_label"], y.T):
            self.assertEqual(label, {"precision": 1, "recall": 1, "f1": 1, "support": column.sum()})


class Sources(Known):
    """The same numbers from files of every format that holds them make the same model."""

    def test_same_weights(self):
        random = np.random.default_rng(12)
        x = np.where(random.random((150, 6)) < 0.3, 0, random.normal(size=(150, 6))).astype(np.float32)
        score = x @ random.normal(size=(6, 3)).astype(np.float32)
        for name, y, settings in [("classes", score.argmax(axis=1), {}), ("values", score, LINEAR),
                                  ("labels", (score > 0.5).astype(np.uint8), LABELS)]:
            csv_uri = self.table(name, x, y)
            np.savez(self.path(name + ".npz"), X=x, y=y)
            os.mkdir(self.path(name + ".d"))
            np.save(self.path(name + ".d", "X.npy"), np.asfortranarray(x))
            np.save(self.path(name + ".d", "y.npy"), y)
            with h5py.File(self.path(name + ".h5"), "w") as file:
                file.create_dataset("X", data=x, chunks=(32, 4), compression="gzip", shuffle=True)
                file["y"] = y
            uris = [csv_uri, f"npy:{self.path(name)}.npz", f"npy:{self.path(name)}.d", f"hdf5:{self.path(name)}.h5"]
            if name != "values":                                        # libsvm has one number a row
                self.write_libsvm(name + ".svm", x, y)
                uris.append(f"libsvm:{self.path(name)}.svm")
            digests = {}
            for i, uri in enumerate(uris):
                with self.subTest(uri):
                    summary, file = self.train(f"{name}-{i}", uri, network__hidden="5", train__epochs=3,
                                               data__scaling="standardize", **settings)
                    with h5py.File(file, "r") as opened:
                        digests[uri] = opened.attrs["data_digest"], summary["weights_digest"]
                    self.assertEqual(digests[uri], digests[csv_uri])

    def write_libsvm(self, name, x, y):
        with open(self.path(name), "w", encoding="utf-8") as file:
            for row, target in zip(x, y):
                label = str(target) if np.ndim(target) == 0 else ",".join(str(k) for k in np.flatnonzero(target))
                print(label, *(f"{j + 1}:{v:.9g}" for j, v in enumerate(row) if v != 0), file=file)


# ---- Figures of eval from what predict says ----

def ratio(a, b):
    return a / b if b else 0.0


def figures_of(said, true):
    """Of a class or label: said and true for each row."""
    hits = (said & true).sum()
    precision, recall = ratio(hits, said.sum()), ratio(hits, true.sum())
    f1 = ratio(2 * precision * recall, precision + recall)
    return {"precision": precision, "recall": recall, "f1": f1, "support": true.sum()}


class Figures(Known):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(8)
        self.x = random.normal(size=(700, 6))
        self.signal = self.x @ random.normal(size=(6, 4)) + random.normal(size=(700, 4)) * 2
        self.label = self.signal.argmax(axis=1)
        self.run = dict(network__hidden="8", train__epochs=3, optimizer__learning_rate=0.01, data__validation_fraction=0.3,
                        train__seed=3)

    def assert_close(self, got, want):
        self.assertEqual(got.keys(), want.keys())
        for key in want:
            self.assertAlmostEqual(got[key], want[key], delta=1e-12 * max(1, abs(want[key])), msg=key)

    def assert_means(self, figures, parts):
        support = np.array([part["support"] for part in parts])
        for name, weight in [("macro", np.ones(len(parts))), ("weighted", support)]:
            want = {key: np.average([part[key] for part in parts], weights=weight) for key in ("precision", "recall", "f1")}
            self.assert_close(figures[name], {**want, "support": support.sum()})

    def said(self, name, y, skip, **settings):
        """Train; the figures of the validation split, its rows, and what predict says of them."""
        _, file = self.train(name, self.table(name, self.x, y), **self.run, **settings)
        header, rows = self.predict(file, "--split", "validation")
        place = np.array([int(row[0]) for row in rows])
        self.assertEqual(list(place), sorted(set(place)))
        self.assertEqual((header[0], len(place)), ("row", 210))
        figures = self.ok("eval", file, "--split", "validation", "--json")
        return figures, place, header, [row[1] for row in rows], numbers(rows, skip)

    def test_values(self):
        y = self.signal[:, :2].astype(np.float32)
        figures, place, header, _, outputs = self.said("values", y, 1, **LINEAR)
        self.assertEqual(len(header), 3)
        y = y[place].astype(np.float64)
        error = outputs - y
        parts = [{"r2": 1 - (e**2).sum() / ((t - t.mean()) ** 2).sum(), "mean_absolute_error": np.abs(e).mean(),
                  "root_mean_square_error": np.sqrt((e**2).mean())} for e, t in zip(error.T, y.T)]
        for got, want in zip(figures["per_value"], parts):
            self.assert_close(got, want)
        self.assert_close({key: figures[key] for key in ("r2", "mean_absolute_error")},
                          {"r2": np.mean([part["r2"] for part in parts]), "mean_absolute_error": np.abs(error).mean()})
        self.assertEqual(figures["cost"], figures["loss"])
        loss = (error**2).mean()
        self.assertAlmostEqual(figures["loss"], loss, delta=4 * ROUNDOFF * loss)        # there, errors are floats

    def test_classes(self):
        names = np.array(["ash", "birch, white", 'the "oak"', "elm"])
        figures, place, header, said, outputs = self.said("classes", names[self.label], 2)
        self.assertEqual(header[2:], figures["names"])
        self.assertEqual(sorted(header[2:]), sorted(names))
        true = np.array([header[2:].index(name) for name in names[self.label[place]]])
        best = outputs.argmax(axis=1)
        self.assertEqual(said, [header[2 + k] for k in best])
        np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=8 * ROUNDOFF)
        parts = [figures_of(best == c, true == c) for c in range(4)]
        for got, want in zip(figures["per_class"], parts):
            self.assert_close(got, want)
        self.assert_means(figures, parts)
        self.assertEqual(figures["confusion"], [[int(((true == t) & (best == p)).sum()) for p in range(4)] for t in range(4)])
        self.assertAlmostEqual(figures["accuracy"], (best == true).mean(), delta=1e-12)
        self.assertAlmostEqual(figures["loss"], -np.log(outputs[np.arange(210), true]).mean(), delta=1e-6)

    def test_labels(self):
        y = (self.signal[:, :3] > [0, 1, 7]).astype(int)
        figures, place, header, said, outputs = self.said("labels", y, 2, **LABELS)
        self.assertEqual(header, ["row", "labels", "a", "b", "c"])
        true, yes = y[place] == 1, outputs >= 0.5
        self.assertEqual(said, ["|".join(name for name, is_said in zip("abc", row) if is_said) for row in yes])
        parts = [figures_of(s, t) for s, t in zip(yes.T, true.T)]
        for got, want in zip(figures["per_label"], parts):
            self.assert_close(got, want)
        self.assert_means(figures, parts)
        self.assertAlmostEqual(figures["accuracy"], (yes == true).all(axis=1).mean(), delta=1e-12)
        self.assertAlmostEqual(figures["label_accuracy"], (yes == true).mean(), delta=1e-12)
        loss = -np.where(true, np.log(outputs), np.log(1 - outputs)).sum(axis=1).mean()
        self.assertAlmostEqual(figures["loss"], loss, delta=1e-5)


# ---- What predict says, from the weights ----

class Predict(Known):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(9)
        self.x = random.normal(size=(300, 5)) * 3 + 1
        self.x[random.random(self.x.shape) < 0.1] = np.nan
        self.y = np.nan_to_num(self.x[:, :2]) ** 2

    def numpy(self, checkpoint, x):
        """Outputs, and how far those of floats may be from them: 4 times as far as numpy's, and 4 roundings."""
        with h5py.File(checkpoint, "r") as file:
            mean, scale, fill = [file["input"][name][:].astype(np.float64) for name in ("mean", "scale", "fill")]
            outputs = file["input"].attrs["outputs"]
        x = (np.where(np.isnan(x), fill, x.astype(np.float32)) - mean) * scale
        rows = Rows(x, t=np.zeros((len(x), outputs)))
        want, rounded = (Trainer(checkpoint, rows, dtype=dtype).outputs(x) for dtype in (np.float64, np.float32))
        return want, 4 * np.abs(want - rounded).max() + 4 * ROUNDOFF * np.abs(want).max()

    def test_agrees_with_numpy(self):
        label = (np.nan_to_num(self.x[:, 0]) > 1).astype(int) + (np.nan_to_num(self.x[:, 1]) > 2)
        for name, y, skip, settings in [
                ("values", self.y, 1, dict(network__activation="gelu, softplus", network__batch_norm="before", **LINEAR)),
                ("classes", label, 2, dict(network__activation="elu, leaky_relu", network__batch_norm="after",
                                            network__dropout=0.2)),
                ("labels", (self.y > 4).astype(int), 2, dict(network__activation="tanh, relu", network__input_dropout=0.1,
                                                                **LABELS))]:
            with self.subTest(name):
                data = self.table(name, self.x, y)
                _, file = self.train(name, data, network__hidden="7, 6", data__missing="mean", data__scaling="standardize",
                                     train__epochs=4, train__batch_size=32, optimizer__learning_rate=0.01, **settings)
                fresh = np.random.default_rng(10).normal(size=(50, 5)) * 3 + 1
                fresh[::7, 2] = np.nan
                new = self.table("new", fresh, np.ones((50, 1)))    # its label is another one's: nobody looks at it
                for source, x in [(data, self.x), (new, fresh)]:
                    want, bound = self.numpy(file, x)
                    got = self.outputs(file, skip, "--data", source)
                    np.testing.assert_allclose(got, want, rtol=0, atol=bound)
                self.assert_files(file, data, skip)

    def assert_files(self, checkpoint, data, skip):
        """What goes to stdout, to a CSV file and to an HDF5 file is the same, with any number of threads."""
        text = self.ok("predict", checkpoint, "--data", data)
        self.ok("predict", checkpoint, "--data", data, "--out", self.path("out.csv"), "--threads", 3)
        self.ok("predict", checkpoint, "--data", data, "--out", self.path("out.h5"), "--threads", 2)
        with open(self.path("out.csv"), newline="", encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        header, rows = self.predict(checkpoint, "--data", data)
        with h5py.File(self.path("out.h5"), "r") as file:
            output = file["value" if skip == 1 else "probability"]
            if output.attrs["names"] != "":
                self.assertEqual(output.attrs["names"].split("\n"), header[skip:])
            np.testing.assert_array_equal(output[:], numbers(rows, skip))
            np.testing.assert_array_equal(file["row"][:], np.arange(300))
            if "class" in file:
                self.assertEqual([header[skip + k] for k in file["class"]], [row[1] for row in rows])


if __name__ == "__main__":
    unittest.main(verbosity=2)
