"""weft bench: what it prints and what it refuses. No figure of speed is asserted."""
import unittest

from weft_run import WeftTest, sets, weft

USAGE, SETTINGS, NO_INPUT = 64, 78, 66
QUICK = ["--seconds", "0.02", "--threads", "1,2"]
PHASES = ["gather", "forward", "backward", "gradient", "update", "wait"]


class Bench(WeftTest):
    def test_json(self):
        result = self.ok("bench", "--workload", "W1a", *QUICK, "--json")
        self.assertEqual(list(result), ["machine", "stretch_s", "peak_gflops", "bandwidth_gb_per_s", "barrier_us",
                                        "workloads", "kernels"])
        self.assertEqual(list(result["machine"]), ["cpu", "cores", "isa"])
        self.assertEqual(list(result["peak_gflops"]), ["1", "2"])
        self.assertEqual({name: list(rates) for name, rates in result["bandwidth_gb_per_s"].items()},
                         {"memory": ["1", "2"], "l2": ["1", "2"]})
        (workload,) = result["workloads"]
        self.assertEqual((workload["name"], workload["network"], workload["batch"], workload["parameters"],
                          workload["flop_per_sample"]), ("W1a", "784-20-7-5-10", 256, 15947, 64070))
        self.assertEqual([timing["threads"] for timing in workload["threads"]], [1, 2])
        for timing in workload["threads"]:
            self.assertEqual(list(timing), ["threads", "samples_per_s", "step_us", "gflops", "share_of_peak", "phases"])
            self.assertEqual(list(timing["phases"]), PHASES)
            rate = timing["samples_per_s"]
            self.assertTrue(0 < rate["min"] <= rate["median"] <= rate["max"])
            self.assertAlmostEqual(timing["gflops"] / result["peak_gflops"][str(timing["threads"])], timing["share_of_peak"])
        self.assertEqual([(k["layer"], k["direction"]) for k in result["kernels"]],
                         [(1, "forward"), (1, "gradient")]
                         + [(layer, way) for layer in (2, 3, 4) for way in ("forward", "gradient", "backward")])
        self.assertEqual(list(result["kernels"][0]), ["workload", "layer", "direction", "rows", "fan_in", "fan_out", "gflops",
                                                      "share_of_peak"])

    def test_text_goes_to_stdout_and_progress_to_stderr(self):
        done = weft("bench", "--workload", "W1a", "--no-kernels", *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"threads +FMA peak GFLOP/s +memory GB/s +L2 GB/s +barrier us\n")
        self.assertRegex(done.stdout, r"W1a +784-20-7-5-10 +256 +1 +\d+ ")
        self.assertNotIn("products of each layer", done.stdout)
        self.assertIn("W1a: training", done.stderr)

    def test_a_configuration_file(self):
        with open(self.path("small.ini"), "w") as file:
            file.write("[data]\nsource = digits:?train=300&test=10\n[network]\nhidden = 6\n[train]\nbatch_size = 100\n")
        result = self.ok("bench", self.path("small.ini"), *sets(train__batch_size=50), "--kernels-only", *QUICK, "--json")
        (workload,) = result["workloads"]
        self.assertEqual((workload["name"], workload["network"], workload["batch"], workload["threads"]),
                         (self.path("small.ini"), "784-6-10", 50, []))
        self.assertEqual(len(result["kernels"]), 5)

    def test_a_set_of_kernels_by_name(self):
        result = self.ok("bench", "--workload", "W1a", "--kernels-only", "--seconds", "0.01", "--json", WEFT_ISA="portable")
        self.assertEqual(result["machine"]["isa"], "portable")

    def test_unknown_workload(self):
        done = self.fails(USAGE, r'workload "W1d" is unknown.*did you mean W1[abc]\?', "bench", "--workload", "W1d")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(done.stdout, "")

    def test_bad_options(self):
        for pattern, *arguments in [
                ("wanted numbers with commas", "--threads", "1,x"), ("wanted numbers with commas", "--threads", "1,"),
                ("wanted numbers with commas", "--threads", "-1"), ("0 threads", "--threads", "0"),
                ("greater than 0", "--seconds", "0"), ("greater than 0", "--seconds", "soon"),
                ("3600", "--seconds", "1e5"), ("nothing is left", "--kernels-only", "--no-kernels"),
                ("makes its own rows", "--set", "data.source=digits:"), ("one or the other", "x.ini", "--workload", "W1a")]:
            with self.subTest(arguments):
                self.fails(USAGE, pattern, "bench", *arguments)
        self.fails(SETTINGS, "batch_size", "bench", "--set", "train.batchsize=1")
        self.fails(NO_INPUT, "missing.ini", "bench", self.path("missing.ini"))
        self.fails(SETTINGS, "no_such_set", "bench", WEFT_ISA="no_such_set")


if __name__ == "__main__":
    unittest.main()
