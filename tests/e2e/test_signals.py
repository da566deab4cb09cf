"""A signal at any moment: the command ends with exit code 75 and a saved state within one step and one save, or at once if it was the
second one or came before the command was ready for any; and however that was, the run ends in the same bytes. What is printed counts the
signals that were sent: "stops" and "other signals" are what scripts/torture adds up."""
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest
from signal import SIGCONT, SIGHUP, SIGINT, SIGSTOP, SIGTERM, SIGUSR1, SIGXCPU

import faulty_disk
from faulty_disk import calls_in
from stopped_run import SEED, SOON, STOPPED, StoppedRun, freeze, steps_told
from weft_run import command, environment, sets, weft

MOMENTS = int(os.environ.get("WEFT_KILLS", "6"))         # of each test
PATIENT = 60                            # seconds, for what a machine with other things to do may miss many times
APART = 1.1                             # seconds between two signals, the second of which ends the process
needs_disk = unittest.skipIf(faulty_disk.is_missing(), faulty_disk.is_missing())


def steps_drawn(process):
    """The steps that its bar has shown."""
    return [int(step) for step in re.findall(r"epoch [0-9.]+, step (\d+),", process.told())]


class StoppedBySignal(StoppedRun):
    def wait_until_saved(self, run, process):
        self.wait_for(lambda: os.path.exists(self.path(run, "last.h5")) or process.poll() is not None)

    def send(self, process, number):
        """Until it is taken: two equal signals would be one."""
        process.send_signal(number)

        def is_pending():
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
                masks = re.findall(r"(?:Sig|Shd)Pnd:\s*([0-9a-f]+)", file.read())
            return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)
        self.wait_for(lambda: process.poll() is not None or not is_pending())

    def attempts(self, what):
        """The run begun anew, as long as there is time."""
        end = time.monotonic() + PATIENT
        while time.monotonic() < end:
            shutil.rmtree(self.path("run"), ignore_errors=True)
            yield
        self.fail(f"{PATIENT} seconds of attempts: {what}")

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
            if told is None or process.wait(SOON) == 0 or "last figures" in process.told():    # it was at its last step
                break
            self.assertEqual(process.returncode, STOPPED, process.told())
            was_at = (told or before or [0])[-1]
            stops.append(self.checkpoints("run")[-1])
            self.assertIn(stops[-1], (was_at, was_at + 1), process.told())
            self.assertIn(f"after step {stops[-1]}; saved", process.told())
            self.assertEqual(self.temporaries("run"), [])
        self.finish("run", f"after stops at {stops}")
        print(f"{len(stops)} stops, at steps {stops}, each at most one step after the signal")

    def test_in_the_middle_of_an_epoch(self):
        """Nothing is to be evaluated or saved for a long time. The bar says where it is, every quarter of a second; a step takes a tenth
        of that."""
        self.data = ["--data", "digits:?train=12000&test=100"]
        self.settings = sets(network__hidden="1024, 1024", train__batch_size=256, train__evaluate_every="never", train__epochs=0,
                             train__max_time=1000, checkpoint__every="never")
        for _ in self.attempts("it was always more than one step later"):       # here the bar may be looked at late
            process = self.start([*self.first("run"), "--progress", "bar"])
            self.wait_for(lambda: steps_drawn(process))
            self.freeze_and_stop(process)
            was_at = steps_drawn(process)[-1]
            self.end(process)
            step = self.checkpoints("run")[-1]
            self.assertGreaterEqual(step, was_at)
            if step <= was_at + 1:
                break
        self.settings = [*self.settings, *sets(train__max_time=0, train__steps=step)]
        digest = self.ok(*self.first("straight", 1), "--json")["weights_digest"]
        self.assertEqual(self.ok("inspect", self.path("run"), "--json")["weights_digest"], digest)

    def test_in_the_middle_of_an_evaluation(self):
        """One that had only just begun, after step 2, is not waited for, and made again."""
        self.data = ["--data", "digits:?train=16384&test=100"]
        self.settings = sets(network__hidden="512, 512", train__batch_size=32, train__evaluate_every="1 steps", train__steps=3,
                             train__evaluate="train", data__validation_fraction=0)
        self.know_reference()
        for _ in self.attempts("it told of an evaluation after the signal, or had not begun one"):
            process = self.start(self.first("run"))
            self.wait_for(lambda: steps_told(process) or process.poll() is not None)
            time.sleep(0.02)
            if self.freeze_and_stop(process) != [1]:
                continue
            self.end(process)
            step = self.checkpoints("run")[-1]
            self.assertIn(step, (1, 2, 3), process.told())
            if (steps_told(process), step) == ([1], 2):
                break
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
            if "start it again" in done.stderr:
                self.assertNotIn("run.ini", self.names("run"))
                continue
            self.assert_nothing_lost("run", ["a checkpoint"], f"signal at call {number}")
            self.ok("verify", os.path.realpath(self.path("run", "last.h5")))
            self.finish("run", f"{arguments[0]} with a signal at call {number}")
        print(f"{arguments[0]}: {len(numbers)} stops, each at one of {calls} file calls; {stops} came in time; 0 differences")

    def test_train(self):
        self.at_calls(self.first("run"), lambda: shutil.rmtree(self.path("run"), ignore_errors=True))

    def test_first_save(self):
        """The run is set up, but not yet attached to the handlers: the stop is kept for it."""
        for names in ("run.ini", "history.csv", "step-0.h5"):
            done = weft(*self.first("run"), **self.disk("signal 15", at=1, calls=["renameat"], names=names))
            self.assertEqual(done.returncode, STOPPED, done.stderr)
            self.assertIn("stopped on request after step 0; saved", done.stderr)
            self.finish("run", f"after a stop while {names} was written")
            shutil.rmtree(self.path("run"))

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
        for first, second in ((SIGTERM, SIGTERM), (SIGTERM, SIGINT)):
            process, hang = self.hang()
            self.send(process, first)
            time.sleep(APART)
            process.send_signal(second)
            self.end(process, 128 + second)
            self.assertTrue(os.path.exists(hang), "the save was not waited for")
            self.assertEqual(self.checkpoints("run"), [0])
            self.ok("verify", self.path("run", "last.h5"))
            self.assertLessEqual(len(self.temporaries("run")), 1)
            self.finish("run", "after a second signal in a save")
            shutil.rmtree(self.path("run"))
            os.remove(self.path("log"))

    def saved_after(self, send):
        """It is saved, whatever was sent while a save was under way."""
        process, hang = self.hang()
        send(process)
        time.sleep(0.1)
        self.assertIsNone(process.poll(), process.told())
        os.remove(hang)
        self.end(process)
        self.assertIn("saved; go on with", process.told())
        os.remove(self.path("log"))

    def test_two_without_a_gap_are_one(self):
        """As timeout sends them, to the process and to its group, and GNU parallel, 200 ms apart."""
        def twice(process):
            self.send(process, SIGTERM)
            self.send(process, SIGTERM)
            time.sleep(0.3)
            self.send(process, SIGINT)
        self.saved_after(twice)
        self.finish("run", "after signals without a gap")
        shutil.rmtree(self.path("run"))
        self.settings = [*self.settings, *sets(train__epochs=3)]
        self.know_reference()
        self.saved_after(twice)
        hang, log = self.path("hang"), self.path("log")
        open(hang, "w", encoding="utf-8").close()
        process = self.start(["resume", self.path("run")], **self.disk(f"wait {hang}", calls=["fsync"], names=".step-*", log=log))
        self.wait_for(lambda: calls_in(log))
        twice(process)
        self.assertIsNone(process.poll(), process.told())
        os.remove(hang)
        self.end(process)
        self.finish("run", "after signals without a gap, resumed")

    def test_those_of_the_system_are_no_second_one(self):
        """A shell that ends may send SIGHUP twice; a limit of CPU time sends SIGXCPU for every second above it."""
        def all_of_them(process):
            for _ in range(2):
                self.send(process, SIGHUP)
                self.send(process, SIGXCPU)
                time.sleep(APART)
            self.send(process, SIGTERM)
        self.saved_after(all_of_them)
        self.finish("run", "after SIGHUP, SIGXCPU and SIGTERM")


