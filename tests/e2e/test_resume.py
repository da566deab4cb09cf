"""A run that goes on: from its newest whole checkpoint, to the same bytes; and what is refused. Stopping it at all possible moments is
in test_kills.py and test_signals.py."""
import os
import shutil
import subprocess
import unittest

from stopped_run import DATA, StoppedRun
from weft_run import command, md5, sets, wait_for_handlers, weft


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
        self.fails(66, "stopped before its first save, and run.ini does not name", "resume", self.path("run"))

    def leave_only(self, *names):
        """As a kill before the first save leaves the run: what is written before it."""
        for name in os.listdir(self.path("run")):
            if name not in names:
                os.remove(self.path("run", name))

    def test_begins_again_if_it_was_never_saved(self):
        settings = sets(network__hidden=16, train__batch_size=100, train__epochs=3, train__seed=7)
        self.ok("train", *DATA, *settings, "--out", self.path("other"))
        self.ok("train", *DATA, *settings, *sets(train__epochs=2), "--init-from", self.path("other"), "--out", self.path("whole"))
        for left in [["run.ini"], ["run.ini", "lock"], ["run.ini", "lock", "timing.csv", "history.csv"]]:
            shutil.copytree(self.path("whole"), self.path("run"), symlinks=True)
            self.leave_only(*left)
            if "history.csv" in left:
                with open(self.path("run", "history.csv"), "r+b") as file:
                    file.truncate(len(file.readline()))
            done = weft("resume", self.path("run"), "--threads", 3)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("it begins at step 0", done.stderr)
            for name in ("last.h5", "best.h5", "history.csv", "evaluation.h5"):
                self.assertEqual(md5(self.path("run", name)), md5(self.path("whole", name)), name)
            shutil.rmtree(self.path("run"))

    def test_does_not_begin_again_over_traces_of_a_run(self):
        for trace in ("last.h5", "best.h5", "evaluation.h5", "history.csv"):
            self.ok("train", *DATA, *sets(train__steps=3, train__evaluate_every="1 steps"), "--out", self.path("run"))
            self.leave_only("run.ini", trace)
            self.assertIn(trace, os.listdir(self.path("run")))
            self.fails(66, "no checkpoint", "resume", self.path("run"))
            shutil.rmtree(self.path("run"))

    def test_options_hold_when_it_begins_again(self):
        self.ok("train", *DATA, *sets(network__hidden=16, train__epochs=2), "--out", self.path("long"))
        self.ok("train", *DATA, *sets(network__hidden=16, train__epochs=1), "--out", self.path("run"))
        self.leave_only("run.ini")
        self.ok("resume", self.path("run"), "--epochs", 2, *DATA)
        self.assertEqual(md5(self.path("run", "last.h5")), md5(self.path("long", "last.h5")))

    def test_run_ini_begins_the_same_run(self):
        self.ok("train", *DATA, *sets(network__hidden=16, train__epochs=2, train__seed=5), "--out", self.path("run"))
        self.ok("train", self.path("run", "run.ini"), "--out", self.path("again"))
        self.assertEqual(md5(self.path("run", "last.h5")), md5(self.path("again", "last.h5")))

    def test_another_runs_checkpoint_alone_is_refused(self):
        for name, seed in ("run", 1), ("other", 2):
            self.ok("train", *DATA, *sets(network__hidden=16, train__steps=6, train__seed=seed), "--out", self.path(name))
        self.leave_only("run.ini", "history.csv", "lock")
        shutil.copy(self.path("other", "step-6.h5"), self.path("run"))
        self.fails(78, "run.ini says train.seed = 1, but the newest checkpoint was trained with 2", "resume", self.path("run"))

    def test_epochs_in_run_ini_are_told(self):
        self.ok("train", *DATA, *sets(network__hidden=16, train__epochs=1), "--out", self.path("run"))
        self.edit_run_ini("epochs = 1", "epochs = 3")
        done = weft("resume", self.path("run"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("run.ini says train.epochs = 3, but the run has 1; weft resume --epochs changes that", done.stderr)
        self.edit_run_ini("epochs = 1", "epochs = 2")           # resume has put right what it did not follow
        self.assertNotIn("run.ini says", weft("resume", self.path("run"), "--epochs", 2).stderr)

    def edit_run_ini(self, old, new):
        with open(self.path("run", "run.ini"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count(f"\n{old}\n"), 1)
        with open(self.path("run", "run.ini"), "w", encoding="utf-8") as file:
            file.write(text.replace(f"\n{old}\n", f"\n{new}\n"))

    def test_other_data_are_refused(self):
        self.ok("train", *DATA, *sets(train__steps=3), "--out", self.path("run"))
        self.fails(65, "digest", "resume", self.path("run"), "--data", "digits:?train=3000&test=300&seed=2", "--epochs", 30)

    def test_other_settings_are_refused_by_name(self):
        self.ok("train", *DATA, *sets(train__steps=3), "--out", self.path("run"))
        self.edit_run_ini("learning_rate = 0.001", "learning_rate = 0.5")
        self.fails(78, "optimizer.learning_rate = 0.5.*0.001", "resume", self.path("run"))

    def test_run_ini_of_an_earlier_version(self):
        """It names the settings of the machine alone."""
        self.run_reference()
        with open(self.path("reference", "run.ini"), encoding="utf-8") as file:
            text = file.read()
        with open(self.path("reference", "run.ini"), "w", encoding="utf-8") as file:
            file.write(text[:text.index("; What makes the run")])
        self.ok("resume", self.path("reference"))
        self.assertEqual(self.digests("reference"), self.want)

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
        self.addCleanup(process.kill)
        wait_for_handlers(process)
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
