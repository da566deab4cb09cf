"""Writes the settings of tests/golden_digests.txt: a set of runs in which every pair of values of two factors occurs.

    /usr/bin/python3 tests/golden_cover.py later > cover.txt   the settings, one run a line
    WEFT_GOLDEN_WRITE=cover.txt test_golden                    appends digest and settings to tests/golden_digests.txt

Only needed when a factor or a value is added: the lines that are there stay. `first` prints a set for the factors that there
were at the beginning, `later` one for those that came since.
"""
import itertools
import random
import sys

FACTORS = {
    "network.hidden": ["none", "20", "20, 7, 5", "129"],
    "network.activation": ["relu", "tanh", "sigmoid", "identity"],
    "network.init": ["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "gaussian", "torch_linear"],
    "batch_norm": [("none", "batch", "yes"), ("before", "batch", "yes"), ("before", "batch", "no"), ("before", "shard", "yes"),
                   ("after", "batch", "yes"), ("after", "batch", "no"), ("after", "shard", "no")],
    "network.dropout": ["0", "0.3"],
    "network.input_dropout": ["0", "0.1"],
    "regularization.l1": ["0", "0.0001"],
    "l2": [("0", "half_lambda", "no"), ("0.1", "lambda_over_2m", "no"), ("0.001", "half_lambda", "yes"),
           ("0.001", "lambda", "no"), ("0.01", "decoupled", "yes")],
    "optimizer.name": ["sgd", "momentum", "adam"],
    "clip": [("0", "0"), ("0.01", "0"), ("0", "0.5"), ("0.02", "0.1")],
    "schedule": [("constant", "0"), ("constant", "5"), ("cosine", "0"), ("cosine", "3")],
    "train.batch_size": ["1", "7", "64", "100", "256", "1000"],
    "train.last_batch": ["keep", "drop"],
    "data.scaling": ["unit", "standardize", "standardize_global"],
    "train.seed": ["1", "9223372036854775807"],
}
COMPOUND = {
    "batch_norm": ["network.batch_norm", "network.batch_norm_statistics", "network.batch_norm_affine"],
    "l2": ["regularization.l2", "regularization.l2_form", "regularization.l2_biases"],
    "clip": ["optimizer.clip_value", "optimizer.clip_norm"],
    "schedule": ["schedule.name", "schedule.warmup"],
}
STEPS = {"1": 40, "7": 160, "64": 20, "100": 12, "256": 6, "1000": 4}     # over the end of an epoch of 1,100 rows, but for 1


# A second set: what came later, with a choice of what it meets.
LATER = {
    "loss": [("softmax", "cross_entropy"), ("softmax", "mse"), ("sigmoid", "binary_cross_entropy"), ("sigmoid", "mse"),
             ("linear", "mse")],
    "network.activation": ["leaky_relu", "elu", "gelu", "softplus", "relu"],
    "optimizer": [("nesterov", "0.01"), ("rmsprop", "0.001"), ("adamw", "0.002"), ("sgd", "0.05")],
    "schedule": [("constant", "0", "none"), ("step", "0", "none"), ("exponential", "2", "none"), ("constant", "4", "linear"),
                 ("step", "3", "sqrt")],
    "train.label_smoothing": ["0", "0.1"],
    "train.class_weights": ["none", "balanced", "1, 2, 1, 2, 1, 2, 1, 2, 1, 0.5"],
    "input": ["bytes", "float"],
    "network.hidden": ["none", "20, 7, 5", "65, 33"],
    "batch_norm": [("none", "batch"), ("before", "batch"), ("after", "shard")],
    "network.dropout": ["0", "0.3"],
    "regularization.l2": ["0", "0.01"],
    "optimizer.clip_norm": ["0", "0.5"],
    "train.batch_size": ["7", "64", "513"],
    "data.scaling": ["unit", "standardize", "standardize_global", "none"],
    "data.stratified": ["no", "yes"],
}
LATER_COMPOUND = {
    "loss": ["network.output", "network.loss"],
    "optimizer": ["optimizer.name", "optimizer.learning_rate"],
    "schedule": ["schedule.name", "schedule.warmup", "optimizer.lr_scale"],
    "batch_norm": ["network.batch_norm", "network.batch_norm_statistics"],
}
LATER_STEPS = {"7": 160, "64": 20, "513": 6}
LATER_ALWAYS = {"schedule.every": "3 steps", "schedule.factor": "0.7"}


def is_possible(run):
    """Some values exclude each other: what the settings' check refuses."""
    output, loss = run.get("loss", ("softmax", "cross_entropy"))
    return not (loss == "mse" and run.get("train.label_smoothing", "0") != "0"
                or output == "linear" and run.get("train.class_weights", "none") != "none"
                or output == "linear" and run.get("data.stratified", "no") != "no"
                or output == "linear" and run.get("data.scaling") == "none")


def pairs_of(run, factors):
    return {frozenset([(a, run[a]), (b, run[b])]) for a, b in itertools.combinations(factors, 2)}


def cover_later(seed=21):
    rng = random.Random(seed)
    wanted = {frozenset([(a, x), (b, y)]) for a, b in itertools.combinations(LATER, 2) for x in LATER[a] for y in LATER[b]
              if is_possible({a: x, b: y})}
    runs = []
    while wanted:
        candidates = []
        while len(candidates) < 40:
            run = dict(rng.choice(sorted(wanted, key=lambda pair: sorted(map(repr, pair)))))
            for name in rng.sample(list(LATER), len(LATER)):
                gain = [(sum(frozenset([(name, v), item]) in wanted for item in run.items()), rng.random(), v)
                        for v in LATER[name] if name not in run and is_possible({**run, name: v})]
                if gain:
                    run[name] = max(gain, key=lambda g: g[:2])[2]
            if len(run) == len(LATER):
                candidates.append(run)
        best = max(candidates, key=lambda run: len(pairs_of(run, LATER) & wanted))
        wanted -= pairs_of(best, LATER)
        runs.append(best)
    return runs


def cover(seed=20):
    rng = random.Random(seed)
    wanted = {frozenset([(a, x), (b, y)]) for a, b in itertools.combinations(FACTORS, 2) for x in FACTORS[a] for y in FACTORS[b]}
    runs = []
    while wanted:
        candidates = []
        for _ in range(60):
            start = dict(rng.choice(sorted(wanted, key=lambda pair: sorted(map(repr, pair)))))
            for name in rng.sample(list(FACTORS), len(FACTORS)):
                if name in start:
                    continue
                gain = [(sum(frozenset([(name, v), item]) in wanted for item in start.items()), rng.random(), v)
                        for v in FACTORS[name]]
                start[name] = max(gain, key=lambda g: g[:2])[2]
            candidates.append(start)
        best = max(candidates, key=lambda run: len(pairs_of(run, FACTORS) & wanted))
        wanted -= pairs_of(best, FACTORS)
        runs.append(best)
    return runs


def line_of(run, factors, compound, steps, always):
    settings = {"train.steps": steps[run["train.batch_size"]], **always}
    for name in factors:
        for key, value in zip(compound.get(name, [name]), run[name] if name in compound else [run[name]]):
            settings[key] = value
    if settings.get("optimizer.lr_scale", "none") != "none":
        settings["optimizer.lr_scale_batch"] = int(run["train.batch_size"]) // 2
    return "; ".join(f"{key}={value}" for key, value in sorted(settings.items()))


def print_first():
    for r in cover():
        print(line_of(r, FACTORS, COMPOUND, STEPS, {}))
    print("network.activation=relu, tanh, sigmoid; network.batch_norm=before; network.dropout=0.1, 0, 0.5; network.hidden=33, 17, 9; "
          "optimizer.name=adam; train.batch_size=33; train.steps=36")
    print("network.batch_norm=after; network.batch_norm_statistics=batch; network.hidden=300, 40; optimizer.name=momentum; "
          "train.batch_size=513; train.steps=5")


def print_later():
    for r in cover_later():
        print(line_of(r, LATER, LATER_COMPOUND, LATER_STEPS, LATER_ALWAYS))
    print("network.activation=gelu, softplus, elu, leaky_relu; network.dropout=0.1, 0, 0.5, 0; network.hidden=33, 17, 9, 8; "
          "optimizer.name=rmsprop; train.batch_size=33; train.steps=36")


print_first() if sys.argv[1:] == ["first"] else print_later()
