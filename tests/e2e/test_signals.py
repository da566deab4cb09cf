"""A signal at any moment: the command ends with exit code 75 and a saved state within one step and one save, or at once if it was the
second one or came before the command was ready for any; and however that was, the run ends in the same bytes."""
import os
import re
import shutil
import subprocess
import time
import unittest
from signal import SIGCONT, SIGINT, SIGSTOP, SIGTERM, SIGUSR1

import faulty_disk
from faulty_disk import calls_in
from stopped_run import SEED, SOON, STOPPED, StoppedRun, freeze, steps_told
from weft_run import command, environment, sets, weft

MOMENTS = int(os.environ.get("WEFT_KILLS", "6"))         # of each test
needs_disk = unittest.skipIf(faulty_disk.is_missing(), faulty_disk.is_missing())


def steps_drawn(process):
    """The steps that its bar has shown."""
    return [int(step) for step in re.findall(r"epoch [0-9.]+, step (\d+),", process.told())]


class StoppedBySignal(StoppedRun):
    def wait_until_saved(self, run, process):
        self.wait_for(lambda: os.path.exists(self.path(run, "last.h5")) or process.poll() is not None)

    def end(self, process, wanted=STOPPED):
        self.assertEqual(process.wait(SOON), wanted, process.told())


class Steps(StoppedBySignal):
    """Where it was is seen by freezing it: after SIGSTOP it says no more, and the signal is the first that it meets after SIGCONT."""

    def freeze_and_stop(self, process):
        """The steps it had told of until the signal; None: it was over."""
        if not freeze(process):
            return None
        told = steps_told(process)
        process.send_signal(self.rng.choice([SIGTERM, SIGINT]))
        process.send_signal(SIGCONT)
        return told

    def test_one_step_later_at_most(self):
        self.settings = StoppedRun.settings + sets(train__epochs=3, train__evaluate_every="1 steps", train__early_stop="none")
        self.know_reference()
        stops = []
        for goal in sorted(self.rng.sample(range(self.steps), MOMENTS)):
            process, before = self.start_next("run"), self.checkpoints("run")
            self.wait_for(lambda: steps_told(process)[-1:] >= [goal] or process.poll() is not None)
            told = self.freeze_and_stop(process)
            if told is None or process.wait(SOON) == 0:         # it was at its last step
                break
            self.assertEqual(process.returncode, STOPPED, process.told())
            was_at = (told or before or [0])[-1]
            stops.append(self.checkpoints("run")[-1])
            self.assertIn(stops[-1], (was_at, was_at + 1), process.told())
            self.assertIn(f"after step {stops[-1]}; saved", process.told())
            self.assertEqual(self.temporaries("run"), [])
        self.finish("run", f"after stops at {stops}")
        print(f"{len(stops)} stops at steps {stops}, each at most one step after the signal")

    def test_in_the_middle_of_an_epoch(self):
        """Nothing is to be evaluated or saved for a long time. The bar says where it is, every quarter of a second; a step takes a tenth
        of that."""
        self.data = ["--data", "digits:?train=12000&test=100"]
        self.settings = sets(network__hidden="1024, 1024", train__batch_size=256, train__evaluate_every="never", train__epochs=0,
                             train__max_time=1000, checkpoint__every="never")
        for attempt in range(4):                        # a machine with other things to do may look at the bar late
            shutil.rmtree(self.path("run"), ignore_errors=True)
            process = self.start([*self.first("run"), "--progress", "bar"])
            self.wait_for(lambda: steps_drawn(process))
            self.freeze_and_stop(process)
            was_at = steps_drawn(process)[-1]
            self.end(process)
            step = self.checkpoints("run")[-1]
            if was_at <= step <= was_at + 1:
                break
        else:
            self.fail(f"four times it was more than one step later: {was_at}, then {step}")
        self.settings = [*self.settings, *sets(train__max_time=0, train__steps=step)]
        digest = self.ok(*self.first("straight", 1), "--json")["weights_digest"]
        self.assertEqual(self.ok("inspect", self.path("run"), "--json")["weights_digest"], digest)

    def test_in_the_middle_of_an_evaluation(self):
        """One that had only just begun is not waited for, and made again."""
        self.data = ["--data", "digits:?train=16384&test=100"]
        self.settings = sets(network__hidden="512, 512", train__batch_size=32, train__evaluate_every="1 steps", train__steps=2,
                             train__evaluate="train", data__validation_fraction=0)
        self.know_reference()
        for attempt in range(4):                        # where it was at its end there is nothing to be seen
            shutil.rmtree(self.path("run"), ignore_errors=True)
            process = self.start(self.first("run"))
            self.wait_until_saved("run", process)
            time.sleep(0.05)
            told = self.freeze_and_stop(process)
            self.end(process)
            if steps_told(process) == told:
                break
        else:
            self.fail(f"four times it told of an evaluation after the signal\n{process.told()}")
        self.assertEqual(self.checkpoints("run")[-1], len(told) + 1 if told else self.checkpoints("run")[-1])
        self.finish("run", "after a stop in an evaluation")


