"""Writes the settings of tests/golden_digests.txt: a set of runs in which every pair of values of two factors occurs.

    /usr/bin/python3 tests/golden_cover.py > cover.txt        the settings, one run a line
    WEFT_GOLDEN_WRITE=cover.txt test_golden                    writes digest and settings to tests/golden_digests.txt

Only needed when a factor or a value is added: the lines that are there are appended to, never replaced.
"""
import itertools
import random

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


def pairs_of(run):
    return {frozenset([(a, run[a]), (b, run[b])]) for a, b in itertools.combinations(FACTORS, 2)}


def cover(seed=20):
    rng = random.Random(seed)
    wanted = {frozenset([(a, x), (b, y)]) for a, b in itertools.combinations(FACTORS, 2) for x in FACTORS[a] for y in FACTORS[b]}
    runs = []
    while wanted:
        candidates = []
        for _ in range(60):
            start = dict(rng.choice(sorted(wanted, key=repr)))
            for name in rng.sample(list(FACTORS), len(FACTORS)):
                if name in start:
                    continue
                gain = [(sum(frozenset([(name, v), item]) in wanted for item in start.items()), rng.random(), v)
                        for v in FACTORS[name]]
                start[name] = max(gain, key=lambda g: g[:2])[2]
            candidates.append(start)
        best = max(candidates, key=lambda run: len(pairs_of(run) & wanted))
        wanted -= pairs_of(best)
        runs.append(best)
    return runs


def line_of(run):
    settings = {"train.steps": STEPS[run["train.batch_size"]]}
    for name in FACTORS:
        for key, value in zip(COMPOUND.get(name, [name]), run[name] if name in COMPOUND else [run[name]]):
            settings[key] = value
    return "; ".join(f"{key}={value}" for key, value in sorted(settings.items()))


for r in cover():
    print(line_of(r))
print("network.activation=relu, tanh, sigmoid; network.batch_norm=before; network.dropout=0.1, 0, 0.5; network.hidden=33, 17, 9; "
      "optimizer.name=adam; train.batch_size=33; train.steps=36")
print("network.batch_norm=after; network.batch_norm_statistics=batch; network.hidden=300, 40; optimizer.name=momentum; "
      "train.batch_size=513; train.steps=5")
