"""Killed and resumed with other threads, a regression whose learning rate falls on plateaus, a classifier of weighted classes and
one of several labels end in the same bytes: what they carry from step to step beyond a plain classifier is all in the file."""
import itertools
import os
import random
import shutil
import subprocess
import time
import unittest

import h5py
import numpy as np

from weft_run import WeftTest, command, md5, sets

KILLS = int(os.environ.get("WEFT_KILLS", "4"))           # of each kind
SEED = int(os.environ.get("WEFT_SEED", random.randrange(10**6)))
THREADS = (1, 2, 3, 7)
FILES = ("last.h5", "best.h5", "history.csv", "evaluation.h5")
BUSY = dict(data__validation_fraction=0.2, data__missing="median", data__scaling="standardize", train__batch_size=48,
            train__evaluate_every="20 steps", checkpoint__every="7 steps", train__epochs=80)
RUNS = {
    "plateau": dict(network__output="linear", network__loss="mse", network__hidden="64, 32", network__activation="gelu",
                    optimizer__name="nesterov", optimizer__learning_rate=0.05, schedule__name="plateau", schedule__factor=0.7,
                    schedule__metric="validation_loss", schedule__patience="40 steps", schedule__final_fraction=0.01),
    "weighted": dict(network__hidden="64", network__batch_norm="after", network__dropout=0.1, train__class_weights="balanced",
                     train__label_smoothing=0.1, optimizer__name="rmsprop", optimizer__clip_norm=0.5,
                     schedule__name="exponential", schedule__every="12 epochs", train__early_stop="validation_loss",
                     train__patience="800 steps"),
    "labels": dict(network__output="sigmoid", network__loss="binary_cross_entropy", network__hidden="96",
                   network__activation="elu", network__input_dropout=0.1, optimizer__name="adamw", regularization__l2=0.1,
                   schedule__name="cosine", schedule__warmup=30),
}
LABELS = {"plateau": "-2,-1", "weighted": "-1", "labels": "-3,-2,-1"}


def write_data(path, kind):
    generator = np.random.default_rng(11)
    x = generator.normal(size=(900, 6))
    signal = np.tanh(x @ generator.normal(size=(6, 3))) + 0.3 * generator.normal(size=(900, 3))
    y = {"plateau": signal[:, :2], "weighted": (signal + [1, 0, -1]).argmax(axis=1), "labels": signal > [0, 0.5, -0.5]}[kind]
    x[generator.random(x.shape) < 0.05] = np.nan
    np.savetxt(path, np.column_stack((x, y)), fmt="%.6g", delimiter=",")


class ResumeTasks(WeftTest):
    def first(self, kind, threads, out):
        data = f"csv:{self.path(kind + '.csv')}?header=no&label={LABELS[kind]}"
        return ["train", "--data", data, *sets(**BUSY, **RUNS[kind]), "--threads", threads, "--out", out]

    def reference(self, kind):
        write_data(self.path(kind + ".csv"), kind)
        out = self.path(kind)
        summary = self.ok(*self.first(kind, 2, out), "--json", "--progress", "none")
        with h5py.File(os.path.join(out, "last.h5"), "r") as file:
            rates = file["history/train/learning_rate"][:]
        if kind == "plateau":
            self.assertGreater(len(set(rates)), 4, "the learning rate falls a few times")
        return summary, {name: md5(os.path.join(out, name)) for name in FILES}

    def next_command(self, kind, threads, out):
        """Go on if there is a checkpoint; a run that was killed before its first save starts again."""
        if os.path.exists(os.path.join(out, "last.h5")):
            return ["resume", out, "--threads", threads]
        shutil.rmtree(out, ignore_errors=True)
        return self.first(kind, threads, out)

    def run_until(self, kind, goal, threads, out):
        """Until the newest checkpoint is of step `goal` or a later one, then kill it. False: it came to its end."""
        process = subprocess.Popen(command(*self.next_command(kind, threads, out)), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while process.poll() is None and newest_step(out) < goal:
            time.sleep(0.001)
        process.kill()
        _, errors = process.communicate()
        self.assertIn(process.returncode, (0, -9), errors)
        return process.returncode == -9

    def test_same_bytes(self):
        rng, threads = random.Random(SEED), itertools.cycle(THREADS)
        for kind in RUNS:
            with self.subTest(kind):
                summary, want = self.reference(kind)
                kills, runs = [], 0
                while len(kills) < KILLS and runs < 5 * KILLS:
                    runs, out = runs + 1, self.path(f"{kind}-{runs}")
                    goal = rng.randint(1, summary["steps"] // (1 + runs))  # a fast machine is killed earlier
                    while self.run_until(kind, goal, next(threads), out):
                        step, steps = newest_step(out), summary["steps"]
                        kills += [step] if step < steps else []
                        goal = rng.randint(step, steps) if step < steps and len(kills) < KILLS else steps + 1   # to its end
                    self.assertEqual(self.ok("inspect", out, "--json")["weights_digest"], summary["weights_digest"])
                    self.assertEqual({name: md5(os.path.join(out, name)) for name in FILES}, want, f"{kills} (WEFT_SEED={SEED})")
                self.assertGreater(len(kills), 1)
                print(f"{kind}: {summary['steps']} steps; {runs} runs, killed at {kills}")


def newest_step(out):
    """Of the checkpoint that last.h5 names; -1: none yet."""
    try:
        return int(os.readlink(os.path.join(out, "last.h5")).removeprefix("step-").removesuffix(".h5"))
    except FileNotFoundError:
        return -1


if __name__ == "__main__":
    unittest.main(verbosity=2)
