"""A run that is stopped and goes on: what the tests of kills, signals and disks share. However often it was stopped, it must end with
the bytes of one that never was."""
import glob
import os
import random
import re
import shutil
import subprocess
import time
from signal import SIGSTOP

from weft_run import SOON, WeftTest, command, environment, md5, sets, wait_until, weft

SEED = int(os.environ.get("WEFT_SEED", random.randrange(10**6)))
THREADS = (1, 2, 3, 7)
STOPPED = 75
BEGINS_AGAIN = "note: the run was stopped before its first save: it begins at step 0"
FILES = ("last.h5", "best.h5", "history.csv", "evaluation.h5")
# Small and busy: batch-norm, dropout, Adam, early stopping, an evaluation every 10 steps and a save every 3.
DATA = ["--data", "digits:?train=3000&test=300"]
SETTINGS = sets(network__hidden="20, 7", network__batch_norm="before", network__dropout=0.1, train__batch_size=64,
                train__epochs=12, train__evaluate_every="10 steps", train__early_stop="validation_cost",
                train__patience="60 steps", data__validation_fraction=0.2, checkpoint__every="3 steps")


def fast_sets():
    """The instruction sets of this machine, but for the slow one if there are two others."""
    small = ["train", "--dry-run", "--data", "digits:?train=200&test=50"]
    known = [isa for isa in ("avx2", "avx512") if weft(*small, WEFT_ISA=isa).returncode == 0]
    return known if len(known) > 1 else [*known, "portable"]


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def freeze(process):
    """Stop it where it is. False: it is over."""
    process.send_signal(SIGSTOP)
    while process.poll() is None:
        states = set()
        for path in glob.glob(f"/proc/{process.pid}/task/*/stat"):
            with open(path, encoding="utf-8") as file:
                states.add(file.read().rpartition(") ")[2][0])
        if states == {"T"}:
            return True
        time.sleep(0.001)
    return False


def steps_in(text):
    """The steps of the evaluations that a run has told of."""
    return [int(step) for step in re.findall(r"^ *(\d+) +\d+\.\d\d ", text, re.M)]


def steps_told(process):
    return steps_in(process.told())


class StoppedRun(WeftTest):
    data, settings = DATA, SETTINGS
    known = {}                          # of runs that were not stopped
    instruction_sets = fast_sets()

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED} {self.id()}")

    def run_reference(self, threads=2):
        """The run that is not stopped: self.want, of which files what digests; self.steps. Its directory is there."""
        shutil.rmtree(self.path("reference"), ignore_errors=True)               # of other settings
        summary = self.ok(*self.first("reference", threads), "--json", "--progress", "none")
        self.want, self.steps = self.digests("reference"), summary["steps"]
        self.assertGreaterEqual(set(self.want), {"last.h5", "history.csv", "evaluation.h5"})
        StoppedRun.known[self.which()] = self.want, self.steps
        return summary

    def know_reference(self):
        """The same, but for the directory, if another test has had this run."""
        if self.which() in StoppedRun.known:
            self.want, self.steps = StoppedRun.known[self.which()]
        else:
            self.run_reference()

    def which(self):
        return " ".join(map(str, self.data + self.settings))

    def first(self, run, threads=2):
        return ["train", *self.data, *self.settings, "--threads", threads, "--out", self.path(run)]

    def next(self, run, threads=2):
        """Go on wherever it was stopped, before its first save, too; only if nothing of it is on disk it is started again."""
        if "run.ini" in self.names(run):
            return ["resume", self.path(run), "--threads", threads]
        self.assertEqual(self.checkpoints(run), [], "run.ini comes first")
        return self.first(run, threads)

    def start(self, arguments, **variables):
        """A process that is gone when the test is over; process.told() is what it has written to stderr."""
        self.started = getattr(self, "started", 0) + 1
        log = self.path(f"stderr-{self.started}")
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=file, env=environment(**variables))
        process.told = lambda: read_text(log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def any_machine(self):
        """Another number of threads, another instruction set: (threads, variables)."""
        return self.rng.choice(THREADS), {"WEFT_ISA": self.rng.choice(self.instruction_sets)}

    def start_next(self, run, **variables):
        threads, machine = self.any_machine()
        return self.start(self.next(run, threads), **machine, **variables)

    def finish(self, run, message):
        """Let it end: it goes on from its newest checkpoint, for none was damaged, all bytes are those of the run that was not stopped,
        nothing is left over."""
        threads, machine = self.any_machine()
        had = self.checkpoints(run)
        done = weft(*self.next(run, threads), **machine)
        message = f"{message} (WEFT_SEED={SEED})"
        self.assertEqual(done.returncode, 0, f"{message}\n{done.stderr}")
        self.assert_goes_on(had, done.stderr, message)
        self.assertNotIn("note:", done.stderr.replace(BEGINS_AGAIN, ""), message)
        self.assertEqual(self.digests(run), self.want, message)
        self.assertEqual(self.temporaries(run), [], message)

    def digests(self, run):
        return {name: md5(self.path(run, name)) for name in FILES if os.path.exists(self.path(run, name))}

    def names(self, run):
        try:
            return os.listdir(self.path(run))
        except FileNotFoundError:
            return []

    def temporaries(self, run):
        return [name for name in self.names(run) if ".tmp." in name]

    def checkpoints(self, run):
        """The steps of all checkpoints."""
        steps = [name.removeprefix("step-").removesuffix(".h5") for name in self.names(run) if name.startswith("step-")]
        return sorted(map(int, steps))

    def assert_goes_on(self, had, told, message):
        """A run with these checkpoints that is told of so goes on from the newest: it evaluates nothing that came before."""
        for first, newest in zip(steps_in(told), had[-1:]):
            self.assertGreaterEqual(first, newest, f"{message}\n{told}")

    def assert_nothing_lost(self, run, had, message):
        """Where there were checkpoints (of these steps, as far as they are known) the newest is no older than the newest of them, the
        links lead to some, and one file at most was being written."""
        newest = [max(step if isinstance(step, int) else 0 for step in had)] if had else []
        self.assertGreaterEqual(self.checkpoints(run)[-1:], newest, message)
        for name in {"last.h5", "best.h5"} & set(self.names(run)):
            self.assertTrue(os.path.exists(self.path(run, name)), f"{name} leads to nothing {message}")
        self.assertLessEqual(len(self.temporaries(run)), 1, message)

    def wait_for(self, condition, seconds=SOON):
        wait_until(condition, seconds)
