"""Weft's training once more, in numpy: the mathematics of the papers that are named, and of `weft train --help`, and nothing
of Weft's C. It begins from the weights of a checkpoint and takes rows that are network input already.

Trainer(checkpoint, rows).run(20) in double is what a run should end in; in float32, with the rows of each batch added up in
different orders, it shows how far roundings alone lead away from that (see `tolerances`).
"""
import math
import types

import h5py
import numpy as np

SHARD_ROWS, SHARDS_MAX = 32, 16         # README: a batch is cut into min(16, ceil(rows / 32)) shards
ROUNDOFF = 2.0**-24                     # of float32
SHUFFLE, SPLIT, DROPOUT = 1, 2, 4       # purposes of random numbers (base/rng.h)


# ---- Random numbers: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 ----

def philox(seed, counter):
    """Philox4x32-10. counter: four arrays (or numbers) of words; returns four arrays."""
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    key0, key1, mask = seed & 0xFFFFFFFF, seed >> 32, np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (b >> np.uint64(32)) ^ c1 ^ np.uint64(key0), b & mask
        c2, c3 = (a >> np.uint64(32)) ^ c3 ^ np.uint64(key1), a & mask
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def counter_of(purpose, layer, time, row, element):
    return element, row, time & 0xFFFFFFFF, purpose << 24 | layer << 16 | time >> 32


