"""weft gradcheck: what it prints, what it finds out from an INI file, what it refuses."""
import math
import re
import unittest

from weft_run import WeftTest, sets, weft

USAGE, SETTINGS, NO_INPUT = 64, 78, 66
DATA = ["--data", "digits:?train=300&test=10"]
STUDY = """
[data]
source = digits:?train=300&test=10
scaling = standardize
[network]
hidden = 20, 7, 5
activation = tanh, gelu, leaky_relu
batch_norm = after
batch_norm_statistics = shard
dropout = 0.1, 0, 0.2
input_dropout = 0.1
[regularization]
l1 = 0.001
l2 = 0.1
l2_form = lambda_over_2m
[optimizer]
clip_norm = 0.001
[train]
batch_size = 200
label_smoothing = 0.1
"""


class Gradcheck(WeftTest):
    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def test_the_table(self):
        done = weft("gradcheck", *DATA, *sets(network__hidden="9, 4"))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"\A784-9-4-10, 7155 parameters; a batch of 64 rows, \d+ threads?, \w+ kernels\Z")
        self.assertRegex(lines[1], r"\Aloss 2\.\d+, in double 2\.\d+: relative error \d\.\de-\d\d, ok\Z")
        self.assertEqual(lines[3].split(), "tensor shape elements checked skipped largest |a| |a - n| relative worst at a n".split())
        rows = [re.split(r"  +", line) for line in lines[4:10]]
        self.assertEqual([row[:3] for row in rows],
                         [["01/weight", "784 x 9", "7056"], ["01/bias", "9", "9"], ["02/weight", "9 x 4", "36"],
                          ["02/bias", "4", "4"], ["03/weight", "4 x 10", "40"], ["03/bias", "10", "10"]])
        self.assertEqual([int(row[3]) + int(row[4]) for row in rows], [100, 9, 36, 4, 40, 10])
        self.assertEqual({row[-1] for row in rows}, {"ok"})
        self.assertRegex(lines[-1], r"\Aok: \d+ elements in 6 tensors, none off by more than 0\.001")
        self.assertIn("training step", done.stderr)

    def test_an_ini_file(self):
        result = self.ok("gradcheck", self.write("study.ini", STUDY), "--json")
        self.assertEqual(list(result), ["ok", "network", "parameters", "rows", "threads", "isa", "tolerance", "loss",
                                        "numerical_loss", "loss_error", "tensors"])
        self.assertIs(result["ok"], True)
        self.assertEqual((result["network"], result["rows"], result["tolerance"]), ("784-20-7-5-10", 64, 0.001))
        self.assertTrue(math.isclose(result["loss"], result["numerical_loss"], rel_tol=1e-5))
        layer = ["weight", "bias", "batch_norm/gamma", "batch_norm/beta"]
        self.assertEqual([tensor["name"] for tensor in result["tensors"]],
                         [f"{number:02}/{name}" for number in (1, 2, 3) for name in layer] + ["04/weight", "04/bias"])
        for tensor in result["tensors"]:
            with self.subTest(tensor["name"]):
                self.assertEqual(list(tensor), ["name", "shape", "elements", "checked", "skipped", "failed", "largest", "rounding",
                                                "absolute_error", "relative_error", "worst", "analytic", "numerical"])
                self.assertEqual(tensor["elements"], math.prod(tensor["shape"]))
                self.assertEqual(tensor["checked"] + tensor["skipped"], min(tensor["elements"], 100))
                self.assertEqual(tensor["failed"], 0)
                self.assertLess(tensor["relative_error"], 0.001)
                self.assertLess(tensor["absolute_error"], 1e-5)
                self.assertTrue(all(at < end for at, end in zip(tensor["worst"], tensor["shape"])))

    def test_options_come_after_the_file(self):
        result = self.ok("gradcheck", self.write("study.ini", STUDY), *sets(network__hidden="3", network__activation="relu",
                                                                           network__dropout="0"),
                         "--rows", "70", "--samples", "7", "--tolerance", "0.01", "--threads", "2", "--json")
        self.assertEqual((result["network"], result["rows"], result["tolerance"], result["threads"]), ("784-3-10", 70, 0.01, 2))
        self.assertEqual([tensor["checked"] + tensor["skipped"] for tensor in result["tensors"]], [7, 3, 3, 3, 7, 7])

    def test_same_figures_for_any_threads_and_kernels(self):
        def figures(threads, **variables):
            result = self.ok("gradcheck", *DATA, *sets(network__hidden="33, 5", network__batch_norm="before"), "--rows", "200",
                             "--samples", "20", "--threads", threads, "--json", **variables)
            return {**result, "threads": None, "isa": None}
        self.assertEqual(figures(3), figures(1))
        self.assertEqual(figures(2, WEFT_ISA="portable"), figures(1))

    def test_another_seed_looks_elsewhere(self):
        worst = [self.ok("gradcheck", *DATA, *sets(network__hidden="5", train__seed=seed), "--samples", "10", "--json")["tensors"][0]
                 for seed in (1, 1, 2)]
        self.assertEqual(worst[0], worst[1])
        self.assertNotEqual(worst[0], worst[2])

    def test_a_regression(self):
        rows = "".join(f"{x},{x * x / 7},{3 - x},{2 * x + 1}\n" for x in range(40))
        result = self.ok("gradcheck", "--data", "csv:" + self.write("rows.csv", rows) + "?label=-2,-1",
                         *sets(network__output="linear", network__loss="mse", network__hidden="6", network__activation="softplus",
                               data__validation_fraction=0), "--json")
        self.assertEqual((result["network"], result["rows"], result["ok"]), ("2-6-2", 40, True))

    def test_what_is_refused(self):
        for pattern, *arguments in [
                ("--samples 0: wanted 1 or more", "--samples", "0"), ("--rows 0: wanted 1 or more", "--rows", "0"),
                ("--tolerance 0: wanted", "--tolerance", "0"), ("--tolerance 1: wanted", "--tolerance", "1"),
                ("--tolerance soon: wanted", "--tolerance", "soon"), ("batch of 271 rows.*only 270", "--rows", "271")]:
            with self.subTest(arguments):
                self.fails(USAGE, pattern, "gradcheck", *DATA, *arguments)
        self.fails(SETTINGS, "batch_size", "gradcheck", "--set", "train.batchsize=1")
        self.fails(SETTINGS, "network.activation", "gradcheck", "--set", "network.activation=relu, tanh")
        self.fails(NO_INPUT, "missing.ini", "gradcheck", self.path("missing.ini"))
        self.fails(NO_INPUT, "nowhere", "gradcheck", "--data", "idx:" + self.path("nowhere"))


if __name__ == "__main__":
    unittest.main()
