"""Weft against numpy: 20 steps of every loss, optimizer, activation, penalty, schedule and scaling end in the same weights.

numpy_trainer.py begins from Weft's checkpoint of step 0 and ends, in double, in what the checkpoint of step 20 must hold but for
roundings. How far those may lead follows from numpy itself: the same steps in float32, three times, the rows of each shard
added up in other orders. An array passes if it is no farther from double than ORDERS_FACTOR times the farthest of these, and one
rounding of each stored weight a step. That a wrong term leads farther away than this is tested, too: see MUTANTS.
"""
import os
import re
import tempfile
import types
import unittest

import h5py
import numpy as np

import numpy_trainer
from numpy_trainer import ROUNDOFF
from weft_run import WeftTest, sets

STEPS = 20
ORDERS, ORDERS_FACTOR = 3, 4


# ---- Data: small, of every kind, and with numbers that a float holds ----

def draw(seed=7, rows=96, features=7):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, features)) * np.linspace(0.5, 3, features) + np.linspace(-2, 5, features)
    signal = (x - x.mean(axis=0)) @ random.normal(size=(features, 4)) * 0.5
    return random, x.astype(np.float32), signal


def write_csv(path, columns):
    np.savetxt(path, np.column_stack(columns), fmt="%.9g", delimiter=",")      # 9 digits tell all floats apart


def write_idx(path, array):
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes())


class Data:
    """Files in a directory: uri(kind) for Weft, raw(kind) and rows(…) for numpy."""

    def __init__(self, directory):
        self.directory = directory
        random, self.x, signal = draw()
        noise = random.gumbel(size=signal.shape)
        self.label = (signal + noise + [1, 0.5, 0, -0.5]).argmax(axis=1)
        share = np.exp(signal)
        self.share = np.round(share / share.sum(axis=1, keepdims=True), 3)
        self.share[:, 0] += 1 - self.share.sum(axis=1)
        self.share = np.abs(self.share).astype(np.float32)
        self.labels = (signal[:, :3] + noise[:, :3] > 0.5).astype(float)
        self.values = (signal[:, :3] + 0.1 * noise[:, :3]).astype(np.float32)
        self.missing = np.where(random.random(self.x.shape) < 0.1, np.nan, self.x)
        self.image = np.minimum(random.integers(0, 256, (96, 6, 5)), np.arange(30).reshape(6, 5) * 20)
        target = {"classes": self.label, "values": self.values, "labels": self.labels, "soft": self.share}
        for kind, columns in target.items():
            write_csv(self.path(kind), (self.x, columns))
        write_csv(self.path("numbers"), (self.x, self.label))
        write_csv(self.path("missing"), (self.missing, self.label))
        write_csv(self.path("one_more"), (np.vstack((self.x, self.x[:1] + 1)), np.append(self.label, 0)))
        write_idx(self.path("train-images-idx3-ubyte"), self.image)
        write_idx(self.path("train-labels-idx1-ubyte"), self.label)

    def path(self, name):
        return os.path.join(self.directory, name)

    def uri(self, kind):
        labels = {"values": "-3,-2,-1", "labels": "-3,-2,-1", "soft": "-4,-3,-2,-1"}.get(kind, "-1")
        return f"idx:{self.directory}" if kind == "bytes" else f"csv:{self.path(kind)}?header=no&label={labels}"

    def raw(self, kind):
        if kind == "bytes":
            return self.image.reshape(96, 30).astype(np.float64)
        if kind == "one_more":
            return np.vstack((self.x, self.x[:1] + 1)).astype(np.float64)
        return (self.missing if kind == "missing" else self.x).astype(np.float64)

    def targets(self, kind):
        """As Rows takes them."""
        label = np.append(self.label, 0) if kind == "one_more" else self.label
        values = {"values": self.values, "labels": self.labels, "soft": self.share, "numbers": self.label[:, None]}
        return {"t": values[kind]} if kind in values else {"label": label, "outputs": 4}


def filled(x, train, missing):
    """x, and what a missing value of each feature became."""
    fill = {"mean": np.nanmean, "median": np.nanmedian}.get(missing, lambda x, axis: np.zeros(x.shape[1]))(x[train], axis=0)
    return np.where(np.isnan(x), fill.astype(np.float32), x), fill