@needs_disk
class Calls(StoppedBySignal):
    """At a certain call of the disk."""
    settings = StoppedRun.settings + sets(train__epochs=2, checkpoint__every="1 epochs")

    def setUp(self):
        super().setUp()
        self.know_reference()

    def disk(self, do=None, **where):
        return faulty_disk.faulty_disk(self.path("run"), do, **where)

    def calls_of(self, arguments):
        log = self.path("log")
        self.ok(*arguments, "--progress", "none", **self.disk(log=log))
        calls = calls_in(log)
        os.remove(log)
        return len(calls)

    def at_calls(self, arguments, prepare):
        """Where the signal came too late, the run is over."""
        prepare()
        calls = self.calls_of(arguments)
        numbers, stops = sorted(self.rng.sample(range(1, calls + 1), min(MOMENTS, calls))), 0
        for number in numbers:
            prepare()
            number_of_signal = self.rng.choice([SIGTERM, SIGINT])
            done = weft(*arguments, **self.disk(f"signal {number_of_signal.value}", at=number))
            self.assertIn(done.returncode, (0, STOPPED), f"signal at call {number}\n{done.stderr}")
            stops += done.returncode == STOPPED
            self.assert_nothing_lost("run", ["a checkpoint"], f"signal at call {number}")
            self.ok("verify", os.path.realpath(self.path("run", "last.h5")))
            self.finish("run", f"{arguments[0]} with a signal at call {number}")
        print(f"{arguments[0]}: a signal at {len(numbers)} of {calls} file calls, {stops} stops; 0 differences")

    def test_train(self):
        self.at_calls(self.first("run"), lambda: shutil.rmtree(self.path("run"), ignore_errors=True))

    def test_resume(self):
        done = weft(*self.first("stopped"), **faulty_disk.faulty_disk(self.path("stopped"), "signal 15", at=1, calls=["renameat"],
                                                                      names="step-[1-9]*"))
        self.assertEqual(done.returncode, STOPPED, done.stderr)

        def prepare():
            shutil.rmtree(self.path("run"), ignore_errors=True)
            shutil.copytree(self.path("stopped"), self.path("run"), symlinks=True)
        self.at_calls(["resume", self.path("run"), "--threads", 2], prepare)

    def test_last_figures(self):
        """history.csv is put in its place when the run is over and saved; what is left is to evaluate the model."""
        done = weft(*self.first("run"), **self.disk("signal 15", at=2, calls=["renameat"], names="history.csv"))
        self.assertEqual(done.returncode, STOPPED, done.stderr)
        self.assertRegex(done.stderr, "stopped on request while the last figures were worked out; the run is over and saved")
        self.assertNotIn("evaluation.h5", self.names("run"))
        self.finish("run", "after a stop in the last figures")

    def hang(self):
        """A process whose second checkpoint is written to a disk that hangs until the file that is returned is removed."""
        hang, log = self.path("hang"), self.path("log")
        open(hang, "w", encoding="utf-8").close()
        process = self.start(self.first("run"), **self.disk(f"wait {hang}", at=2, calls=["fsync"], names=".step-*", log=log))
        self.wait_for(lambda: len(calls_in(log)) == 2)
        return process, hang

    def test_save_under_way(self):
        process, hang = self.hang()
        process.terminate()
        time.sleep(1)
        self.assertIsNone(process.poll(), "it waits for the save")
        os.remove(hang)
        self.end(process)
        self.assertEqual(self.temporaries("run"), [])
        self.finish("run", "after a stop in a save")

    def test_second_signal_ends_at_once(self):
        for first, second in ((SIGTERM, SIGTERM), (SIGINT, SIGINT), (SIGTERM, SIGINT)):
            process, hang = self.hang()
            process.send_signal(first)
            time.sleep(0.1)
            process.send_signal(second)
            self.end(process, 128 + second)
            self.assertTrue(os.path.exists(hang), "the save was not waited for")
            self.assertEqual(self.checkpoints("run"), [0])
            self.ok("verify", self.path("run", "last.h5"))
            self.assertLessEqual(len(self.temporaries("run")), 1)
            self.finish("run", "after a second signal in a save")
            shutil.rmtree(self.path("run"))
            os.remove(self.path("log"))


