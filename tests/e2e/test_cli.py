"""The weft command from outside: what it prints where, its exit codes, its files, and what signals do to it.

Environment: WEFT, the binary (default build/weft). Only small built-in digits are used; a run with h5py's help is skipped
where h5py is missing."""
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from weft_run import has_signal, wait_for_handlers, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEFT = os.path.abspath(os.environ.get("WEFT", os.path.join(ROOT, "build", "weft")))
DATA = "digits:?train=600&test=200"
VERBS = ["train", "resume", "eval", "inspect", "verify", "digits"]


def small(epochs, *more):
    """Arguments of a run of one hidden layer of 8 on 540 rows: 5 steps an epoch."""
    return ["--data", DATA, "--set", "network.hidden=8", "--set", f"train.epochs={epochs}", *more]


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="weft-cli-")
        self.addCleanup(shutil.rmtree, self.directory)

    def weft(self, *arguments, code=0, **options):
        """Run it to its end; stdout is returned, stderr kept in self.stderr."""
        done = subprocess.run([WEFT, *arguments], cwd=self.directory, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, **options)
        self.stderr = done.stderr
        self.assertEqual(done.returncode, code, f"weft {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def refused(self, code, message, *arguments):
        """It ends with this code, prints nothing to stdout, and one line that matches message to stderr."""
        self.assertEqual(self.weft(*arguments, code=code), "")
        self.assertRegex(self.stderr, r"\Aweft[ a-z]*: [^\n]+\n\Z")
        self.assertRegex(self.stderr, message)

    def trained(self, epochs, out, *more):
        return json.loads(self.weft("train", *small(epochs), "--out", out, "--progress", "none", "--json", *more))

    def start(self, *arguments, **options):
        """Run it in the background; it ends with the test."""
        process = subprocess.Popen([WEFT, *arguments], cwd=self.directory, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def wait_for(self, *names):
        """Until a file is there."""
        deadline = time.monotonic() + 60
        while not os.path.exists(self.path(*names)):
            self.assertLess(time.monotonic(), deadline, f"no {names}")
            time.sleep(0.01)

    def wait_for_signals(self, process, field, wanted):
        """Until this mask of signals in /proc/PID/status has SIGTERM's bit, or has it no more."""
        wait_until(lambda: has_signal(process.pid, field) == wanted)


class Help(Case):
    def test_overview(self):
        self.assertEqual(self.weft(code=64), "")
        for verb in VERBS:
            self.assertIn(f"weft {verb}", self.stderr)
        overview = self.stderr
        self.assertEqual(self.weft("help"), overview)
        self.assertEqual(self.weft("--help"), self.weft("help"))
        self.assertRegex(self.weft("--version"), r"\Aweft \d+\.\d+\.\d+\n\Z")

    def test_manual_of_each_verb(self):
        for verb in VERBS:
            text = self.weft(verb, "--help")
            self.assertEqual(text, self.weft("help", verb))
            self.assertEqual(self.stderr, "")
            self.assertTrue(text.startswith(f"usage: weft {verb}"), text)
            for part in ["Exit codes:", "Examples:", "--help"]:
                self.assertIn(part, text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertIn("early_stop = none", self.weft("train", "--help"))

    def test_misuse(self):
        self.refused(64, "unknown verb 'trian'; did you mean 'train'", "trian")
        self.refused(64, "did you mean '--threads'", "train", "--thread", "2")
        self.refused(64, "wanted auto, bar, lines or none", "train", "--progress", "pie")
        self.refused(64, "--out DIR is missing", "digits")
        self.refused(64, "DIR is missing", "resume")
        self.refused(64, "CHECKPOINT is missing", "verify")
        self.refused(64, "one argument too many", "eval", "a", "b")
        self.assertEqual(os.listdir(self.directory), [])


class Train(Case):
    def test_summary(self):
        text = self.weft("train", *small(2))
        self.assertRegex(text, r"all epochs are done: 10 steps, 2.00 epochs; .* samples/s on \d+ thread")
        for split in ["train", "validation", "test"]:
            self.assertRegex(text, rf"(?m)^{split} +\d+\.\d{{4}} +\d+\.\d{{4}} +[01]\.\d{{4}} +\d+$")
        self.assertRegex(text, r"weights digest +[0-9a-f]{32}\n")
        self.assertIn("checkpoints/run-001/last.h5, verified\n", text)
        for command in re.findall(r"(?m)^  weft (\w+ \S+)", text):      # the commands that it proposes work
            self.weft(*command.split())

    def test_progress_lines(self):
        self.weft("train", *small(3))
        self.assertNotIn("\r", self.stderr)
        rows = re.findall(r"(?m)^ +(\d+) +(\d+\.\d\d)(?: +\d+\.\d{4}){6} +\d+(?: best)?$", self.stderr)
        self.assertEqual(rows, [("5", "1.00"), ("10", "2.00"), ("15", "3.00")])

    def test_json(self):
        result = self.trained(2, "run")
        self.assertEqual(self.stderr, "")
        self.assertEqual(result["stop_reason"], "epochs")
        self.assertEqual((result["steps"], result["epochs"], result["directory"]), (10, 2, "run"))
        self.assertRegex(result["weights_digest"], r"\A[0-9a-f]{32}\Z")
        self.assertEqual([result[split]["rows"] for split in ["train", "validation", "test"]], [540, 60, 200])
        for split in ["train", "validation", "test"]:
            self.assertTrue(0 <= result[split]["accuracy"] <= 1)
            self.assertGreater(result[split]["loss"], 0)
            self.assertEqual(result[split]["cost"], result[split]["loss"])
        self.assertEqual(result["best_metric"], "validation_cost")
        self.assertIn(result["best_step"], [5, 10])
        for key in ["best_value", "samples_per_s", "elapsed_s", "threads"]:
            self.assertGreater(result[key], 0)

    def test_splits_that_are_not_there_are_null(self):
        result = json.loads(self.weft("train", "--data", "digits:?train=600&test=0", "--set", "network.hidden=none", "--set",
                                      "data.validation_fraction=0", "--set", "train.steps=2", "--json"))
        self.assertIsNone(result["validation"])
        self.assertIsNone(result["test"])
        self.assertIsNone(result["best_step"])
        self.assertEqual(result["stop_reason"], "steps")

    def test_settings_come_from_file_then_options(self):
        with open(self.path("study.ini"), "w") as file:
            file.write(f"[data]\nsource = {DATA}\n[network]\nhidden = 4\n[train]\nepochs = 1\nbatch_size = 64\n")
        result = json.loads(self.weft("train", "study.ini", "--set", "train.batch_size=90", "--threads", "1", "--out", "a",
                                      "--json"))
        self.assertEqual((result["steps"], result["threads"]), (6, 1))
        settings = json.loads(self.weft("inspect", "a", "--json"))["settings"]
        self.assertEqual((settings["network.hidden"], settings["train.batch_size"]), ("4", "90"))

    def test_threads_change_nothing(self):
        digests = {self.trained(2, f"t{n}", "--threads", n)["weights_digest"] for n in ["1", "2", "3", "7"]}
        self.assertEqual(len(digests), 1)

    def test_runs_are_numbered(self):
        for expected in ["run-001", "run-002"]:
            self.assertEqual(json.loads(self.weft("train", *small(1, "--json")))["directory"], f"checkpoints/{expected}")
        shutil.rmtree(self.path("checkpoints", "run-001"))
        self.assertEqual(json.loads(self.weft("train", *small(1, "--json")))["directory"], "checkpoints/run-001")

    def test_runs_that_start_together_get_a_directory_each(self):
        runs = [self.start("train", *small(1, "--json", "--threads", "1")) for _ in range(6)]
        results = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
        self.assertEqual(sorted(r["directory"] for r in results), [f"checkpoints/run-00{n}" for n in range(1, 7)])
        self.assertEqual(len({r["weights_digest"] for r in results}), 1)

    def test_what_is_refused(self):
        self.trained(1, "run")
        before = sorted(os.listdir(self.path("run")))
        self.refused(73, "run: it holds a run already", "train", *small(1), "--out", "run")
        self.assertEqual(sorted(os.listdir(self.path("run"))), before)
        self.refused(78, "did you mean 'optimizer.learning_rate'", "train", "--set", "optimizer.learning_rat=1")
        self.refused(78, "wanted section.key=value", "train", "--set", "train.epochs")
        self.refused(78, "run.threads to '10000'", "train", "--threads", "10000")
        self.refused(78, "600", "train", "--data", DATA, "--set", "train.batch_size=600", "--set", "data.train_limit=599")
        self.refused(66, "missing.ini", "train", "missing.ini")
        self.refused(66, "missing", "train", "--data", "idx:missing")
        self.assertFalse(os.path.exists(self.path("checkpoints")))

    def test_no_way_to_write(self):
        with open(self.path("file"), "w"):
            pass
        self.refused(73, "file", "train", *small(1), "--out", "file/run", "--progress", "none")

    def test_not_finite(self):
        out = self.weft("train", *small(3), "--set", "optimizer.name=sgd", "--set", "optimizer.learning_rate=1e30", "--out",
                        "run", "--progress", "none", code=65)
        self.assertEqual(out, "")
        self.assertRegex(self.stderr, r"\Aweft train: .*not finite|overflow")
        self.weft("verify", "run/last.h5")

    def test_bar_on_a_terminal(self):
        try:
            main, end = pty.openpty()
        except OSError as error:
            self.skipTest(f"no terminal can be made here: {error}")
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen([WEFT, "train", *small(100), "--out", "run"], cwd=self.directory,
                                   stdout=subprocess.DEVNULL, stderr=end, env={**os.environ, "TERM": "xterm"})
        os.close(end)
        shown = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:                             # the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(main)
        self.assertEqual(process.wait(60), 0)
        bars = re.findall(r"\r\x1b\[K(epoch [^\r\n]+)", shown.decode())
        self.assertTrue(bars)
        self.assertRegex(bars[-1], r"\Aepoch \d+\.\d\d/100 \[#*\.*\] loss .* (left|so far)\Z")
        self.assertLess(max(map(len, bars)), 100)
        self.assertTrue(shown.endswith(b"\r\x1b[K"))    # the line is left clean


class Output(Case):
    def test_full_stdout(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([WEFT, "train", *small(1), "--out", "run", "--progress", "none"], cwd=self.directory,
                                  stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 74)
            self.assertRegex(done.stderr, r"\Aweft train: write the results to stdout: No space left on device\n\Z")
            for arguments in [["eval", "run"], ["inspect", "run"], ["inspect", "run", "run"], ["verify", "run/last.h5"],
                              ["eval", "run", "--json"], ["inspect", "run", "--json"], ["train", "--help"], ["--version"]]:
                done = subprocess.run([WEFT, *arguments], cwd=self.directory, stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 74, arguments)
        self.weft("verify", "run/last.h5")

    def test_readers_that_go_away(self):
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.Popen([WEFT, "train", *small(4), "--out", "run"], cwd=self.directory, stdout=writing,
                                   stderr=writing)
        os.close(writing)
        self.assertEqual(process.wait(60), 74)
        self.assertEqual(json.loads(self.weft("inspect", "run", "--json"))["step"], 20)


class Signals(Case):
    def long_run(self, *more):
        run = self.start("train", *small(1000000, "--out", "run", "--progress", "none", "--set",
                                         "train.evaluate_every=never", *more))
        self.wait_for("run", "last.h5")
        time.sleep(0.2)
        return run

    def test_stop_and_resume(self):
        for number, threads in [(signal.SIGTERM, "3"), (signal.SIGINT, "1")]:
            run = self.long_run()
            run.send_signal(number)
            out, err = run.communicate(timeout=60)
            self.assertEqual((run.returncode, out), (75, ""))
            self.assertRegex(err, r"\Aweft train: stopped on request after step \d+; saved; go on with: weft resume run\n\Z")
            step = int(re.search(r"step (\d+)", err).group(1))
            self.assertEqual(json.loads(self.weft("inspect", "run", "--json"))["step"], step)
            epochs = step // 5 + 2
            resumed = json.loads(self.weft("resume", "run", "--epochs", str(epochs), "--threads", threads, "--json",
                                           "--progress", "none"))
            self.assertEqual(resumed["steps"], 5 * epochs)
            whole = self.trained(epochs, "whole", "--set", "train.evaluate_every=never")
            self.assertEqual(resumed["weights_digest"], whole["weights_digest"])
            shutil.rmtree(self.path("run"))
            shutil.rmtree(self.path("whole"))

    def test_stop_with_json(self):
        run = self.long_run("--json")
        run.terminate()
        out, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 75)
        result = json.loads(out)
        self.assertEqual(result["stop_reason"], "request")
        self.assertIsNone(result["train"])
        checkpoint = json.loads(self.weft("inspect", "run", "--json"))
        self.assertEqual(result["steps"], checkpoint["step"])
        self.assertEqual(result["weights_digest"], checkpoint["weights_digest"])

    SLOW = ["--data", "csv:rows.csv"]                           # as slow as the other end of the pipe that setting_up makes of it
    ROWS = "a,b,label\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 3 == 0]}\n" for i in range(600))

    def setUp(self):
        super().setUp()
        with open(self.path("rows.csv"), "w") as file:
            file.write(self.ROWS)

    def setting_up(self, *arguments):
        """A run that has taken the signals over and reads its data, which do not come before self.feed() is called."""
        os.remove(self.path("rows.csv"))
        os.mkfifo(self.path("rows.csv"))
        run = self.start(*arguments, "--progress", "none")
        self.pipe = open(self.path("rows.csv"), "w")            # when it has begun to read
        self.addCleanup(self.pipe.close)
        wait_for_handlers(run, signal.SIGINT)
        wait_for_handlers(run, signal.SIGTERM)
        return run

    def feed(self):
        self.pipe.write(self.ROWS)
        self.pipe.close()

    def test_stop_while_setting_up(self):
        for number in signal.SIGINT, signal.SIGTERM:
            run = self.setting_up("train", *self.SLOW, "--out", "run")
            run.send_signal(number)
            _, err = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 75, err)
            self.assertRegex(err, r"\Aweft train: stopped on request before .*: start it again with the same command\n\Z")
            self.assertFalse(os.path.exists(self.path("run")))

    def test_stop_while_a_longer_run_is_set_up(self):
        """The new number of epochs would be lost if it ended at once."""
        self.weft("train", *self.SLOW, "--set", "train.epochs=1", "--set", "train.batch_size=540", "--out", "run")
        run = self.setting_up("resume", "run", "--epochs", "3")
        run.terminate()
        self.feed()
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 75, err)
        self.assertIn("after step 1; saved", err)
        self.assertEqual(json.loads(self.weft("inspect", "run", "--json"))["settings"]["train.epochs"], "3")

    def test_second_signal_ends_at_once(self):
        self.weft("train", *self.SLOW, "--set", "train.epochs=0", "--set", "train.steps=1", "--out", "run")
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            run = self.setting_up("resume", "run", "--epochs", "3")
            run.terminate()
            self.wait_for_signals(run, "ShdPnd", False)
            run.send_signal(signal.SIGSTOP)             # or it is over before the second that they have to be apart
            time.sleep(1.1)
            run.send_signal(number)
            run.send_signal(signal.SIGCONT)
            run.communicate(timeout=60)
            self.assertEqual(run.returncode, code)

    def test_save_on_request(self):
        run = self.long_run("--set", "checkpoint.every=never")
        before = os.readlink(self.path("run", "last.h5"))
        self.assertEqual(before, "step-0.h5")
        run.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 60
        while os.readlink(self.path("run", "last.h5")) == before:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertIsNone(run.poll())
        self.weft("verify", "run/last.h5")

    def test_locked(self):
        self.long_run()
        self.refused(69, "run", "resume", "run", "--progress", "none")