class OfTheSystem(StoppedBySignal):
    """A lost terminal, limits of a batch system."""
    settings = StoppedRun.settings + sets(train__epochs=10**6, train__early_stop="none", checkpoint__every="never")

    def limited(self, limit, soft, hard=resource.RLIM_INFINITY):
        return lambda: resource.setrlimit(limit, (soft, hard))

    def start_as(self, prepare, errors=subprocess.DEVNULL):
        process = subprocess.Popen(command(*self.first("run")), stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=prepare)
        process.told = lambda: ""
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_until_saved("run", process)
        return process

    def saved_step(self):
        return self.checkpoints("run")[-1]

    def test_hangup(self):
        process = self.start_as(None)
        self.send(process, SIGHUP)
        self.end(process)
        self.ok("verify", self.path("run", "last.h5"))

    def test_no_hangup(self):
        process = self.start_as(lambda: signal.signal(SIGHUP, signal.SIG_IGN))
        self.send(process, SIGHUP)
        time.sleep(0.2)
        self.assertIsNone(process.poll())
        process.terminate()
        self.end(process)

    def test_limit_of_cpu_time(self):
        process = self.start_as(self.limited(resource.RLIMIT_CPU, 1))
        self.end(process)
        self.assertGreater(self.saved_step(), 0)
        self.ok("verify", self.path("run", "last.h5"))

    def test_a_log_that_may_not_grow(self):
        LIMIT = 1 << 22                                 # no checkpoint is that large
        with open(self.path("log"), "wb") as log:
            log.write(b"." * LIMIT)
        with open(self.path("log"), "ab") as log:
            process = self.start_as(self.limited(resource.RLIMIT_FSIZE, LIMIT), log)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.terminate()
        self.end(process)


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
                if "start it again" not in process.told() and "first step" not in process.told():
                    self.ok("verify", self.path("run", "last.h5"))
        self.finish("run", f"after ends by {ends}")
        print(f"{len(ends)} stops, {ends.count(-SIGTERM)} of them before there were handlers; 0 differences")

    def write_rows(self):
        with open(self.path("rows.csv"), "w", encoding="utf-8") as file:
            file.write(self.rows)

    def stop_while_reading(self, arguments, told):
        """It waits for the second half of its rows, which never comes."""
        os.mkfifo(self.path("rows.csv"))
        process = self.start(arguments)
        with open(self.path("rows.csv"), "w", encoding="utf-8") as pipe:
            pipe.write(self.rows[:2000])
            pipe.flush()
            time.sleep(0.1)
            process.terminate()
            self.end(process)
        self.assertRegex(process.told(), f"stopped on request .*{told}")
        os.remove(self.path("rows.csv"))

    def test_while_data_are_read(self):
        self.rows = "a,b,label\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 3 == 0]}\n" for i in range(600))
        self.data = ["--data", "csv:" + self.path("rows.csv")]
        self.write_rows()
        self.know_reference()
        os.remove(self.path("rows.csv"))
        self.stop_while_reading(self.first("run"), "anything of the run was on disk: start it again with the same command")
        self.assertFalse(os.path.exists(self.path("run")), "it had not begun")

        self.write_rows()
        process = self.start(self.first("run"))
        self.wait_until_saved("run", process)
        process.terminate()
        self.assertIn(process.wait(SOON), (0, STOPPED), process.told())
        os.remove(self.path("rows.csv"))
        self.stop_while_reading(["resume", self.path("run")], "before the first step; nothing has changed; go on with: weft resume")
        self.write_rows()
        self.finish("run", "after a stop while data were read")