def input_scaling(x, kind, scaling):
    """mean and scale of each feature: input = (x - mean) * scale."""
    n = np.ones(x.shape[1])
    if scaling == "none":
        return 0 * n, n
    if scaling == "unit":
        least = 0 * n if kind == "bytes" else x.min(axis=0)
        return least, 1 / ((255 * n if kind == "bytes" else x.max(axis=0)) - least)
    mean, std = (x.mean(axis=0), x.std(axis=0)) if scaling == "standardize" else (x.mean() * n, x.std() * n)
    return mean, np.where(std > 0, 1 / np.where(std > 0, std, 1), 0)


# ---- Cases: a group, its data, and settings on top of these ----

COMMON = dict(data__validation_fraction=0, data__scaling="standardize", network__hidden="6, 5", network__activation="tanh",
              train__batch_size=96, train__epochs=0, train__steps=STEPS, train__evaluate_every="1 steps",
              train__evaluate="train, validation", checkpoint__every="never", optimizer__name="sgd", optimizer__learning_rate=0.5)
METRICS = ("train_accuracy", "train_cost", "train_loss")


def cases():
    """(group, name, data, settings)"""
    def case(group, name, data="classes", **settings):
        return group, f"{group}: {name}", data, {**COMMON, **settings}

    def on(output, loss="mse"):
        return dict(network__output=output, network__loss=loss)
    bce = on("sigmoid", "binary_cross_entropy")
    yield case("loss", "softmax cross_entropy")
    yield case("loss", "softmax mse", optimizer__learning_rate=3, **on("softmax"))
    yield case("loss", "sigmoid binary_cross_entropy", "labels", **bce)
    yield case("loss", "sigmoid mse", "labels", optimizer__learning_rate=3, **on("sigmoid"))
    yield case("loss", "linear mse", "values", optimizer__learning_rate=0.2, **on("linear"))
    yield case("loss", "linear mse of class numbers", "numbers", optimizer__learning_rate=0.1, **on("linear"))
    yield case("loss", "no hidden layer", network__hidden="none")
    yield case("loss", "sigmoid binary_cross_entropy of classes", **bce)
    yield case("loss", "sigmoid mse of classes", **on("sigmoid"))
    yield case("loss", "softmax cross_entropy of bytes", "bytes")

    smooth = dict(train__label_smoothing=0.2)
    yield case("targets", "smooth classes", **smooth)
    yield case("targets", "smooth labels", "labels", **bce, **smooth)
    yield case("targets", "smooth classes on sigmoids", **bce, **smooth)
    yield case("targets", "soft", "soft")
    yield case("targets", "soft and smooth", "soft", **smooth)
    yield case("targets", "soft mse", "soft", optimizer__learning_rate=3, **on("softmax"))
    for weights in ("balanced", "1, 2, 0.5, 4"):
        for name, output in {"softmax": on("softmax", "cross_entropy"), "softmax mse": on("softmax"), "sigmoid": bce,
                             "sigmoid mse": on("sigmoid")}.items():
            yield case("class weights", f"{name}, {weights}", train__class_weights=weights, **output)
    yield case("class weights", "smooth", train__class_weights="balanced", **smooth)

    for optimizer, rate in {"sgd": 0.5, "momentum": 0.1, "nesterov": 0.1, "rmsprop": 0.02, "adam": 0.03, "adamw": 0.03}.items():
        for batch in (96, 20):
            more = dict(regularization__l2=0.1) if optimizer == "adamw" else {}
            yield case("optimizer", f"{optimizer}, batches of {batch}", optimizer__name=optimizer, train__batch_size=batch,
                       optimizer__learning_rate=rate, **more)
    yield case("optimizer", "momentum 0.5", optimizer__name="momentum", optimizer__momentum=0.5)
    yield case("optimizer", "adam with other betas", optimizer__name="adam", optimizer__learning_rate=0.03, optimizer__beta1=0.8,
               optimizer__beta2=0.97, optimizer__epsilon=1e-3)
    yield case("optimizer", "rmsprop with another rho", optimizer__name="rmsprop", optimizer__learning_rate=0.03,
               optimizer__rho=0.7, optimizer__epsilon=1e-2)
    yield case("optimizer", "not shuffled", train__shuffle="no")
    yield case("optimizer", "last batch dropped", train__batch_size=20, train__last_batch="drop")

    for activation in numpy_trainer.ACTIVATIONS:
        yield case("activation", activation, network__activation=activation)
    yield case("activation", "one each", network__activation="gelu, leaky_relu")

    yield case("penalty", "l1", regularization__l1=0.01)
    for form in ("lambda_over_2m", "half_lambda", "lambda", "decoupled"):
        strength = dict(regularization__l2=2 if form == "lambda_over_2m" else 0.02, regularization__l2_form=form)
        yield case("penalty", f"l2 {form}", **strength)
        yield case("penalty", f"l2 {form} of biases too", regularization__l2_biases="yes", network__batch_norm="before",
                   **strength)
    yield case("penalty", "l2 lambda_over_2m, a short last batch", regularization__l2=2, regularization__l2_form="lambda_over_2m",
               train__batch_size=40)
    yield case("penalty", "l1, l2, adam", regularization__l1=0.01, regularization__l2=0.1, optimizer__name="adam",
               optimizer__learning_rate=0.03)
    yield case("penalty", "adamw of biases too", regularization__l2=0.1, regularization__l2_biases="yes", optimizer__name="adamw",
               optimizer__learning_rate=0.03, regularization__l2_form="decoupled")
    yield case("clipping", "by value", optimizer__clip_value=0.02)
    yield case("clipping", "by norm", optimizer__clip_norm=0.2)
    yield case("clipping", "both, a penalty, momentum", optimizer__clip_value=0.05, optimizer__clip_norm=0.2,
               optimizer__name="momentum", regularization__l2=0.1)

    yield case("schedule", "step", schedule__name="step", schedule__every="6 steps", schedule__factor=0.5)
    yield case("schedule", "step by epochs", schedule__name="step", schedule__every="2 epochs", schedule__factor=0.5,
               train__batch_size=40)
    yield case("schedule", "exponential", schedule__name="exponential", schedule__every="7 steps", schedule__factor=0.3)
    yield case("schedule", "cosine", schedule__name="cosine", schedule__final_fraction=0.1)
    yield case("schedule", "cosine to the end of the epochs", schedule__name="cosine", train__epochs=10, train__steps=0,
               train__batch_size=80)
    yield case("schedule", "warm-up and cosine", schedule__name="cosine", schedule__warmup=6)
    yield case("schedule", "warm-up and step", schedule__name="step", schedule__warmup=5, schedule__every="4 steps")
    for metric in METRICS:
        yield case("schedule", f"plateau of {metric}", schedule__name="plateau", schedule__metric=metric,
                   schedule__patience="2 steps", schedule__factor=0.6, schedule__final_fraction=0.5, optimizer__learning_rate=2,
                   train__batch_size=10, regularization__l2=0.01)
    yield case("schedule", "warm-up and plateau by epochs", schedule__name="plateau", schedule__metric="train_loss",
               train__batch_size=40, schedule__patience="1 epochs", schedule__factor=0.7, schedule__warmup=4,
               optimizer__learning_rate=2)
    yield case("schedule", "linear scale", optimizer__lr_scale="linear", optimizer__lr_scale_batch=32, schedule__warmup=6,
               optimizer__learning_rate=0.2)
    yield case("schedule", "square root scale", optimizer__lr_scale="sqrt", optimizer__lr_scale_batch=32, schedule__warmup=6)
    yield case("schedule", "linear scale down", optimizer__lr_scale="linear", optimizer__lr_scale_batch=128)

    for place in ("before", "after"):
        for name, more in {"": {}, ", not affine": dict(network__batch_norm_affine="no"),
                           ", of shards": dict(network__batch_norm_statistics="shard"),
                           ", batches of 20": dict(train__batch_size=20),
                           ", other constants": dict(network__batch_norm_momentum=0.3, network__batch_norm_epsilon=0.1)}.items():
            yield case("batch-norm", place + name, network__batch_norm=place, **more)
        yield case("batch-norm", f"{place}, a last batch of one row", "one_more", network__batch_norm=place)
        yield case("batch-norm", f"{place}, relu, adam", network__batch_norm=place, network__activation="relu",
                   optimizer__name="adam", optimizer__learning_rate=0.03)
    yield case("dropout", "of a hidden layer and the input", network__dropout="0.3, 0", network__input_dropout=0.1)
    yield case("dropout", "after batch-norm", network__dropout="0.2, 0.4", network__batch_norm="after", train__batch_size=20)

    for kind in ("classes", "bytes"):
        for scaling, rate in {"none": 0.01, "unit": 0.5, "standardize": 0.5, "standardize_global": 0.5}.items():
            rate = rate / 1000 if (kind, scaling) == ("bytes", "none") else rate
            yield case("scaling", f"{scaling} of {kind}", kind, data__scaling=scaling, optimizer__learning_rate=rate)
    held = dict(data__validation_fraction=0.3, train__batch_size=16)
    yield case("validation", "rows held out", **held)
    yield case("validation", "labels", "labels", **held, **bce)
    yield case("validation", "values", "values", **held, optimizer__learning_rate=0.2, **on("linear"))
    yield case("validation", "soft", "soft", **held)
    yield case("validation", "bytes", "bytes", **held)
    yield case("validation", "weights, smoothing, penalty, dropout", train__class_weights="balanced", regularization__l2=0.1,
               network__dropout=0.2, **held, **smooth)
    yield case("validation", "stratified, with missing values", "missing", data__stratified="yes", data__missing="median",
               network__batch_norm="after", **held)
    yield case("validation", "plateau", schedule__name="plateau", schedule__metric="validation_loss",
               schedule__patience="2 steps", schedule__factor=0.6, optimizer__learning_rate=2, **held)
    for missing in ("mean", "median", "zero"):
        for scaling in ("unit", "standardize"):
            yield case("missing", f"{missing}, {scaling}", "missing", data__missing=missing, data__scaling=scaling)


