"""Killed anywhere, by SIGKILL, and resumed with other threads and other instruction sets, a run ends in the same bytes."""
import os
import re
import shutil
import signal
import subprocess
import unittest

import faulty_disk
from faulty_disk import CHANGES, calls_in
from stopped_run import SEED, StoppedRun
from weft_run import sets, weft

KILLS = int(os.environ.get("WEFT_KILLS", "50"))
ALL = KILLS >= 1000                                     # the long form: at every call, however many that are
CHAIN = 25


@unittest.skipIf(faulty_disk.is_missing(), faulty_disk.is_missing())
class AtEveryCall(StoppedRun):
    """Between two calls that change the disk a kill leaves the same as before the second of them; and a write can be torn."""
    data = ["--data", "digits:?train=600&test=100"]
    settings = sets(network__hidden="20, 7", network__batch_norm="before", network__dropout=0.1, train__batch_size=16,
                    train__epochs=3, train__evaluate_every="10 steps", train__early_stop="validation_cost",
                    train__patience="500 steps", checkpoint__every="1 epochs", checkpoint__keep=1)

    def disk(self, do=None, at=1, log=None):
        return faulty_disk.faulty_disk(self.path("run"), do, at, calls=None if ALL else CHANGES, log=log)

    def moments(self, arguments):
        """[(number, what happens at that call)] of the command, KILLS / 2 of them in the short form, and how many calls there are."""
        log = self.path("log")
        self.ok(*arguments, "--progress", "none", **self.disk(log=log))
        calls = calls_in(log)
        os.remove(log)
        moments = [(number, "signal 9") for number in range(1, len(calls) + 1)]
        moments += [(number, "torn") for number, (call, _) in enumerate(calls, 1) if call == "write"]
        self.assertGreaterEqual({call for call, _ in calls}, {"openat", "write", "renameat", "symlinkat"}, "it saves, and points the links")
        return moments if ALL else sorted(self.rng.sample(moments, min(len(moments), max(1, KILLS // 2)))), len(calls)

    def kill(self, arguments, number, do):
        """Where the disk was busy there were fewer saves, and it came to its end before that call."""
        threads, machine = self.any_machine()
        had, log = self.checkpoints("run"), self.path("log")
        done = weft(*arguments, "--threads", threads, **machine, **self.disk(do, at=number, log=log))
        self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
        had += [int(step) for call, path in calls_in(log)[:-1] if call == "renameat" for step in re.findall(r"/step-(\d+)\.h5$", path)]
        os.remove(log)
        self.assert_nothing_lost("run", had, f"killed at call {number}, {do}")
        has_checkpoint = self.checkpoints("run") != []
        self.finish("run", f"{arguments[0]} killed at call {number}, {do}")
        shutil.rmtree(self.path("run"))
        return done.returncode != 0, has_checkpoint

    def test_train(self):
        self.know_reference()
        moments, calls = self.moments(self.first("run"))
        shutil.rmtree(self.path("run"))
        ends = [self.kill(self.first("run"), *moment) for moment in moments]
        self.assertTrue(any(was_killed for was_killed, _ in ends))
        print(f"train: {sum(was_killed for was_killed, _ in ends)} kills at its {calls} file calls, "
              f"{sum(not has_checkpoint for _, has_checkpoint in ends)} of them before the first save; 0 differences")

    def test_resume(self):
        self.know_reference()
        stop = faulty_disk.faulty_disk(self.path("stopped"), "signal 15", at=2, calls=["renameat"], names="step-*.h5")
        self.assertEqual(weft(*self.first("stopped"), **stop).returncode, 75)
        shutil.copytree(self.path("stopped"), self.path("run"), symlinks=True)
        moments, calls = self.moments(["resume", self.path("run")])
        kills = 0
        for moment in moments:
            shutil.rmtree(self.path("run"), ignore_errors=True)
            shutil.copytree(self.path("stopped"), self.path("run"), symlinks=True)
            kills += self.kill(["resume", self.path("run")], *moment)[0]
        print(f"resume from step {self.checkpoints('stopped')[-1]}: {kills} kills at its {calls} file calls; 0 differences")


class AtRandomMoments(StoppedRun):
    def test_chains(self):
        """A chain of kills is one run; it is left alone when it has met 25 of them, or comes to its end before."""
        self.know_reference()
        chains = []
        while sum(chains) < KILLS:
            chains.append(self.chain(min(CHAIN, KILLS - sum(chains))))
            self.finish("run", f"after {chains[-1]} kills")
            shutil.rmtree(self.path("run"))
        print(f"{sum(chains)} kills in {len(chains)} runs; 0 differences")

    def chain(self, wanted):
        for kills in range(wanted):
            had = self.checkpoints("run")
            process = self.start_next("run", **self.kill_at_a_call() if self.rng.random() < 0.5 else {})
            try:
                process.wait(self.rng.uniform(0.01, 0.15))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.assertIn(process.returncode, (0, -signal.SIGKILL), process.told())
            message = f"killed the {kills + 1}. time (WEFT_SEED={SEED})"
            self.assert_nothing_lost("run", had, message)
            self.assert_goes_on(had, process.told(), message)
            if process.returncode == 0:
                return kills
        return wanted

    def kill_at_a_call(self):
        """In a few milliseconds of training there are many of them."""
        return {} if faulty_disk.is_missing() else faulty_disk.faulty_disk(self.path("run"), "signal 9", at=self.rng.randint(1, 150))


if __name__ == "__main__":
    unittest.main(verbosity=2)