class Resume(Case):
    def test_finished(self):
        trained = self.trained(2, "run")
        text = self.weft("resume", "run", "--progress", "none")
        self.assertRegex(self.stderr, r"\Aweft resume: run: the run is over already \(all epochs are done\)\n\Z")
        self.assertIn(trained["weights_digest"], text)
        again = json.loads(self.weft("resume", "run", "--progress", "none", "--json"))
        for key in ["weights_digest", "train", "validation", "test", "steps"]:
            self.assertEqual(again[key], trained[key])

    def test_more_epochs(self):
        self.trained(2, "run")
        longer = json.loads(self.weft("resume", "run", "--epochs", "5", "--json", "--threads", "1"))
        self.assertEqual((longer["steps"], longer["threads"]), (25, 1))
        self.assertEqual(longer["weights_digest"], self.trained(5, "whole")["weights_digest"])

    def test_after_time_is_up(self):
        stopped = self.trained(1000000, "run", "--set", "train.max_time=0.3 s")
        self.assertEqual(stopped["stop_reason"], "max_time")
        again = json.loads(self.weft("resume", "run", "--json", "--progress", "none"))
        self.assertGreater(again["steps"], stopped["steps"])

    def test_what_is_refused(self):
        self.trained(1, "run")
        os.mkdir(self.path("empty"))
        self.refused(66, "missing", "resume", "missing")
        self.refused(66, "empty: it holds no run", "resume", "empty")
        self.refused(65, "digest", "resume", "run", "--data", "digits:?train=601&test=200", "--progress", "none")
        self.refused(78, "run.threads", "resume", "run", "--threads", "10000")
        for name in os.listdir(self.path("run")):
            if name.startswith("step-"):
                os.truncate(self.path("run", name), 1000)
        self.refused(65, "run", "resume", "run", "--progress", "none")