class RandomMoments(StoppedBySignal):
    def test_stops(self):
        self.know_reference()
        stops, ends, sent = [], [], 0
        while ends[-1:] != [0]:
            process = self.start_next("run")
            if len(ends) < MOMENTS:
                goal = self.rng.randint(0, self.steps * len(ends) // MOMENTS)
                self.wait_for(lambda: self.checkpoints("run")[-1:] >= [goal] or process.poll() is not None)
                time.sleep(self.rng.uniform(0, 0.01))
                for _ in range(1 + (self.rng.random() < 0.2)):
                    process.send_signal(self.rng.choice([SIGTERM, SIGINT, SIGHUP, SIGXCPU]))
                    sent += 1
                    time.sleep(self.rng.uniform(0, 0.003))
            process.wait(SOON)
            ends.append(process.returncode)
            self.assertIn(ends[-1], (STOPPED, 0, -SIGTERM, -SIGINT, -SIGHUP, -SIGXCPU), process.told())
            stops += map(int, re.findall(r"after step (\d+); saved", process.told()))
        self.finish("run", f"after {ends}")
        print(f"{sent} stops, saved at steps {stops}; ends {sorted(set(ends))}; 0 differences")

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
        print(f"{signals} other signals, SIGUSR1, SIGSTOP and SIGCONT")

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
        seconds, ends, sent = time.monotonic() - start, [], [0, 0]
        while ends[-1:] != [0]:
            process = subprocess.Popen(command("sweep", self.path("study.ini"), "--out", self.path("sweep")), start_new_session=True,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment())
            self.addCleanup(process.kill)
            if len(ends) < MOMENTS:
                sent = [sum(counts) for counts in zip(sent, self.disturb(process, self.rng.uniform(0, 0.5 * seconds)))]
            _, errors = process.communicate(timeout=60)
            ends.append(process.returncode)
            self.assertIn(ends[-1], (STOPPED, 0, -SIGTERM, -SIGINT, -SIGHUP), f"{errors} (WEFT_SEED={SEED})")
        self.assertEqual(self.digests_of_runs("sweep"), self.digests_of_runs("reference"), f"after {ends} (WEFT_SEED={SEED})")
        print(f"sweep: {sent[0]} stops, {sent[1]} other signals, ends {ends}; 0 differences")

    def disturb(self, process, seconds):
        """How many stops it sends, and how many other signals."""
        time.sleep(seconds)
        number, sent = self.rng.choice([SIGTERM, SIGINT, SIGHUP]), []
        is_twice, is_paused = self.rng.random() < 0.2, self.rng.random() < 0.3
        send = os.kill if self.rng.random() < 0.5 else os.killpg
        for each in [SIGSTOP] * is_paused + [number] + [SIGCONT] * is_paused + [SIGTERM] * is_twice:
            if process.poll() is None:
                send(process.pid, each)
                sent.append(each)
            time.sleep(self.rng.uniform(0, 0.01))
        if process.poll() is None and is_paused:
            os.killpg(process.pid, SIGCONT)
        others = sum(each in (SIGSTOP, SIGCONT) for each in sent)
        return len(sent) - others, others

    def endless(self):
        """A sweep whose two runs have begun, and their processes."""
        with open(self.path("study.ini"), "w", encoding="utf-8") as file:
            file.write(self.CONFIG.replace("epochs = 20", "epochs = 1000000"))
        process = self.start(["sweep", self.path("study.ini"), "--out", self.path("sweep"), "--jobs", 2])
        self.wait_for(lambda: all(os.path.exists(self.path("sweep", "base", f"seed-{seed}", "last.h5")) for seed in (1, 7)))
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
            return process, [int(word) for word in file.read().split()]

    def end_saved(self, process):
        self.end(process)
        self.assertIn("0 of 2 runs are over", process.told())
        for seed in (1, 7):
            self.ok("verify", self.path("sweep", "base", f"seed-{seed}", "last.h5"))

    def test_two_without_a_gap_are_one(self):
        """The runs cannot end between them, for they are frozen."""
        process, runs = self.endless()
        for run in runs:
            os.kill(run, SIGSTOP)
        self.send(process, SIGTERM)
        self.send(process, SIGTERM)
        time.sleep(0.3)
        self.send(process, SIGINT)
        time.sleep(0.1)
        self.assertIsNone(process.poll(), process.told())
        for run in runs:
            os.kill(run, SIGCONT)
        self.end_saved(process)

    def test_hangup(self):
        process, _ = self.endless()
        self.send(process, SIGHUP)
        self.end_saved(process)

    def test_limit_of_cpu_time(self):
        """Of each run by itself: the first stops alone."""
        process, runs = self.endless()
        os.kill(runs[0], SIGXCPU)
        self.wait_for(lambda: not os.path.exists(f"/proc/{runs[0]}"))
        self.assertTrue(os.path.exists(f"/proc/{runs[1]}"))
        os.kill(runs[1], SIGXCPU)
        self.end_saved(process)
        self.assertIn("a signal of their own", process.told())


if __name__ == "__main__":
    unittest.main(verbosity=2)
