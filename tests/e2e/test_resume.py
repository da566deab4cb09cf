"""Stopped anywhere and resumed with other threads and other instruction sets, a run ends in the same bytes."""
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from weft_run import WeftTest, command, environment, md5, sets, weft

KILLS = int(os.environ.get("WEFT_KILLS", "50"))
SEED = int(os.environ.get("WEFT_SEED", random.randrange(10**6)))
# Small and busy: batch-norm, dropout, Adam, early stopping, an evaluation every 10 steps and a save every 3.
SETTINGS = sets(network__hidden="20, 7", network__batch_norm="before", network__dropout=0.1, train__batch_size=64,
                train__epochs=12, train__evaluate_every="10 steps", train__early_stop="validation_cost",
                train__patience="60 steps", data__validation_fraction=0.2, checkpoint__every="3 steps")
DATA = ["--data", "digits:?train=3000&test=300"]
FILES = ("last.h5", "best.h5", "history.csv", "evaluation.h5")


class Resume(WeftTest):
    def reference(self, settings=SETTINGS):
        start = time.monotonic()
        summary = self.ok("train", *DATA, *settings, "--threads", 2, "--out", self.path("reference"), "--json")
        self.seconds = time.monotonic() - start
        self.want = {name: md5(self.path("reference", name)) for name in FILES}
        return summary

    def assert_same_files(self, out, message):
        self.assertEqual({name: md5(os.path.join(out, name)) for name in FILES}, self.want, f"{message} (WEFT_SEED={SEED})")

    def next_command(self, out, rng):
        """Go on if there is a checkpoint; a run that was killed before its first save starts again."""
        threads = rng.choice([1, 2, 3, 7])
        if os.path.exists(os.path.join(out, "last.h5")):
            return command("resume", out, "--threads", threads)
        shutil.rmtree(out, ignore_errors=True)
        return command("train", *DATA, *SETTINGS, "--threads", threads, "--out", out)

    def start(self, out, rng):
        return subprocess.Popen(self.next_command(out, rng), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=environment(WEFT_ISA=rng.choice(["avx2", "avx512"]) if HAS_AVX512 else "portable"))

    def test_kill_at_random_moments(self):
        self.reference()
        rng = random.Random(SEED)
        kills = runs = 0
        while kills < KILLS:
            out = self.path(f"run-{runs}")
            while True:
                process = self.start(out, rng)
                try:
                    _, errors = process.communicate(timeout=rng.uniform(0.01, 0.6 * self.seconds))
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
            self.assertEqual(process.returncode, 0, errors)
            self.assert_same_files(out, f"after {kills} kills")
            shutil.rmtree(out)
            runs += 1
        print(f"{kills} kills in {runs} runs, every final checkpoint the same bytes")

    def test_stop_on_sigterm(self):
        self.reference()
        rng = random.Random(SEED + 1)
        stops, steps, out = 0, [], self.path("run")
        while True:
            process = self.start(out, rng)
            try:
                _, errors = process.communicate(timeout=rng.uniform(0.05, 0.5 * self.seconds))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice([signal.SIGTERM, signal.SIGINT]))
                _, errors = process.communicate(timeout=60)
                if process.returncode == 0:             # it ended by itself just before the signal
                    break
                self.assertIn(process.returncode, (75, 130, 143), errors)
                if process.returncode == 75 and "step" in errors:
                    stops += 1
                    steps += map(int, re.findall(r"after step (\d+)", errors))
        self.assertEqual(process.returncode, 0, errors)
        self.assert_same_files(out, f"after {stops} stops at steps {steps}")
        print(f"{stops} stops, at steps {steps}")

    def test_save_on_sigusr1(self):
        settings = SETTINGS + sets(checkpoint__every="never", train__epochs=10**6, train__early_stop="none")
        process = subprocess.Popen(command("train", *DATA, *settings, "--out", self.path("run")), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: os.path.exists(self.path("run", "last.h5")))
            time.sleep(0.3)
            self.assertEqual(os.readlink(self.path("run", "last.h5")), "step-0.h5")
            process.send_signal(signal.SIGUSR1)
            wait_until(lambda: os.readlink(self.path("run", "last.h5")) != "step-0.h5")
            self.assertIsNone(process.poll(), "training goes on after SIGUSR1")
        finally:
            process.terminate()
            process.wait()
        self.assertEqual(process.returncode, 75)

    def test_finished_run_resumes_to_nothing(self):
        summary = self.reference()
        again = self.ok("resume", self.path("reference"), "--json")
        self.assertEqual(again["weights_digest"], summary["weights_digest"])
        self.assert_same_files(self.path("reference"), "resume of a finished run")

    def test_more_epochs_equal_a_longer_run(self):
        settings = sets(network__hidden=16, train__batch_size=100)
        long = self.ok("train", *DATA, *settings, *sets(train__epochs=4), "--out", self.path("long"), "--json")
        self.ok("train", *DATA, *settings, *sets(train__epochs=2), "--out", self.path("short"), "--json")
        resumed = self.ok("resume", self.path("short"), "--epochs", 4, "--json")
        self.assertEqual(resumed["weights_digest"], long["weights_digest"])

    def test_killed_before_the_first_save(self):
        os.mkdir(self.path("run"))
        with open(self.path("run", "run.ini"), "w", encoding="utf-8") as file:
            file.write("[data]\nsource = digits:\n")
        self.fails(66, "no checkpoint", "resume", self.path("run"))

    def test_other_data_are_refused(self):
        self.ok("train", *DATA, *sets(train__steps=3), "--out", self.path("run"))
        self.fails(65, "digest", "resume", self.path("run"), "--data", "digits:?train=3000&test=300&seed=2", "--epochs", 30)

    def test_other_settings_are_refused_by_name(self):
        self.ok("train", *DATA, *sets(train__steps=3), "--out", self.path("run"))
        with open(self.path("run", "run.ini"), "a", encoding="utf-8") as file:
            file.write("\n[optimizer]\nlearning_rate = 0.5\n")
        self.fails(78, "optimizer.learning_rate = 0.5.*0.001", "resume", self.path("run"))

    def test_links_are_mended(self):
        """Killed after the last checkpoint was written and before the links were changed."""
        self.reference()
        for name in ("last.h5", "best.h5"):
            os.remove(self.path("reference", name))
        os.symlink("step-0.h5", self.path("reference", "last.h5"))
        self.ok("resume", self.path("reference"))
        self.assert_same_files(self.path("reference"), "resume of a run with old links")

    def test_a_new_number_of_epochs_is_not_forgotten(self):
        self.ok("train", *DATA, *sets(train__epochs=1, network__hidden=16), "--out", self.path("run"))
        process = subprocess.Popen(command("resume", self.path("run"), "--epochs", 10**6), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while "epoch" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.kill()
        process.communicate()
        process = subprocess.Popen(command("resume", self.path("run")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        process.terminate()
        self.assertEqual(process.wait(), 75, "it was still going on")

    def test_a_lost_run_ini(self):
        self.ok("train", *DATA, *sets(train__steps=3, network__hidden=16), "--out", self.path("run"))
        os.remove(self.path("run", "run.ini"))
        self.fails(66, "--data", "resume", self.path("run"))
        self.ok("resume", self.path("run"), *DATA)

    def test_damaged_newest_checkpoint_falls_back(self):
        self.reference()
        newest = os.path.realpath(self.path("reference", "last.h5"))
        with open(newest, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        self.assertEqual(weft("verify", newest).returncode, 65)
        done = weft("resume", self.path("reference"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(os.path.basename(newest), done.stderr)
        self.assert_same_files(self.path("reference"), "resume from the checkpoint before a damaged one")


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


HAS_AVX512 = weft("digits", "--help", WEFT_ISA="avx512").returncode == 0 and "avx512dq" in open("/proc/cpuinfo").read()

if __name__ == "__main__":
    unittest.main(verbosity=2)