CASES = {name: (group, data, settings) for group, name, data, settings in cases()}


# ---- What must be found: in a case, this text of numpy_trainer.py replaced by that ----

MUTANTS = [
    ("loss: softmax cross_entropy", "/ len(place), {}", "/ (len(place) + 0.01), {}"),
    ("loss: softmax mse", "g = 2 / z.shape[1]", "g = 1 / z.shape[1]"),
    ("loss: softmax mse", "(g * p).sum(axis=1, keepdims=True)", "g.sum(axis=1, keepdims=True)"),
    ("loss: softmax mse", "((p - t) ** 2).mean(axis=1), p *", "((p - t) ** 2).sum(axis=1), p *"),
    ("loss: sigmoid binary_cross_entropy", "softplus(z)).sum(axis=1)", "softplus(z)).mean(axis=1)"),
    ("loss: sigmoid mse", "* p * (1 - p)", "* p"),
    ("loss: linear mse", "2 / z.shape[1] * (z - t)", "2.001 / z.shape[1] * (z - t)"),
    ("targets: smooth classes", "smoothing / choices", "smoothing / (choices - 1)"),
    ("targets: smooth labels", 'choices = 2 if self["network.output"] == "sigmoid"', "choices = 2 if False"),
    ("class weights: softmax, balanced", "len(rows.x) / (outputs", "len(rows.x) * 1.001 / (outputs"),
    ("class weights: softmax, 1, 2, 0.5, 4", "weight / weight.mean()", "weight / weight.max()"),
    ("optimizer: momentum, batches of 96", 'mu * moment.get("velocity", 0) + g',
     'mu * moment.get("velocity", 0) + (1 - mu) * g'),
    ("optimizer: momentum, batches of 20", "rate * v if", "rate * (g + mu * v) if"),
    ("optimizer: nesterov, batches of 96", "rate * (g + mu * v)", "rate * v"),
    ("optimizer: nesterov, batches of 96", "rate * (g + mu * v)", "rate * (g + 0.999 * mu * v)"),
    ("optimizer: rmsprop, batches of 96", "(np.sqrt(s) + epsilon)", "np.sqrt(s + epsilon)"),
    ("optimizer: rmsprop with another rho", "(np.sqrt(s) + epsilon)", "np.sqrt(s + epsilon)"),
    ("optimizer: rmsprop, batches of 20", '(1 - rho) * g * g', 'g * g'),
    ("optimizer: rmsprop, batches of 20", 'self["optimizer.rho"]', '0.9001'),
    ("optimizer: adam, batches of 96", 'self["optimizer.beta2"]', "0.9989"),
    ("optimizer: adam, batches of 20", 'self["optimizer.beta2"]', "0.9989"),
    ("optimizer: adam, batches of 96", 'self["optimizer.beta1"]', "0.9001"),
    ("optimizer: adam, batches of 20", "(m / (1 - b1**t))", "m"),
    ("optimizer: adam, batches of 20", "v / (1 - b2**t)", "v"),
    ("optimizer: adam, batches of 20", "self.done + 1     #", "self.done + 2     #"),
    ("optimizer: adam with other betas", "np.sqrt(v / (1 - b2**t)) + epsilon", "np.sqrt(v / (1 - b2**t) + epsilon)"),
    ("optimizer: adam with other betas", "np.sqrt(v / (1 - b2**t)) + epsilon", "(np.sqrt(v) + epsilon) / np.sqrt(1 - b2**t)"),
    ("optimizer: adamw, batches of 96", 'or self["optimizer.name"] == "adamw"', ""),
    ("optimizer: adamw, batches of 96", "decay * w -", "decay / rate * 0.03003 * w -"),
    ("activation: leaky_relu", "0.01 * z", "0.0101 * z"),
    ("activation: leaky_relu", "np.where(z > 0, 1, 0.01)", "np.where(z > 0, 1, 0.0101)"),
    ("activation: elu", "np.where(z > 0, 1, np.exp(np.minimum(z, 0)))", "np.where(z > 0, 1, 1.0001 * np.exp(np.minimum(z, 0)))"),
    ("activation: gelu", "math.sqrt(2 * math.pi)", "math.sqrt(2 * 3.14)"),
    ("activation: gelu", "math.erf", "lambda x: math.tanh(2 / math.sqrt(math.pi) * (x + 0.08943 * x**3))"),
    ("activation: tanh", "1 - y * y", "1 - 0.9999 * y * y"),
    ("activation: sigmoid", "y * (1 - y)),", "y * (1.0001 - y)),"),
    ("activation: softplus", "lambda z, y: sigmoid(z)", "lambda z, y: sigmoid(z * 1.0001)"),
    ("penalty: l1", '* np.sign(w)', '* 2 * np.sign(w)'),
    ("penalty: l1", 'return name.endswith("weight")\n', 'return True\n'),
    ("penalty: l1", 'self["regularization.l1"] * sizes', '1.0001 * self["regularization.l1"] * sizes'),
    ("penalty: l2 half_lambda", '"half_lambda": 1 / 2', '"half_lambda": 1'),
    ("penalty: l2 lambda", '"lambda": 1,', '"lambda": 1.001,'),
    ("penalty: l2 lambda_over_2m", "1 / (2 * m)", "1 / m"),
    ("penalty: l2 lambda_over_2m, a short last batch", "penalty_gradient(name, len(place))", "penalty_gradient(name, 40)"),
    ("penalty: l2 lambda_over_2m, a short last batch", 'self.penalty(self["train.batch_size"])', "self.penalty(96)"),
    ("penalty: l2 decoupled", "decay = rate *", "decay ="),
    ("penalty: l2 half_lambda of biases too", '["regularization.l2_biases"] == "yes"', '["regularization.l2_biases"] == "never"'),
    ("penalty: l2 decoupled of biases too", '["regularization.l2_biases"] == "yes"', '["regularization.l2_biases"] == "never"'),
    ("clipping: by value", "np.clip(g, -limit, limit)", "np.clip(g, -limit, 1.0001 * limit)"),
    ("clipping: by norm", "(length / norm)", "(length / norm) ** 1.0001"),
    ("clipping: both, a penalty, momentum", "gradient = self.clip(gradient)\n", "pass\n"),
    ("schedule: step", "u // self", "(u + 1) // self"),
    ("schedule: exponential", "u / self.steps", "u // self.steps"),
    ("schedule: cosine", "math.pi * u", "math.pi * (u + 1)"),
    ("schedule: warm-up and cosine", "(step + 1) / warmup", "step / warmup"),
    ("schedule: warm-up and cosine", "self.total_steps() - warmup", "self.total_steps()"),
    ("schedule: plateau of train_accuracy", "self.best_step >=", "self.best_step >"),
    ("schedule: plateau of train_cost", 'self["schedule.final_fraction"])', "0)"),
    ("schedule: linear scale", "start = base if", "start = 0 if"),
    ("schedule: square root scale", "math.sqrt(ratio)", "ratio"),
    ("batch-norm: before", "std**3", "std**2"),
    ("batch-norm: before", "dmu / m,", "0,"),
    ("batch-norm: after", "len(x) / (len(x) - 1)", "1"),
    ("batch-norm: after", '["network.batch_norm_epsilon"]', '["network.batch_norm_epsilon"] * 2'),
    ("batch-norm: before, of shards", '== "batch"', "!= 0"),
    ("dropout: of a hidden layer and the input", "/ (1 - fraction)", "/ 1"),
    ("validation: rows held out", "* len(part) + 0.5)", "* len(part))"),
    ("validation: weights, smoothing, penalty, dropout", "number=number)", "number=None)"),
    ("validation: weights, smoothing, penalty, dropout", '"validation": self.prepared(validation)',
     '"validation": (setattr(self, "class_weight", class_weights(validation, "balanced")), self.prepared(validation))[1]'),
    ("validation: labels", "(z >= 0) == (rows.wanted", "(z >= 0.1) == (rows.wanted"),
    ("validation: values", "rows.wanted.mean(axis=0)", "rows.wanted.mean()"),
    ("optimizer: sgd, batches of 20", "SHUFFLE, epoch", "SHUFFLE, 0"),
]