class StartUp(StoppedBySignal):
    settings = StoppedRun.settings + sets(train__epochs=2)

    def test_before_and_after_the_handlers(self):
        """Until the command has taken the signals they end it, and then there is nothing of the run yet."""
        self.know_reference()
        ends = []
        for _ in range(MOMENTS):
            process = self.start_next("run")
            time.sleep(self.rng.uniform(0, 0.05))
            process.terminate()
            process.wait(SOON)
            self.assertIn(process.returncode, (-SIGTERM, STOPPED, 0), process.told())
            ends.append(process.returncode)
            if process.returncode == STOPPED:
                self.assertRegex(process.told(), "stopped on request")
                self.ok("verify", self.path("run", "last.h5"))
        self.finish("run", f"after ends by {ends}")
        print(f"{ends.count(STOPPED)} stops, {ends.count(-SIGTERM)} ends before there were handlers; 0 differences")

    def read_from_pipe(self, arguments):
        """A process that waits for the second half of its rows, and where to write them."""
        os.mkfifo(self.path("rows.csv"))
        process = self.start(arguments)
        pipe = open(self.path("rows.csv"), "w", encoding="utf-8")
        self.addCleanup(pipe.close)
        pipe.write(self.rows[:2000])
        pipe.flush()
        time.sleep(0.1)
        return process, pipe

    def test_while_data_are_read(self):
        self.rows = "a,b,label\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 3 == 0]}\n" for i in range(600))
        self.data = ["--data", "csv:" + self.path("rows.csv")]
        with open(self.path("rows.csv"), "w", encoding="utf-8") as file:
            file.write(self.rows)
        self.know_reference()
        os.remove(self.path("rows.csv"))
        process, pipe = self.read_from_pipe(self.first("run"))
        process.terminate()
        pipe.write(self.rows[2000:])
        pipe.close()
        self.end(process)
        self.assertEqual(self.checkpoints("run"), [0])
        os.remove(self.path("rows.csv"))

        process, pipe = self.read_from_pipe(["resume", self.path("run")])
        process.terminate()
        self.end(process)
        self.assertRegex(process.told(), "stopped on request before the first step; nothing has changed; go on with: weft resume")
        os.remove(self.path("rows.csv"))
        with open(self.path("rows.csv"), "w", encoding="utf-8") as file:
            file.write(self.rows)
        self.finish("run", "after a stop while data were read")

        shutil.rmtree(self.path("run"))
        os.remove(self.path("rows.csv"))
        process, pipe = self.read_from_pipe(self.first("run"))
        process.terminate()
        time.sleep(0.1)
        process.terminate()
        self.end(process, 128 + SIGTERM)
        self.assertFalse(os.path.exists(self.path("run")), "it had not begun")