def permutation(seed, purpose, time, count):
    """Knuth's algorithm P; place i takes one of i .. count-1 by 64 random bits times how many these are."""
    words = np.stack(philox(seed, counter_of(purpose, 0, time, 0, np.arange((count + 1) // 2)))).astype(object)
    order = list(range(count))
    for i in range(count - 1):
        high, low = words[i % 2 * 2, i // 2], words[i % 2 * 2 + 1, i // 2]
        j = i + ((high << 32 | low) * (count - i) >> 64)
        order[i], order[j] = order[j], order[i]
    return np.array(order)


# ---- Activations: the function of z, and its derivative from z and y ----

def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def normal_distribution(z):
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return ((1 + erf(z / math.sqrt(2))) / 2).astype(z.dtype)


ACTIVATIONS = {
    "identity": (lambda z: z, lambda z, y: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, y: z > 0),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z).astype(z.dtype), lambda z, y: np.where(z > 0, 1, 0.01).astype(z.dtype)),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z, y: np.where(z > 0, 1, np.exp(np.minimum(z, 0)))),
    "gelu": (lambda z: z * normal_distribution(z),
             lambda z, y: normal_distribution(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)),
    "tanh": (np.tanh, lambda z, y: 1 - y * y),
    "sigmoid": (sigmoid, lambda z, y: y * (1 - y)),
    "softplus": (lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), lambda z, y: sigmoid(z)),
}


# ---- Losses: of each row, and the gradient of a row's loss in its logits ----

def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def softmax_cross_entropy(z, t):
    return -(t * log_softmax(z)).sum(axis=1), np.exp(log_softmax(z)) * t.sum(axis=1, keepdims=True) - t


def softmax_mse(z, t):
    p = np.exp(log_softmax(z))
    g = 2 / z.shape[1] * (p - t)                                    # in p; then by dp_i/dz_j = p_i ([i = j] - p_j)
    return ((p - t) ** 2).mean(axis=1), p * (g - (g * p).sum(axis=1, keepdims=True))


def sigmoid_cross_entropy(z, t):                                    # -log p and -log (1 - p) are softplus of -z and of z
    softplus = ACTIVATIONS["softplus"][0]
    return (t * softplus(-z) + (1 - t) * softplus(z)).sum(axis=1), sigmoid(z) - t


def sigmoid_mse(z, t):
    p = sigmoid(z)
    return ((p - t) ** 2).mean(axis=1), 2 / z.shape[1] * (p - t) * p * (1 - p)


def linear_mse(z, t):
    return ((z - t) ** 2).mean(axis=1), 2 / z.shape[1] * (z - t)


LOSSES = {("softmax", "cross_entropy"): softmax_cross_entropy, ("softmax", "mse"): softmax_mse,
          ("sigmoid", "binary_cross_entropy"): sigmoid_cross_entropy, ("sigmoid", "mse"): sigmoid_mse,
          ("linear", "mse"): linear_mse}
OUTPUTS = {"softmax": lambda z: np.exp(log_softmax(z)), "sigmoid": sigmoid, "linear": lambda z: z}


# ---- What is trained on ----

class Rows:
    """Network input x, targets t (one-hot of classes), labels (None: there are none), and the numbers of the rows in the data."""

    def __init__(self, x, t=None, label=None, outputs=None, number=None):
        self.x = np.asarray(x, dtype=np.float64)
        self.label = None if label is None else np.asarray(label)
        self.t = np.eye(outputs)[label] if t is None else np.asarray(t, dtype=np.float64)
        self.number = np.arange(len(self.x)) if number is None else number

    def part(self, number):
        return Rows(self.x[number], self.t[number], None if self.label is None else self.label[number], number=number)


def split(settings, rows, label=None):
    """The numbers of the training rows and of the validation rows, which are the first of a permutation of all rows, or of each
    class in it."""
    order, fraction = permutation(settings["train.seed"], SPLIT, 0, rows), settings["data.validation_fraction"]
    classes = [order] if settings["data.stratified"] == "no" else [order[label[order] == c] for c in np.unique(label)]
    held = np.concatenate([part[:math.floor(fraction * len(part) + 0.5)] for part in classes])
    return np.setdiff1d(order, held), np.sort(held)


def class_weights(rows, text):
    outputs = rows.t.shape[1]
    if text == "none":
        return np.ones(outputs)
    if text == "balanced":                                          # rows / (classes * rows of the class)
        return len(rows.x) / (outputs * np.bincount(rows.label, minlength=outputs))
    weight = np.array([float(word) for word in text.split(",")])
    return weight / weight.mean()


def settings_of(file):
    return dict(file["settings"].attrs)


def listed(value, count, kind=str):
    words = [kind(word) for word in str(value).split(",") if word.strip() not in ("", "none")]
    return [word.strip() if kind is str else word for word in words] * (count if len(words) == 1 else 1)


class Trainer:
    def __init__(self, path, rows, validation=None, dtype=np.float64, order=None):
        """order: a numpy generator that shuffles the rows of each shard, where their order has no meaning."""
        self.dtype, self.shuffle, self.done = dtype, order, 0
        with h5py.File(path, "r") as file:
            self.settings = settings_of(file)
            self.parameter, self.running = {}, {}
            file["layers"].visititems(self.take)
        self.layers = len({name[:2] for name in self.parameter})
        self.moment = {name: {} for name in self.parameter}
        self.class_weight = class_weights(rows, self["train.class_weights"])
        self.rows = self.prepared(rows)
        self.splits = {"train": self.rows, **({} if validation is None else {"validation": self.prepared(validation)})}
        self.activations = listed(self.settings["network.activation"], self.layers - 1)
        self.dropout = listed(self.settings["network.dropout"], self.layers - 1, float)
        self.scale, self.best, self.best_step = 1.0, None, 0        # of plateau
        self.loss, self.rate = [], []                               # of each step
        self.history = {name: [] for name in self.splits}           # of each evaluation

    def take(self, name, item):
        if isinstance(item, h5py.Dataset):
            (self.running if "running" in name else self.parameter)[name] = item[:].astype(self.dtype)

    def prepared(self, rows):
        """The same in this arithmetic, the targets as they are aimed at, and how much each row counts."""
        smoothing = self["train.label_smoothing"]
        choices = 2 if self["network.output"] == "sigmoid" else rows.t.shape[1]
        target = (1 - smoothing) * rows.t + smoothing / choices     # Szegedy et al., CVPR 2016, section 7
        weight = np.ones(len(rows.x)) if rows.label is None else self.class_weight[rows.label]
        return types.SimpleNamespace(x=rows.x.astype(self.dtype), target=target.astype(self.dtype),
                                     weight=weight.astype(self.dtype), label=rows.label, number=rows.number, wanted=rows.t)

    def __getitem__(self, name):
        return self.settings[name]

    # ---- Forwards and back; each operation leaves behind what takes it back ----

    def forward(self, x, step, number):
        """step: None for inference. Returns the logits and the way back, the last operation last."""
        back = []
        x = self.drop(x, 0, self["network.input_dropout"], step, number, back)
        for l in range(self.layers):
            x = self.dense(x, f"{l + 1:02d}", back)
            if l + 1 == self.layers:
                return x, back
            norm = self["network.batch_norm"]
            if norm == "before":
                x = self.normalize(x, f"{l + 1:02d}/batch_norm", step, back)
            x = self.activate(x, *ACTIVATIONS[self.activations[l]], back)
            if norm == "after":
                x = self.normalize(x, f"{l + 1:02d}/batch_norm", step, back)
            x = self.drop(x, l + 1, self.dropout[l], step, number, back)

    def dense(self, x, name, back):
        W, b = self.parameter[name + "/weight"], self.parameter[name + "/bias"]
        back.append(lambda dy: (dy @ W.T, {name + "/weight": x.T @ dy, name + "/bias": dy.sum(axis=0)}))
        return x @ W + b

    def activate(self, z, f, derivative, back):
        y = f(z)
        back.append(lambda dy: (dy * derivative(z, y), {}))
        return y

    def drop(self, x, layer, fraction, step, number, back):          # Srivastava et al., JMLR 15, 2014, section 10
        if fraction == 0 or step is None:
            return x
        unit = np.arange((x.shape[1] + 3) // 4)
        words = philox(self["train.seed"], counter_of(DROPOUT, layer, step, number[:, None], unit[None, :]))
        words = np.stack(np.broadcast_arrays(*words), axis=-1).reshape(len(x), -1)[:, :x.shape[1]]
        keep = (words >= int(fraction * 2**32)) / (1 - fraction)
        keep = keep.astype(self.dtype)
        back.append(lambda dy: (dy * keep, {}))
        return x * keep

    def normalize(self, x, name, step, back):                       # Ioffe and Szegedy, ICML 2015, algorithms 1 and 2
        gamma, beta = self.parameter.get(name + "/gamma", 1.0), self.parameter.get(name + "/beta", 0.0)
        epsilon, mean, variance = self["network.batch_norm_epsilon"], name + "/running_mean", name + "/running_variance"
        if step is None:
            return gamma * (x - self.running[mean]) / np.sqrt(self.running[variance] + epsilon) + beta
        whole = self["network.batch_norm_statistics"] == "batch"
        parts = [slice(0, len(x))] if whole else shards(len(x))
        of_part = [self.normalize_part(x[part], gamma, beta, epsilon) for part in parts]
        if len(x) > 1:
            share, unbiased = self["network.batch_norm_momentum"], len(x) / (len(x) - 1)
            self.running[mean] = (1 - share) * self.running[mean] + share * x.mean(axis=0)
            self.running[variance] = (1 - share) * self.running[variance] + share * unbiased * x.var(axis=0)

        def backward(dy):
            results = [of_part[i][1](dy[part]) for i, part in enumerate(parts)]
            gradients = {name + "/gamma": sum(r[1] for r in results), name + "/beta": sum(r[2] for r in results)}
            return np.concatenate([r[0] for r in results]), gradients if name + "/gamma" in self.parameter else {}
        back.append(backward)
        return np.concatenate([y for y, _ in of_part])

    def normalize_part(self, x, gamma, beta, epsilon):
        m, mu = len(x), x.mean(axis=0)
        variance = ((x - mu) ** 2).mean(axis=0)
        std = np.sqrt(variance + epsilon)
        xhat = (x - mu) / std

        def backward(dy):                                           # the six equations in section 3
            dxhat = dy * gamma
            dvariance = (dxhat * (x - mu)).sum(axis=0) * -0.5 / std**3
            dmu = -dxhat.sum(axis=0) / std + dvariance * (-2 * (x - mu)).sum(axis=0) / m
            return dxhat / std + dvariance * 2 * (x - mu) / m + dmu / m, (dy * xhat).sum(axis=0), dy.sum(axis=0)
        return gamma * xhat + beta, backward

    # ---- Loss and penalty ----

    def losses(self, z, rows, place):
        loss, dz = LOSSES[self["network.output"], self["network.loss"]](z, rows.target[place])
        weight = rows.weight[place]
        return weight * loss, weight[:, None] * dz

    def gradient(self, step, place):
        """Of the mean loss of these rows; and that loss."""
        z, back = self.forward(self.rows.x[place], step, self.rows.number[place])
        loss, dy = self.losses(z, self.rows, place)
        dy, gradient = dy / len(place), {}
        for backward in reversed(back):
            dy, of_parameters = backward(dy)
            gradient.update(of_parameters)
        return gradient, loss.mean()

    def is_decoupled(self):
        return self["regularization.l2_form"] == "decoupled" or self["optimizer.name"] == "adamw"

    def coefficient(self, m):
        """Of the sum of squares."""
        form = self["regularization.l2_form"]
        factor = {"lambda_over_2m": 1 / (2 * m), "half_lambda": 1 / 2, "lambda": 1, "decoupled": 0}[form]
        return 0 if self.is_decoupled() else factor * self["regularization.l2"]

    def takes_l2(self, name):
        return name.endswith("weight") or self["regularization.l2_biases"] == "yes"

    def takes_l1(self, name):
        return name.endswith("weight")

    def penalty(self, m):
        squares = sum((w * w).sum() for name, w in self.parameter.items() if self.takes_l2(name))
        sizes = sum(np.abs(w).sum() for name, w in self.parameter.items() if self.takes_l1(name))
        return self.coefficient(m) * squares + self["regularization.l1"] * sizes

    def penalty_gradient(self, name, m):
        w = self.parameter[name]
        l2 = 2 * self.coefficient(m) * w if self.takes_l2(name) else 0
        return l2 + (self["regularization.l1"] * np.sign(w) if self.takes_l1(name) else 0)

    # ---- One step ----

    def clip(self, gradient):
        limit, length = self["optimizer.clip_value"], self["optimizer.clip_norm"]
        if limit > 0:
            gradient = {name: np.clip(g, -limit, limit) for name, g in gradient.items()}
        norm = math.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in gradient.values()))
        if length > 0 and norm > length:                            # Pascanu et al., ICML 2013, algorithm 1
            gradient = {name: g * (length / norm) for name, g in gradient.items()}
        return gradient

    def move(self, name, g, rate):
        """What is taken off the parameters of this name."""
        moment, kind = self.moment[name], self["optimizer.name"]
        mu, epsilon, rho = self["optimizer.momentum"], self["optimizer.epsilon"], self["optimizer.rho"]
        if kind == "sgd":
            return rate * g
        if kind in ("momentum", "nesterov"):                        # Sutskever et al., ICML 2013; Bengio et al., ICASSP 2013
            v = moment["velocity"] = mu * moment.get("velocity", 0) + g
            return rate * v if kind == "momentum" else rate * (g + mu * v)
        if kind == "rmsprop":                                       # Tieleman and Hinton, Coursera lecture 6e, 2012
            s = moment["variance"] = rho * moment.get("variance", 0) + (1 - rho) * g * g
            return rate * g / (np.sqrt(s) + epsilon)
        b1, b2, t = self["optimizer.beta1"], self["optimizer.beta2"], self.done + 1     # Kingma and Ba, ICLR 2015, algorithm 1
        m = moment["mean"] = b1 * moment.get("mean", 0) + (1 - b1) * g
        v = moment["variance"] = b2 * moment.get("variance", 0) + (1 - b2) * g * g
        return rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + epsilon)

    def step(self, place):
        rate = self.learning_rate(self.done)
        gradient, loss = self.gradient(self.done, place)
        for name in gradient:
            gradient[name] = gradient[name] + self.penalty_gradient(name, len(place))
        gradient = self.clip(gradient)
        for name, w in self.parameter.items():
            decay = rate * self["regularization.l2"] if self.is_decoupled() and self.takes_l2(name) else 0
            self.parameter[name] = w - decay * w - self.move(name, gradient[name], rate)    # Loshchilov and Hutter, ICLR 2019
        self.loss.append(float(loss))
        self.rate.append(rate)
        self.done += 1

    # ---- The learning rate ----

    def steps_of(self, name):
        count, unit = self[name].split()
        return int(count) * (self.steps_per_epoch() if unit.startswith("epoch") else 1)

    def learning_rate(self, step):
        base, warmup, kind = self["optimizer.learning_rate"], self["schedule.warmup"], self["schedule.name"]
        ratio = self["train.batch_size"] / self["optimizer.lr_scale_batch"]
        rate = base * {"none": 1, "linear": ratio, "sqrt": math.sqrt(ratio)}[self["optimizer.lr_scale"]]
        if step < warmup:                                           # Goyal et al., 2017, section 2.2
            start = base if rate > base and self["optimizer.lr_scale"] != "none" else 0
            return start + (rate - start) * (step + 1) / warmup
        u, factor, final = step - warmup, self["schedule.factor"], self["schedule.final_fraction"] * rate
        if kind == "step":
            return rate * factor ** (u // self.steps_of("schedule.every"))
        if kind == "exponential":
            return rate * factor ** (u / self.steps_of("schedule.every"))
        if kind == "cosine":                                        # Loshchilov and Hutter, ICLR 2017, equation 5
            return final + (rate - final) * (1 + math.cos(math.pi * u / (self.total_steps() - warmup))) / 2
        return rate * self.scale if kind == "plateau" else rate

    def look_for_plateau(self, value):
        """After an evaluation. value: a cost, or a negative accuracy."""
        if self.best is None or value < self.best:
            self.best, self.best_step = value, self.done
        elif self.done - self.best_step >= self.steps_of("schedule.patience"):
            self.scale = max(self.scale * self["schedule.factor"], self["schedule.final_fraction"])
            self.best_step = self.done

    # ---- The run ----

    def steps_per_epoch(self):
        rows, size = len(self.rows.x), self["train.batch_size"]
        return rows // size if self["train.last_batch"] == "drop" else -(-rows // size)

    def total_steps(self):
        limits = [self["train.steps"], self["train.epochs"] * self.steps_per_epoch()]
        return min(limit for limit in limits if limit > 0)

    def batch(self, step):
        epoch, nth = divmod(step, self.steps_per_epoch())
        order = np.arange(len(self.rows.x))
        if self["train.shuffle"] == "yes":
            order = permutation(self["train.seed"], SHUFFLE, epoch, len(self.rows.x))
        place = order[nth * self["train.batch_size"]:(nth + 1) * self["train.batch_size"]]
        if self.shuffle is not None:
            place = np.concatenate([self.shuffle.permutation(place[part]) for part in shards(len(place))])
        return place

    def evaluate(self, rows):
        """What the history says of a split."""
        z, _ = self.forward(rows.x, None, None)
        loss = float(self.losses(z, rows, slice(None))[0].mean())
        figures = {"loss": loss, "cost": loss + float(self.penalty(self["train.batch_size"]))}
        if self["network.output"] == "linear":
            error, spread = z - rows.wanted, rows.wanted - rows.wanted.mean(axis=0)
            figures["r2"] = float((1 - (error**2).sum(axis=0) / (spread**2).sum(axis=0)).mean())
            figures["mean_absolute_error"] = float(np.abs(error).mean())
        elif rows.label is not None or self["network.output"] == "softmax":     # of soft shares the largest is the class
            figures["accuracy"] = float((z.argmax(axis=1) == rows.wanted.argmax(axis=1)).mean())
        else:
            figures["accuracy"] = float(((z >= 0) == (rows.wanted >= 0.5)).all(axis=1).mean())
        return figures

    def run(self, steps):
        for _ in range(steps):
            self.step(self.batch(self.done))
            if self.done % self.steps_of("train.evaluate_every") == 0:
                for name, rows in self.splits.items():
                    self.history[name].append(self.evaluate(rows))
                if self["schedule.name"] == "plateau":
                    split_name, metric = self["schedule.metric"].split("_")
                    value = self.history[split_name][-1][metric]
                    self.look_for_plateau(-value if metric == "accuracy" else value)
        return self

    def outputs(self, x):
        return OUTPUTS[self["network.output"]](self.forward(x.astype(self.dtype), None, None)[0])

    def state(self):
        """Every array of the checkpoint that training changes, by its path; and what the history has of each step."""
        arrays = {f"layers/{name}": array for name, array in {**self.parameter, **self.running}.items()}
        arrays.update({f"optimizer/{name}/{kind}": array for name, moments in self.moment.items()
                       for kind, array in moments.items()})
        arrays["history/step/loss"] = np.array(self.loss)
        for name, figures in self.history.items():
            for figure in figures[0]:
                arrays[f"history/{name}/{figure}"] = np.array([f[figure] for f in figures])
        return arrays


def shards(rows):
    count = min(SHARDS_MAX, -(-rows // SHARD_ROWS))
    return [slice(i * rows // count, (i + 1) * rows // count) for i in range(count)]