def mutant(old, new):
    """numpy_trainer.py with a piece of its text replaced."""
    with open(numpy_trainer.__file__, encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        raise ValueError(f"{old!r} is in numpy_trainer.py {text.count(old)} times")
    module = types.ModuleType("mutant")
    exec(compile(text.replace(old, new), "mutant", "exec"), module.__dict__)
    return module


# ---- How far is Weft from double, and how far may it be? ----

def stored(path):
    """Every array that training changes, by its path."""
    arrays = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda path, item: arrays.__setitem__(path, item[:])
                        if isinstance(item, h5py.Dataset) and path.startswith(("layers", "optimizer", "history")) else None)
    return arrays


class Comparison:
    """Weft's run of a case; numpy, right or wrong, can be held against it."""

    def __init__(self, test, data, name):
        self.group, self.kind, settings = CASES[name]
        out = os.path.join(data.directory, re.sub(r"\W+", "-", name))
        test.ok("train", "--data", data.uri(self.kind), *sets(**settings), "--threads", 1, "--progress", "none", "--out", out)
        self.start = os.path.join(out, "step-0.h5")
        self.got = {path: array for path, array in stored(os.path.join(out, f"step-{STEPS}.h5")).items() if len(array) > 0}
        with h5py.File(self.start, "r") as file:
            self.settings, self.input = numpy_trainer.settings_of(file), {name: item[:] for name, item in file["input"].items()}
        self.raw, self.target = data.raw(self.kind), data.targets(self.kind)
        train, _ = numpy_trainer.split(self.settings, len(self.raw), self.target.get("label"))
        self.raw, fill = filled(self.raw, train, self.settings["data.missing"])
        mean, scale = input_scaling(self.raw[train], self.kind, self.settings["data.scaling"])
        self.scaling = {"mean": mean, "scale": scale, **({"fill": fill} if "fill" in self.input else {})}
        self.exact = self.numpy()
        self.tolerance = self.tolerances(self.exact.state())

    def numpy(self, module=numpy_trainer, **how):
        x = (self.raw - self.input["mean"].astype(np.float64)) * self.input["scale"]
        rows = module.Rows(x, **self.target)
        train, held = module.split(self.settings, len(x), self.target.get("label"))
        return module.Trainer(self.start, rows.part(train), rows.part(held) if len(held) > 0 else None, **how).run(STEPS)

    def tolerances(self, exact):
        """Of each array; of all its elements alike, as roundings spread from one to all."""
        rounded = [self.numpy(dtype=np.float32, order=np.random.default_rng(i)).state() for i in range(ORDERS)]
        return {path: STEPS * ROUNDOFF * np.abs(want).max() + ORDERS_FACTOR * max(np.abs(r[path] - want).max() for r in rounded)
                for path, want in exact.items()}

    def shares(self, trained):
        """How far each array is from Weft's, as a share of what is tolerated."""
        return {path: np.abs(self.got[path] - want).max() / self.tolerance[path] for path, want in trained.state().items()}

    def largest_difference(self):
        """Of a parameter, beside the largest of its layer. Without biases before batch-norm: they have no effect, and gradients
        of nothing but roundings."""
        idle = self.settings["network.batch_norm"] == "before"
        exact = {name: array for name, array in self.exact.parameter.items() if not (idle and name.endswith("bias"))}
        return max(np.abs(self.got[f"layers/{name}"] - array).max()
                   / max(np.abs(other).max() for of_other, other in exact.items() if of_other[:2] == name[:2])
                   for name, array in exact.items())