class RandomMoments(StoppedBySignal):
    def test_stops(self):
        self.know_reference()
        stops, ends = [], []
        while ends[-1:] != [0]:
            process = self.start_next("run")
            if len(ends) < MOMENTS:
                goal = self.rng.randint(0, self.steps * len(ends) // MOMENTS)
                self.wait_for(lambda: self.checkpoints("run")[-1:] >= [goal] or process.poll() is not None)
                time.sleep(self.rng.uniform(0, 0.01))
                process.send_signal(self.rng.choice([SIGTERM, SIGINT]))
                if self.rng.random() < 0.2:                     # somebody is impatient
                    time.sleep(self.rng.uniform(0, 0.003))
                    process.send_signal(self.rng.choice([SIGTERM, SIGINT]))
            process.wait(SOON)
            ends.append(process.returncode)
            self.assertIn(ends[-1], (STOPPED, 0, 130, 143, -SIGTERM, -SIGINT), process.told())
            stops += map(int, re.findall(r"after step (\d+); saved", process.told()))
        self.finish("run", f"after {ends}")
        print(f"{len(stops)} stops, at steps {stops}; ends {sorted(set(ends))}; 0 differences")

    def test_storm(self):
        """Saves that are asked for and pauses change nothing."""
        self.know_reference()
        process, signals = self.start(self.first("run")), 0
        self.wait_until_saved("run", process)
        while process.poll() is None and signals < 200:
            for number in self.rng.choice([(SIGUSR1,), (SIGUSR1, SIGUSR1), (SIGSTOP, SIGCONT), (SIGSTOP, SIGUSR1, SIGCONT)]):
                process.send_signal(number)
                signals += 1
            time.sleep(self.rng.uniform(0, 0.01))
        self.end(process, 0)
        self.assertGreater(signals, 1)
        self.assertNotIn("note:", process.told())
        self.assertEqual(self.digests("run"), self.want)
        print(f"{signals} signals SIGUSR1, SIGSTOP and SIGCONT")

    def test_save_on_sigusr1(self):
        self.settings = StoppedRun.settings + sets(checkpoint__every="never", train__epochs=10**6, train__early_stop="none")
        process = self.start(self.first("run"))
        self.wait_until_saved("run", process)
        time.sleep(0.3)
        self.assertEqual(os.readlink(self.path("run", "last.h5")), "step-0.h5")
        process.send_signal(SIGUSR1)
        self.wait_for(lambda: os.readlink(self.path("run", "last.h5")) != "step-0.h5")
        self.assertIsNone(process.poll(), "training goes on after SIGUSR1")
        process.terminate()
        self.end(process)


class Sweep(StoppedBySignal):
    """Also as a scheduler does it, to all processes of it at once."""
    CONFIG = ("[data]\nsource = digits:?train=1200&test=200\n[network]\nhidden = 12, 8\n[train]\nbatch_size = 64\nepochs = 20\n"
              "evaluate_every = 5 steps\n[checkpoint]\nevery = 3 steps\n[sweep]\nseeds = 1, 7\n")

    def digests_of_runs(self, out):
        return [self.digests(os.path.join(out, "base", f"seed-{seed}")) for seed in (1, 7)]

    def test_random_moments(self):
        with open(self.path("study.ini"), "w", encoding="utf-8") as file:
            file.write(self.CONFIG)
        start = time.monotonic()
        self.ok("sweep", self.path("study.ini"), "--out", self.path("reference"), "--progress", "none")
        seconds, ends = time.monotonic() - start, []
        while ends[-1:] != [0]:
            process = subprocess.Popen(command("sweep", self.path("study.ini"), "--out", self.path("sweep")), start_new_session=True,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment())
            self.addCleanup(process.kill)
            if len(ends) < MOMENTS:
                self.disturb(process, self.rng.uniform(0, 0.5 * seconds))
            _, errors = process.communicate(timeout=60)
            ends.append(process.returncode)
            self.assertIn(ends[-1], (STOPPED, 0, 130, 143, -SIGTERM, -SIGINT), f"{errors} (WEFT_SEED={SEED})")
        self.assertEqual(self.digests_of_runs("sweep"), self.digests_of_runs("reference"), f"after {ends} (WEFT_SEED={SEED})")
        print(f"sweep: ends {ends}; 0 differences")

    def disturb(self, process, seconds):
        time.sleep(seconds)
        number = self.rng.choice([SIGTERM, SIGINT])
        is_twice, is_paused = self.rng.random() < 0.2, self.rng.random() < 0.3
        send = os.kill if self.rng.random() < 0.5 else os.killpg
        for each in [SIGSTOP] * is_paused + [number] + [SIGCONT] * is_paused + [SIGTERM] * is_twice:
            if process.poll() is None:
                send(process.pid, each)
            time.sleep(self.rng.uniform(0, 0.01))
        if process.poll() is None and is_paused:
            os.killpg(process.pid, SIGCONT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