class Eval(Case):
    def test_report(self):
        trained = self.trained(3, "run")
        text = self.weft("eval", "run/last.h5")
        self.assertEqual(self.stderr, "")
        self.assertIn("test split: 200 rows, 10 classes\n", text)
        self.assertIn(f"accuracy {trained['test']['accuracy']:.4f}\n", text)
        for line in ["macro average", "weighted average", "confusion matrix"]:
            self.assertIn(line, text)

    def test_json_agrees_with_training(self):
        trained = self.trained(3, "run")
        for split in ["train", "validation", "test"]:
            result = json.loads(self.weft("eval", "run/last.h5", "--split", split, "--threads", "3", "--json"))
            self.assertEqual({key: result[key] for key in trained[split]}, trained[split])
            self.assertEqual(result["weights_digest"], trained["weights_digest"])
            confusion = result["confusion"]
            self.assertEqual(sum(map(sum, confusion)), result["rows"])
            self.assertEqual(sum(confusion[c][c] for c in range(10)) / result["rows"], result["accuracy"])
            self.assertEqual([c["support"] for c in result["per_class"]], [sum(row) for row in confusion])

    def test_other_data(self):
        self.trained(1, "run")
        self.weft("digits", "--out", "idx", "--train", "50", "--test", "30", "--seed", "5")
        drawn = json.loads(self.weft("eval", "run", "--data", "digits:?train=50&test=30&seed=5", "--json"))
        read = json.loads(self.weft("eval", "run", "--data", "idx:idx", "--json"))
        self.assertEqual(drawn["confusion"], read["confusion"])

    def test_what_is_refused(self):
        self.trained(1, "run")
        self.refused(66, "missing", "eval", "missing")
        self.refused(64, "wanted train, validation, test or all", "eval", "run", "--split", "dev")
        self.refused(65, "no test split", "eval", "run", "--data", "digits:?train=50&test=0", "--split", "test")
        self.refused(66, "missing", "eval", "run", "--data", "idx:missing")


