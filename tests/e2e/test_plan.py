"""weft train --dry-run and --verbose: what a run would be, held against what it is. weft inspect --weights: the numbers of a layer.

Environment: WEFT, the binary. Only small built-in digits are used; a comparison with h5py is skipped where that is missing."""
import json
import os
import re
import shutil
import struct
import subprocess
import unittest

from weft_run import WEFT, WeftTest, sets, weft

SMALL = ["--data", "digits:?train=600&test=200", *sets(network__hidden=8, train__epochs=2)]
REAL = r"-?(?:0|\d+\.\d{6}|\d\.\d{5}e[+-]\d\d)"


def float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


class DryRun(WeftTest):
    def setUp(self):
        super().setUp()
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.path())

    def test_trains_nothing_and_writes_nothing(self):
        done = weft("train", *SMALL, "--dry-run", "--out", "run")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir("."), [])
        self.ok("train", *SMALL, "--dry-run")
        self.ok("train", *SMALL, "--dry-run", "--json")
        self.assertEqual(os.listdir("."), [])

    def test_what_it_prints_is_an_ini_file_of_that_run(self):
        more = sets(network__hidden="20, 7, 5", network__activation="relu, tanh, gelu", network__dropout="0, 0.5, 0.25",
                    network__batch_norm="after", optimizer__name="momentum", optimizer__lr_scale="sqrt", optimizer__lr_scale_batch=32,
                    schedule__name="step", schedule__warmup=3, schedule__every="4 steps", train__class_weights="balanced",
                    train__seed=7, train__evaluate_every="never", run__gradient="local")
        text = self.ok("train", *SMALL, *more, "--dry-run")
        with open("plan.ini", "w") as file:
            file.write(text)
        direct = self.ok("train", *SMALL, *more, "--out", "a", "--json")
        by_file = self.ok("train", "plan.ini", "--out", "b", "--json")
        self.assertEqual(direct["weights_digest"], by_file["weights_digest"])
        self.assertEqual(self.ok("train", "plan.ini", "--dry-run"), text)
        settings = [line for line in text.splitlines() if re.match(r"\w+ += ", line)]
        self.assertEqual(len(settings), len(json.loads(weft("train", *SMALL, "--dry-run", "--json").stdout)["settings"]))
        changed = {line.split()[0] for line in settings if "; default: " in line}
        self.assertEqual(changed, {"source", "hidden", "activation", "dropout", "batch_norm", "name", "lr_scale", "lr_scale_batch",
                                   "warmup", "every", "class_weights", "seed", "evaluate_every", "epochs", "gradient"})
        self.assertRegex(text, r"(?m)^batch_norm +  = after +; default: none$")
        for line in text.splitlines():                  # all else is a comment, a section or nothing
            self.assertRegex(line, r"\A(?:;.*|\[\w+\]|\w+ += .+|)\Z")

    def test_json(self):
        plan = self.ok("train", *SMALL, "--dry-run", "--json", "--threads", 2, *sets(network__batch_norm="before"))
        self.assertEqual(plan["rows"], {"train": 540, "validation": 60, "test": 200})
        self.assertEqual((plan["batch_rows"], plan["last_batch_rows"], plan["steps_per_epoch"], plan["steps"]), (128, 28, 5, 10))
        self.assertEqual((plan["evaluate_every_steps"], plan["evaluations"], plan["evaluate"]), (5, 2, ["train", "validation"]))
        self.assertEqual((plan["threads"], plan["thread_reason"]), (2, "run.threads"))
        self.assertEqual([(x["fan_in"], x["fan_out"], x["activation"], x["batch_norm"]) for x in plan["layers"]],
                         [(784, 8, "relu", "before"), (8, 10, "softmax", "none")])
        self.assertEqual(sum(x["parameters"] for x in plan["layers"]), plan["parameters"])
        self.assertEqual(plan["parameters"], 784 * 8 + 3 * 8 + 8 * 10 + 10)
        self.assertEqual((plan["learning_rate"], plan["full_learning_rate"], plan["last_learning_rate"]), (0.001, 0.001, 0.001))
        self.assertEqual((plan["settings"]["network.hidden"], plan["settings"]["train.seed"]), ("8", "1"))
        self.assertEqual(plan["settings_that_differ"],
                         ["data.source", "network.hidden", "network.batch_norm", "train.epochs", "run.threads"])
        self.assertEqual(sum(kind["bytes"] for kind in plan["memory"]), plan["memory_bytes"])
        self.assertEqual((plan["early_stop"], plan["patience_steps"], plan["max_time_s"]), ("none", None, None))

    def test_files_have_the_planned_size(self):
        for more in [[], sets(network__hidden="300, 40", train__evaluate_every="2 steps"),
                     sets(data__source="digits:?train=300&test=0", optimizer__name="sgd", checkpoint__every="1 steps")]:
            plan = self.ok("train", *SMALL, *more, "--dry-run", "--json")
            self.ok("train", *SMALL, *more, "--out", "run", "--json", *sets(checkpoint__keep=100))
            self.assertEqual(os.path.getsize("run/step-0.h5"), plan["first_checkpoint_bytes"])
            self.assertEqual(os.path.getsize("run/last.h5"), plan["last_checkpoint_bytes"])
            shutil.rmtree("run")

    def test_memory_is_what_the_process_takes(self):
        """Peak of the resident set against the plan. Above it are the program, its libraries and its threads, measured with a
        network of next to no size; below it by what the plan counts at most: two of three copies of the best model, and what a
        thread does not touch."""
        def peak(*arguments):
            run = subprocess.Popen([WEFT, "train", *SMALL, "--progress", "none", "--out", f"run{len(os.listdir('.'))}",
                                    *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            error = run.stderr.read()
            run.stderr.close()
            _, status, usage = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(run.returncode, 0, error)
            return usage.ru_maxrss * 1024

        with open(WEFT, "rb") as file:
            program = file.read()
        if b"__asan_init" in program or b"__tsan_init" in program:
            self.skipTest("a sanitizer's memory is not in the plan")
        little = sets(network__hidden=1)
        wide = sets(network__hidden="1024, 1024, 1024", train__evaluate_every="2 steps", checkpoint__every="1 steps")
        plans = [self.ok("train", *SMALL, *more, "--threads", 2, "--dry-run", "--json") for more in [little, wide]]
        rest = peak(*little, "--threads", 2) - plans[0]["memory_bytes"]
        told = plans[1]["memory_bytes"]
        copies = next(kind for kind in plans[1]["memory"] if kind["what"].startswith("copies of the best"))
        found = peak(*wide, "--threads", 2) - rest
        print(f"\n{found} bytes, {told} told; {found / told:.3f}; the program itself {rest}")
        self.assertGreater(told, 100 << 20)
        self.assertLess(found, told * 1.02 + (4 << 20))
        self.assertGreater(found, (told - copies["bytes"]) * 0.9)

    def test_errors_are_those_of_training(self):
        for code, more in [(78, sets(train__batch_size=541)), (78, sets(network__activation="relu,tanh")),
                           (78, sets(train__epochs=0)), (66, ["--data", "idx:nowhere"]), (78, ["--data", "nowhere"]),
                           (78, sets(schedule__name="cosine", schedule__warmup=10)), (66, ["nowhere.ini"]),
                           (64, ["--thread", "2"]), (66, ["--init-from", "nowhere"])]:
            dry = [self.fails(code, "weft train: ", "train", *SMALL, *more, "--dry-run", "--out", "run", *form)
                   for form in [[], ["--json"]]]
            self.assertEqual(os.listdir("."), [])
            real = self.fails(code, "weft train: ", "train", *SMALL, *more, "--out", "run", "--progress", "none")
            shutil.rmtree("run", ignore_errors=True)
            for done in dry:
                self.assertEqual((done.stderr, done.stdout), (real.stderr, ""))

    def test_init_from(self):
        self.ok("train", *SMALL, "--out", "run")
        text = self.ok("train", *SMALL, "--init-from", "run", "--dry-run")
        self.assertRegex(text, rf"\ninit_from += {re.escape(os.path.realpath('run'))} ")
        told = self.ok("train", *SMALL, "--init-from", "run", "--dry-run", "--json")
        self.assertEqual(told["settings"]["network.init_from"], os.path.realpath("run"))
        self.fails(65, "layer 01 has 9 units", "train", *SMALL, *sets(network__hidden=9), "--init-from", "run", "--dry-run")

    def test_full_stdout(self):
        for more in [[], ["--json"]]:
            with open("/dev/full", "w") as full:
                done = subprocess.run([WEFT, "train", *SMALL, "--dry-run", *more], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 74)
            self.assertRegex(done.stderr, r"\Aweft train: write the results to stdout: No space left on device\n\Z")

    def test_verbose(self):
        done = weft("train", *SMALL, "--verbose", "--out", "run", "--progress", "none")
        self.assertEqual(done.returncode, 0, done.stderr)
        plain = weft("train", *SMALL, "--out", "plain", "--progress", "none")
        self.assertEqual(plain.stderr, "")
        digest = re.compile(r"weights digest +(\w+)")
        self.assertEqual(digest.search(done.stdout).group(1), digest.search(plain.stdout).group(1))
        table = done.stderr.splitlines()
        self.assertRegex(table[0], r"\Amemory +count +bytes each +bytes\Z")
        planned = self.ok("train", *SMALL, "--dry-run").split("; memory ", 1)[1].splitlines()[1:]
        self.assertEqual(["; " + line for line in table[1:]], planned)


class Weights(WeftTest):
    def setUp(self):
        super().setUp()
        self.run_ = self.path("run")
        self.ok("train", *SMALL, *sets(network__batch_norm="before"), "--out", self.run_, "--json")

    def layers_of(self, text):
        """{layer: {"W": rows, "bias": rows, ...}} of what was printed, after a look at its form."""
        layers = {}
        for line in text.splitlines():
            head = re.fullmatch(r"layer (\d\d): ([\w ]+?) (\d+)(?: x (\d+))?, float32", line)
            if head:
                rows = layers.setdefault(int(head.group(1)), {}).setdefault(head.group(2), [])
                outputs = int(head.group(4) or head.group(3))
                continue
            self.assertEqual(len(line), 13 * outputs)
            cells = [line[at:at + 13] for at in range(0, len(line), 13)]
            for cell in cells:
                self.assertRegex(cell, rf"\A +{REAL}\Z")
            rows.append([float(cell) for cell in cells])
        return layers

    def test_text(self):
        first = self.layers_of(self.ok("inspect", self.run_, "--weights", 1))
        self.assertEqual(list(first), [1])
        self.assertEqual(list(first[1]), ["W", "bias", "gamma", "beta", "running mean", "running variance"])
        self.assertEqual((len(first[1]["W"]), len(first[1]["W"][0]), len(first[1]["bias"])), (784, 8, 1))
        text = self.ok("inspect", self.run_, "--weights", "output")
        self.assertTrue(text.startswith("layer 02: W 8 x 10, float32\n "))
        self.assertEqual(list(self.layers_of(text)[2]), ["W", "bias"])
        self.assertEqual(text, self.ok("inspect", self.run_, "--weights", "02"))
        self.assertEqual(self.ok("inspect", self.run_, "--weights", "all"), self.ok("inspect", self.run_, "--weights", "1") + text)

    def test_json_reads_back_to_the_bit(self):
        every = self.ok("inspect", self.run_, "--weights", "all", "--json")
        self.assertEqual((every["step"], [layer["layer"] for layer in every["layers"]]), (10, [1, 2]))
        names = {"W": "weight", "bias": "bias", "gamma": "gamma", "beta": "beta", "running mean": "running_mean",
                 "running variance": "running_variance"}
        printed = self.layers_of(self.ok("inspect", self.run_, "--weights", "all"))
        for layer in every["layers"]:
            self.assertEqual(layer, self.ok("inspect", self.run_, "--weights", layer["layer"], "--json"))
            self.assertEqual(layer["shape"], [len(layer["weight"]), len(layer["weight"][0])])
            for label, name in names.items():
                if layer[name] is None:
                    self.assertNotIn(label, printed[layer["layer"]])
                    continue
                rows = layer[name] if name == "weight" else [layer[name]]
                for row, as_text in zip(rows, printed[layer["layer"]][label], strict=True):
                    self.assertEqual(row, [float32(x) for x in row])            # they are floats, nothing was rounded
                    for x, y in zip(row, as_text, strict=True):
                        self.assertLessEqual(abs(x - y), 5.1e-7 + abs(x) * 5e-6)
        self.assertIsNone(every["layers"][1]["gamma"])

    def test_is_what_h5py_reads(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("h5py is missing")
        every = self.ok("inspect", self.run_, "--weights", "all", "--json")
        with h5py.File(os.path.join(self.run_, "last.h5"), "r") as file:
            for layer in every["layers"]:
                group = file[f"layers/{layer['layer']:02}"]
                self.assertEqual(layer["weight"], group["weight"][:].tolist())
                self.assertEqual(layer["bias"], group["bias"][:].tolist())
                for name in ["gamma", "beta", "running_mean", "running_variance"]:
                    found = group[f"batch_norm/{name}"][:].tolist() if f"batch_norm/{name}" in group else None
                    self.assertEqual(layer[name], found)

    def test_what_is_refused(self):
        for layer in ["3", "0", "99999999999999999999"]:
            self.fails(64, "the network has 2 layers", "inspect", self.run_, "--weights", layer)
        for layer in ["", "one", "-1", "1.5", "1 2"]:
            self.fails(64, "wanted the number of a layer, output or all", "inspect", self.run_, f"--weights={layer}")
        self.fails(64, "takes one checkpoint", "inspect", self.run_, self.run_, "--weights", "1")
        self.fails(66, "nowhere", "inspect", self.path("nowhere"), "--weights", "1")
        with open("/dev/full", "w") as full:
            for more in [[], ["--json"]]:
                done = subprocess.run([WEFT, "inspect", self.run_, "--weights", "all", *more], stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 74)


if __name__ == "__main__":
    unittest.main()