class Numpy(WeftTest):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory(prefix="weft-numpy-")
        cls.addClassCleanup(cls.files.cleanup)
        cls.data, cls.comparison = Data(cls.files.name), {}

    def compared(self, name):
        if name not in self.comparison:
            self.comparison[name] = Comparison(self, self.data, name)
        return self.comparison[name]

    def test_20_steps(self):
        largest = {}
        for name, (group, _, _) in CASES.items():
            with self.subTest(name):
                comparison = self.compared(name)
                shares = comparison.shares(comparison.exact)
                worst = max(shares, key=shares.get)
                self.assertEqual(compared_paths(comparison.got), compared_paths(shares))
                self.assertLessEqual(shares[worst], 1, f"{worst}: {shares[worst]} of what is tolerated")
                self.assert_scaling(comparison)
                self.assert_rates(comparison)
                difference = comparison.largest_difference()
                largest[group] = [max(pair) for pair in zip(largest.get(group, (0, 0)), (difference, shares[worst]))]
                if os.environ.get("WEFT_NUMPY"):
                    print(f"{name:55} {difference:.1e} {shares[worst]:5.2f}")
        for group, (difference, share) in largest.items():
            print(f"{group}: parameters differ by at most {difference:.1e} of the largest in their layer; "
                  f"{share:.2f} of what is tolerated")

    def assert_scaling(self, comparison):
        """They are rounded once. A value is missing in the same places, and filled in, whether it is for training or not."""
        for name, want in comparison.scaling.items():
            np.testing.assert_allclose(comparison.input[name], want, rtol=2 * ROUNDOFF, atol=1e-13, err_msg=name)
        if comparison.kind == "missing":
            self.assertIn("fill", comparison.scaling)

    def assert_rates(self, comparison):
        """The history says with what rate the step before each evaluation was taken."""
        np.testing.assert_allclose(comparison.got["history/train/learning_rate"], comparison.exact.rate, rtol=1e-14)

    def test_plateaus_are_met(self):
        """Otherwise these cases would show nothing."""
        for case in [case for case in CASES if "plateau" in case]:
            with self.subTest(case):
                rates = set(self.compared(case).exact.rate)
                self.assertGreater(len(rates), 2)

    def test_mutants_are_found(self):
        """The test of the test: numpy_trainer.py with one piece of its text replaced is not tolerated."""
        least = np.inf
        for name, old, new in MUTANTS:
            with self.subTest(f"{name}: {old} -> {new}"):
                comparison = self.compared(name)
                shares = comparison.shares(comparison.numpy(mutant(old, new)))
                worst = max(shares, key=shares.get)
                if os.environ.get("WEFT_NUMPY"):
                    print(f"{name:45} {shares[worst]:9.1f} {worst:35} {old} -> {new}")
                self.assertGreater(shares[worst], 2)
                least = min(least, shares[worst])
        print(f"{len(MUTANTS)} mutants: all at least {least:.1f} times as far away as is tolerated")


def compared_paths(paths):
    """Without the axes of the history, and splits that are not there."""
    axes = ("step", "epoch", "learning_rate")
    return {path for path in paths if not path.startswith("history/test") and not path.endswith(axes)}


if __name__ == "__main__":
    unittest.main(verbosity=2)
