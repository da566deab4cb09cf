"""weft sweep: every run is what weft train makes of it, however many go on side by side, and however often it is stopped."""
import csv
import glob
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time
import unittest

from weft_run import SOON, WeftTest, command, has_signal, md5, sets, wait_for_handlers, wait_until, weft

DATA = "digits:?train=1200&test=200"
CONFIG = """[data]
source = {data}
[network]
hidden = 12, 8
[train]
batch_size = 64
epochs = {epochs}
evaluate_every = 5 steps
[optimizer]
learning_rate = 0.01
[checkpoint]
every = 3 steps
[sweep]
seeds = 1, 7                            ; of each combination
network.batch_norm = none | before
[sweep plain]
[sweep dropout / 0.2]
network.dropout = 0.2
"""
COMBINATIONS = {"plain, batch_norm=none": {"network.batch_norm": "none"},
                "plain, batch_norm=before": {"network.batch_norm": "before"},
                "dropout / 0.2, batch_norm=none": {"network.dropout": "0.2", "network.batch_norm": "none"},
                "dropout / 0.2, batch_norm=before": {"network.dropout": "0.2", "network.batch_norm": "before"}}
TIMES = ("training_time_s", "elapsed_s")


def processes_below(directory):
    """Whose command line names the directory."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if os.fsencode(directory) in file.read():
                    found.append(path)
        except OSError:
            pass
    return found


class Sweep(WeftTest):
    def config(self, text=CONFIG, epochs=3, name="study.ini"):
        with open(self.path(name), "w") as file:
            file.write(text.format(data=DATA, epochs=epochs))
        return self.path(name)

    def files(self, out):
        """{path: digest} of all but what holds times, older checkpoints (which of them there are is a matter of time, too) and litter
        of killed processes."""
        found = {}
        for folder, _, names in os.walk(out):
            for name in names:
                path = os.path.join(folder, name)
                if name not in ("timing.csv", "summary.csv", "runs.csv", "summary.h5", "lock") and not name.startswith(("step-", ".")):
                    found[os.path.relpath(path, out)] = md5(path)
        return found

    def table(self, *names):
        with open(self.path(*names), newline="") as file:
            rows = list(csv.DictReader(file))
        return [{key: value for key, value in row.items() if not key.startswith(TIMES)} for row in rows]

    def summary(self, out):
        return self.table(out, "summary.csv"), self.table(out, "runs.csv")

    def reference(self, epochs=3):
        config = self.config(epochs=epochs)
        self.ok("sweep", config, "--out", self.path("reference"), "--progress", "none")
        return config

    def saved_steps(self, out):
        """How far it is: the steps of its runs' newest checkpoints, added up."""
        links = glob.glob(os.path.join(glob.escape(out), "*", "seed-*", "last.h5"))
        return sum(int(re.search(r"step-(\d+)", os.readlink(link))[1]) for link in links)

    def goals(self, count):
        """How far the sweep is to be when it is stopped: at its beginning, and at shares of its steps up to a half."""
        steps = self.saved_steps(self.path("reference"))
        return [steps * i // (2 * count) for i in range(count)]

    def wait_for_goal(self, process, out, goal):
        wait_until(lambda: process.poll() is not None or self.saved_steps(out) >= goal)

    def test_runs_are_those_of_train(self):
        result = self.ok("sweep", self.config(), "--out", self.path("out"), "--json")
        self.assertEqual([c["name"] for c in result["combinations"]], list(COMBINATIONS))
        self.assertEqual((result["over"], result["failed"]), (8, []))
        for run in result["runs"]:
            settings = {name.replace(".", "__"): value for name, value in COMBINATIONS[run["combination"]].items()}
            with open(self.path("one.ini"), "w") as file:
                file.write(CONFIG[:CONFIG.index("[sweep]")].format(data=DATA, epochs=3))
            out = self.path("train", run["combination"].replace("/", "_"), str(run["seed"]))
            trained = self.ok("train", self.path("one.ini"), *sets(**settings, train__seed=run["seed"]), "--threads", 0, "--out", out,
                              "--json", "--progress", "none")
            self.assertEqual(self.files(run["directory"]), self.files(out))
            combination = next(c for c in result["combinations"] if c["name"] == run["combination"])
            values = combination["figures"]["test_accuracy"]["values"]
            self.assertEqual(values[[1, 7].index(run["seed"])], trained["test"]["accuracy"])
            self.assertAlmostEqual(combination["figures"]["test_accuracy"]["mean"], statistics.mean(values), 14)
            self.assertAlmostEqual(combination["figures"]["test_accuracy"]["sd"], statistics.stdev(values), 14)
            self.assertEqual(combination["settings"], COMBINATIONS[run["combination"]])
        self.assertTrue(os.path.isdir(self.path("out", "dropout_0.2_batch_norm=none", "seed-7")))

    def test_any_number_side_by_side(self):
        config = self.reference()
        want, want_summary = self.files(self.path("reference")), self.summary("reference")
        self.assertEqual(len(want_summary[0]), 4)
        self.assertEqual(len(want_summary[1]), 8)
        for jobs, threads in ((1, 2), (2, 2), (3, 3), (20, 1)):
            out = self.path(f"jobs-{jobs}")
            text = self.ok("sweep", config, "--out", out, "--jobs", jobs, "--threads", threads, "--progress", "none")
            got = self.files(out)
            for name in ("sweep.ini",):                 # names the threads
                got[name] = want[name]
            self.assertEqual(got, want)
            self.assertEqual(self.summary(f"jobs-{jobs}"), want_summary)
            self.assertEqual(text, self.ok("sweep", config, "--out", out), "a sweep that is over says the same again")
            self.assertEqual(text, self.ok("sweep", out))

    def test_sigterm_and_again(self):
        config = self.reference(epochs=60)
        out, stops = self.path("out"), 0
        for goal in self.goals(6):
            number = [signal.SIGTERM, signal.SIGINT][stops % 2]
            process = subprocess.Popen(command("sweep", config, "--out", out, "--progress", "lines"), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            self.addCleanup(process.kill)
            wait_for_handlers(process, number)
            self.wait_for_goal(process, out, goal)
            process.send_signal(number)
            text, errors = process.communicate(timeout=SOON)
            self.assertEqual(processes_below(out), [])
            if process.returncode == 0:                 # on a machine that was busy elsewhere
                break
            self.assertEqual((process.returncode, text), (75, ""), errors)
            self.assertRegex(errors, r"weft sweep: stopped on request; \d of 8 runs are over, .*; weft sweep \S+ goes on\n\Z")
            stops += 1
        self.assertGreater(stops, 1)
        self.ok("sweep", config, "--out", out)
        self.assertEqual(self.files(out), self.files(self.path("reference")))
        self.assertEqual(self.summary("out"), self.summary("reference"))

    def test_sigkill_leaves_nothing_behind(self):
        config = self.reference(epochs=60)
        out, kills = self.path("out"), 0
        for goal in [0, *self.goals(6)]:
            process = subprocess.Popen(command("sweep", config, "--out", out, "--progress", "none"), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            time.sleep(0.02)
            self.wait_for_goal(process, out, goal)
            process.kill()
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
            wait_until(lambda: not processes_below(out))
        self.assertGreater(kills, 1)
        self.ok("sweep", config, "--out", out)
        self.assertEqual(self.files(out), self.files(self.path("reference")))
        self.assertEqual(self.summary("out"), self.summary("reference"))

    def endless(self):
        """A sweep of two runs that would go on for hours, when both have begun."""
        with open(self.path("endless.ini"), "w") as file:
            file.write("[data]\nsource = digits:?train=600&test=100\n[network]\nhidden = 8\n[train]\nbatch_size = 50\n"
                       "epochs = 1000000000\nevaluate_every = never\n[sweep]\nseeds = 1, 2\n")
        process = subprocess.Popen(command("sweep", self.path("endless.ini"), "--out", self.path("out"), "--jobs", 2),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: all(os.path.exists(self.path("out", "base", f"seed-{n}", "last.h5")) for n in (1, 2)))
        self.assertEqual(len(processes_below(self.path("out"))), 3)
        return process

    def test_signals_reach_the_runs(self):
        process = self.endless()
        links = [self.path("out", "base", f"seed-{n}", "last.h5") for n in (1, 2)]
        first = [os.path.realpath(link) for link in links]

        def all_saved():                                # one that has only just begun does not hear of it
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.1)
            return all(os.path.realpath(link) != target for link, target in zip(links, first))
        wait_until(all_saved)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SOON)
        self.assertEqual(process.returncode, 75, errors)
        self.assertIn("0 of 2 runs are over", errors)
        self.assertEqual(processes_below(self.path("out")), [])

    def test_no_run_outlives_the_sweep(self):
        process = self.endless()
        process.kill()
        process.communicate()
        wait_until(lambda: not processes_below(self.path("out")))

    def children(self, process):
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            return [int(word) for word in file.read().split()]

    def test_a_run_that_the_kernel_kills(self):
        process = self.endless()
        for child in self.children(process):
            os.kill(child, signal.SIGKILL)
        text, errors = process.communicate(timeout=SOON)
        self.assertEqual(process.returncode, 69, errors)
        for seed in (1, 2):
            self.assertIn(f"weft sweep: failed: base, seed {seed}: ended by signal 9 (Killed), as the kernel does when memory is short", errors)
        text = self.ok("sweep", self.path("endless.ini"), "--out", self.path("out"), "--dry-run")
        self.assertEqual(text.count("stopped  base"), 2)

    def test_fewer_processes_than_asked_for(self):
        """A sweep of more runs at a time than there may be open files."""
        config = self.config("[data]\nsource = {data}\n[network]\nhidden = 4\n[train]\nbatch_size = 60\nepochs = {epochs}\n"
                             "[sweep]\nseeds = " + ", ".join(map(str, range(40))) + "\n", epochs=20)
        limit = ["bash", "-c", 'ulimit -n 24; exec "$@"', "bash"]
        done = subprocess.run(limit + command("sweep", config, "--out", self.path("out"), "--jobs", 40, "--json"), capture_output=True,
                              text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("note: start a process beside the others: Too many open files; so there were fewer at a time\n", done.stderr)
        self.assertEqual(json.loads(done.stdout)["over"], 40)

    def test_second_signal_ends_at_once(self):
        """The runs cannot save, for they are frozen."""
        process = self.endless()
        for child in self.children(process):
            os.kill(child, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        time.sleep(1.1)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(processes_below(self.path("out")), [])

    def test_a_stop_while_data_are_read(self):
        """They come through a pipe to which nobody writes any more, once the largest run is laid out."""
        os.mkfifo(self.path("rows.csv"))
        with open(self.path("slow.ini"), "w") as file:
            file.write(f"[data]\nsource = csv:{self.path('rows.csv')}\n[train]\nbatch_size = 8\n[sweep]\nseeds = 1, 2\n")
        process = subprocess.Popen(command("sweep", self.path("slow.ini"), "--out", self.path("out"), "--jobs", 2),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        with open(self.path("rows.csv"), "w") as file:
            file.write("a,b,label\n" + "1,2,x\n2,1,y\n" * 50)
        wait_until(lambda: len(processes_below(self.path("out"))) == 3)
        wait_until(lambda: all(has_signal(path.split("/")[2]) for path in processes_below(self.path("out"))))
        time.sleep(0.1)                                 # they read, or are about to
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SOON)
        self.assertEqual(process.returncode, 75, errors)
        self.assertIn("stopped on request; 0 of 2 runs are over, the others are saved or not begun", errors)
        self.assertEqual(processes_below(self.path("out")), [])

    def test_one_that_fails(self):
        text = CONFIG.replace("[optimizer]\nlearning_rate = 0.01\n", "") + "[sweep wild]\noptimizer.name = sgd\noptimizer.learning_rate = 1e30\n"
        config = self.config(text)
        done = weft("sweep", config, "--out", self.path("out"))
        self.assertEqual(done.returncode, 65, done.stderr)
        failed = [line for line in done.stderr.splitlines() if line.startswith("weft sweep: failed: ")]
        self.assertEqual(len(failed), 4)
        self.assertRegex(failed[0], r"failed: wild, batch_norm=none, seed 1: .*not finite")
        self.assertRegex(done.stdout, r"\A\S+: 6 combinations, 8 of 12 runs over\n")
        rows = self.table("out", "summary.csv")
        self.assertEqual([row["runs_over"] for row in rows], ["2"] * 4 + ["0"] * 2)
        self.assertEqual(rows[4]["test_accuracy_mean"], "")
        again = weft("sweep", config, "--out", self.path("out"), "--json")
        self.assertEqual((again.returncode, again.stdout.count('"exit_code": 65')), (65, 4))

    def test_missing_data(self):
        done = weft("sweep", self.config(CONFIG.replace("{data}", "idx:nowhere")), "--out", self.path("out"))
        self.assertEqual(done.returncode, 66, done.stderr)
        self.assertIn("nowhere", done.stderr)
        self.assertEqual(done.stderr.count("failed: "), 8)
        self.assertEqual(glob.glob(self.path("out", "*", "seed-*")), [])

    def test_a_summary_that_cannot_be_saved_is_printed(self):
        config = self.config()
        text = self.ok("sweep", config, "--out", self.path("out"))
        os.remove(self.path("out", "summary.csv"))
        os.mkdir(self.path("out", "summary.csv"))
        done = weft("sweep", config, "--out", self.path("out"))
        self.assertEqual((done.returncode, done.stdout), (73, text), done.stderr)
        self.assertRegex(done.stderr, r"\Aweft sweep: .*summary.csv.*\n\Z")
        done = weft("sweep", config, "--out", self.path("out"), "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["over"]), (73, 8))

    def test_max_time_interrupts(self):
        config = self.config(CONFIG.replace("[train]\n", "[train]\nmax_time = 0.05 s\n"), epochs=1000)
        done = weft("sweep", config, "--out", self.path("out"), "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["failed"]), (75, []), done.stderr)
        self.assertRegex(done.stderr, r"weft sweep: runs stopped, by train.max_time .*; 0 of 8 runs are over")

    def test_other_data_by_accident(self):
        with open(self.path("rows.csv"), "w") as file:
            file.write("a,b,label\n" + "1,2,x\n2,1,y\n" * 50)
        config, out = self.config(CONFIG.replace("source = {data}\n", "")), self.path("out")
        rows = "csv:" + os.path.relpath(self.path("rows.csv"))
        self.ok("sweep", config, "--out", out, "--data", rows)
        shutil.rmtree(self.path("out", "plain_batch_norm=none", "seed-1"))
        self.fails(73, r"with data.source = csv:/\S+/rows.csv, found digits:; wanted", "sweep", config, "--out", out)
        done = subprocess.run(command("sweep", out, "--json"), capture_output=True, text=True, cwd="/", timeout=60)
        self.assertEqual((done.returncode, json.loads(done.stdout)["over"]), (0, 8), done.stderr)
        os.rename(self.path("rows.csv"), self.path("moved.csv"))
        shutil.rmtree(self.path("out", "plain_batch_norm=none", "seed-1"))
        done = weft("sweep", out)
        self.assertEqual(done.returncode, 66, done.stderr)
        self.ok("sweep", config, "--out", out, "--data", "csv:" + self.path("moved.csv"))

    def test_more_seeds_and_combinations(self):
        config = self.config()
        self.ok("sweep", config, "--out", self.path("out"))
        before = self.files(self.path("out"))
        more = CONFIG.replace("seeds = 1, 7", "seeds = 3, 1, 7").replace("none | before", "none | after | before")
        result = self.ok("sweep", self.config(more, name="more.ini"), "--out", self.path("out"), "--json")
        self.assertEqual((result["over"], len(result["combinations"])), (18, 6))
        after = self.files(self.path("out"))
        self.assertEqual({name: after[name] for name in before if name != "sweep.ini"},
                         {name: digest for name, digest in before.items() if name != "sweep.ini"})
        self.fails(73, r"another sweep: it has trained 'plain, batch_norm=none' with seed 3, which is not among", "sweep", config, "--out",
                   self.path("out"))
        self.fails(73, r"with optimizer.learning_rate = 0.01, found 0.5; wanted", "sweep", self.path("more.ini"), "--out", self.path("out"),
                   "--set", "optimizer.learning_rate=0.5")
        self.ok("sweep", self.path("more.ini"), "--out", self.path("out"), "--set", "checkpoint.keep=9")

    def test_dry_run(self):
        config = self.config()
        text = self.ok("sweep", config, "--out", self.path("out"), "--dry-run")
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(len(re.findall(r"^missing  .*: \S+/seed-[17]$", text, re.M)), 8)
        self.ok("sweep", config, "--out", self.path("out"))
        shutil.rmtree(self.path("out", "plain_batch_norm=none", "seed-1"))
        result = self.ok("sweep", config, "--out", self.path("out"), "--dry-run", "--json")
        self.assertEqual([run["state"] for run in result["runs"]], ["missing"] + ["over"] * 7)

    def test_faults(self):
        def refused(code, pattern, text, *more):
            with open(self.path("bad.ini"), "w") as file:
                file.write(text)
            self.fails(code, pattern, "sweep", self.path("bad.ini"), "--out", self.path("out"), *more)
            self.assertFalse(os.path.exists(self.path("out")))
        refused(78, r"bad.ini: found no section \[sweep\]", "[train]\nepochs = 1\n")
        refused(78, r"bad.ini:2: unknown setting 'train.epoch'; did you mean 'train.epochs'", "[sweep]\ntrain.epoch = 1 | 2\n")
        refused(78, r"bad.ini:3: set train.epochs to 'x': wanted", "[sweep a]\n\ntrain.epochs = x\n")
        refused(78, r"set train.epochs: the sweep gives it values of its own", "[sweep]\ntrain.epochs = 1 | 2\n", "--set", "train.epochs=3")
        refused(78, r"combination 'output=linear, loss=cross_entropy': network.loss = cross_entropy with network.output = linear",
                "[sweep]\nnetwork.output = linear\nnetwork.loss = cross_entropy\n")
        refused(64, r"--progress: found 'x'", "[sweep]\n", "--progress", "x")
        self.fails(66, "nowhere.ini", "sweep", self.path("nowhere.ini"))
        self.fails(64, "CONFIG.ini is missing", "sweep")
        self.fails(78, r"bad.ini:1: found \[sweep\]: this file is a sweep of several runs.*weft sweep", "train", self.path("bad.ini"), "--out",
                   self.path("out"))
        self.assertFalse(os.path.exists(self.path("out")))

    def test_summary_opens_in_h5py(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("no h5py")
        self.ok("sweep", self.config(), "--out", self.path("out"))
        rows, runs = self.summary("out")
        with h5py.File(self.path("out", "summary.h5")) as file:
            figures = file["mean"].attrs["figures"]
            figures = (figures.decode() if isinstance(figures, bytes) else figures).split("\n")
            groups = [file["combinations"][name] for name in sorted(file["combinations"])]
            names = [g.attrs["name"].decode() if isinstance(g.attrs["name"], bytes) else g.attrs["name"] for g in groups]
            self.assertEqual(names, [row["combination"] for row in rows])
            self.assertEqual(names, list(COMBINATIONS))
            at = figures.index("test_loss")
            for c, row in enumerate(rows):
                self.assertEqual(file["mean"][c, at], float(row["test_loss_mean"]))
                self.assertEqual(file["sd"][c, at], float(row["test_loss_sd"]))
            for i, run in enumerate(runs):
                self.assertEqual(file["value"][i, at], float(run["test_loss"]))
                self.assertEqual(file["run/seed"][i], int(run["seed"]))
                self.assertEqual(names[file["run/combination"][i]], run["combination"])
                self.assertEqual(run["is_over"], "1")
                self.assertTrue(os.path.exists(self.path("out", run["directory"], "last.h5")))
        self.ok("verify", self.path("out", "summary.h5"))


if __name__ == "__main__":
    unittest.main()
