"""Checkpoints of earlier versions (tests/data/format-N): this version loads them and goes on to the recorded digests."""
import glob
import json
import os
import shutil
import unittest

from weft_run import ROOT, WeftTest


class Upgrade(WeftTest):
    def expected(self):
        """Path of each file, and what is to come of it."""
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "data", "format-*", "expected.json"))):
            with open(path, encoding="utf-8") as file:
                for name, what in json.load(file).items():
                    yield os.path.join(os.path.dirname(path), f"{name}.h5"), {**what, "data": what["data"].format(root=ROOT)}

    def test_runs_go_on_to_the_recorded_digest(self):
        found = list(self.expected())
        self.assertGreaterEqual(len(found), 3)
        for checkpoint, what in found:
            for threads, kernels in ((1, None), (2, "portable"), (3, None), (7, None)):
                with self.subTest(checkpoint=os.path.relpath(checkpoint, ROOT), threads=threads, kernels=kernels):
                    run = self.path(f"{os.path.basename(checkpoint)}-{threads}")
                    environment = {"WEFT_ISA": kernels} if kernels else {}
                    os.mkdir(run)
                    shutil.copy(checkpoint, os.path.join(run, "step-25.h5"))
                    summary = self.ok("resume", run, "--data", what["data"], "--threads", threads, "--json", **environment)
                    self.assertEqual(summary["steps"], what["steps"])
                    self.assertEqual(summary["weights_digest"], what["weights_digest"])

    def test_they_can_be_looked_at(self):
        for checkpoint, what in self.expected():
            with self.subTest(os.path.relpath(checkpoint, ROOT)):
                self.ok("verify", checkpoint)
                self.assertEqual(self.ok("inspect", checkpoint, "--json")["step"], 25)
                loss = self.ok("eval", checkpoint, "--data", what["data"], "--split", "train", "--json")["loss"]
                self.assertGreater(loss, 0)


if __name__ == "__main__":
    unittest.main()
