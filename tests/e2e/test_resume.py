"""A run that goes on: from its newest whole checkpoint, to the same bytes; and what is refused. Stopping it at all possible moments is
in test_kills.py and test_signals.py."""
import os
import subprocess
import time
import unittest

from stopped_run import DATA, StoppedRun
from weft_run import command, sets, weft


class Resume(StoppedRun):
    def test_finished_run_resumes_to_nothing(self):
        summary = self.run_reference()
        again = self.ok("resume", self.path("reference"), "--json")
        self.assertEqual(again["weights_digest"], summary["weights_digest"])
        self.assertEqual(self.digests("reference"), self.want)

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
        self.run_reference()
        for name in ("last.h5", "best.h5"):
            os.remove(self.path("reference", name))
        os.symlink("step-0.h5", self.path("reference", "last.h5"))
        self.ok("resume", self.path("reference"))
        self.assertEqual(self.digests("reference"), self.want, "resume of a run with old links")

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
        self.run_reference()
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
        self.assertEqual(self.digests("reference"), self.want, "resume from the checkpoint before a damaged one")


if __name__ == "__main__":
    unittest.main(verbosity=2)