class Inspect(Case):
    def test_one(self):
        trained = self.trained(2, "run")
        text = self.weft("inspect", "run")
        self.assertIn("step 10, epoch 2.00; the run is over (epochs)\n", text)
        self.assertIn(trained["weights_digest"], text)
        self.assertRegex(text, r"(?m)^  network\.hidden +=")
        self.assertRegex(text, r"(?m)^01/weight +784 x 8 ")
        self.assertRegex(text, r"(?m)^02/bias +10 ")

    def test_two(self):
        self.trained(1, "a")
        self.trained(1, "b", "--set", "network.batch_norm=before", "--set", "train.seed=2")
        text = self.weft("inspect", "a", "b")
        self.assertRegex(text, r"(?m)^  train\.seed +1 +2$")
        self.assertRegex(text, r"(?m)^01/batch_norm/gamma +- +8 ")
        both = json.loads(self.weft("inspect", "a", "b", "--json"))
        self.assertEqual(both["settings_that_differ"]["train.seed"], ["1", "2"])
        self.assertEqual(both["a"], json.loads(self.weft("inspect", "a", "--json")))

    def test_json(self):
        self.trained(1, "run", "--set", "network.batch_norm=after")
        result = json.loads(self.weft("inspect", "run/step-0.h5", "--json"))
        self.assertEqual((result["step"], result["stop_reason"], result["best_step"]), (0, None, None))
        self.assertEqual(result["picture"], {"height": 28, "width": 28, "channels": 1})
        self.assertEqual(sum(t["shape"][0] * (t["shape"] + [1])[1] for t in result["tensors"] if "running" not in t["name"]),
                         result["parameters"])
        self.assertIsNone(result["tensors"][0]["update_ratio"])         # nothing was trained yet
        self.assertEqual(result["settings"]["optimizer.name"], "adam")

    def test_edited_file(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("h5py is missing")
        self.trained(1, "run")
        edited = self.path("edited.h5")
        shutil.copy(self.path("run", "step-5.h5"), edited)
        shutil.copy(self.path("run", "run.ini"), self.path("run.ini"))
        with h5py.File(edited, "r+") as file:
            file["/layers/01/weight"][...] = 0
        self.refused(65, "seal", "inspect", "edited.h5")
        self.refused(65, "seal", "eval", "edited.h5")
        self.assertRegex(self.weft("inspect", "edited.h5", "--unsealed"), r"01/weight +784 x 8 +0 +0 +100\.0 %")
        self.weft("eval", "edited.h5", "--unsealed")
        self.assertIn("edited.h5: not whole", self.weft("verify", "edited.h5", code=65))
        self.assertEqual(self.weft("verify", "--seal", "edited.h5"), "edited.h5: sealed\n")
        self.assertEqual(self.weft("verify", "edited.h5"), "edited.h5: whole\n")
        self.weft("eval", "edited.h5")


class Verify(Case):
    def test_files(self):
        self.trained(1, "run")
        with open(self.path("run", "step-5.h5"), "rb") as file:
            content = bytearray(file.read())
        content[len(content) // 2] ^= 1
        with open(self.path("flipped.h5"), "wb") as file:
            file.write(content)
        whole = "run/step-5.h5: whole\n"
        self.assertEqual(self.weft("verify", "run/step-5.h5", "run/last.h5"), whole + "run/last.h5: whole\n")
        self.assertRegex(self.weft("verify", "run/step-5.h5", "flipped.h5", "missing.h5", code=65),
                         r"\Arun/step-5.h5: whole\nflipped.h5: not whole: .+\nmissing.h5: failed: .+\n\Z")
        self.weft("verify", "missing.h5", "run/step-5.h5", code=66)
        result = json.loads(self.weft("verify", "missing.h5", "flipped.h5", "run/step-5.h5", "--json", code=65))
        self.assertFalse(result["whole"])
        self.assertEqual([file["whole"] for file in result["files"]], [False, False, True])
        self.assertRegex(self.weft("verify", "--seal", "run.ini", code=66), "failed")


class Digits(Case):
    def test_files(self):
        text = self.weft("digits", "--out", "new/digits", "--train", "40", "--test", "10")
        self.assertIn("40 training and 10 test rows in new/digits\n", text)
        sizes = {name: os.path.getsize(self.path("new", "digits", name)) for name in os.listdir(self.path("new", "digits"))}
        self.assertEqual(sizes, {"train-images-idx3-ubyte": 16 + 40 * 784, "train-labels-idx1-ubyte": 8 + 40,
                                 "t10k-images-idx3-ubyte": 16 + 10 * 784, "t10k-labels-idx1-ubyte": 8 + 10})
        result = json.loads(self.weft("digits", "--out", "b", "--train", "40", "--test", "10", "--seed", "1", "--json"))
        self.assertEqual(result, {"directory": "b", "train_rows": 40, "test_rows": 10, "seed": 1})
        for name in sizes:
            with open(self.path("new", "digits", name), "rb") as a, open(self.path("b", name), "rb") as b:
                self.assertEqual(a.read(), b.read())

    def test_what_is_refused(self):
        self.refused(64, "wanted 1 to 10000000", "digits", "--out", "x", "--train", "0")
        with open(self.path("file"), "w"):
            pass
        self.refused(73, "file", "digits", "--out", "file/x", "--train", "10", "--test", "10")


if __name__ == "__main__":
    unittest.main()
