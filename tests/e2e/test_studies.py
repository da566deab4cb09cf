"""The published studies in scripts/studies: each is a sweep that can be run, and docs/studies.md has a row for each figure."""
import json
import os
import re
import sys
import unittest

from weft_run import DATA, ROOT, WeftTest, sets

STUDIES = os.path.join(ROOT, "scripts", "studies")
sys.dont_write_bytecode = True
sys.path.insert(0, STUDIES)
import expected                                     # noqa: E402

ROWS = {"batch-norm-l2": expected.BATCH_NORM_L2, "l2-by-batch-norm": expected.L2_BY_BATCH_NORM,
        "thousand-images": expected.THOUSAND_IMAGES, "cifar-softmax": expected.CIFAR_SOFTMAX,
        "activations-adam": expected.ACTIVATIONS_ADAM}
MNIST = os.path.join(DATA, "mnist")


class Studies(WeftTest):
    def test_every_row_of_a_report_is_a_combination_with_five_seeds(self):
        for study, rows in ROWS.items():
            with self.subTest(study):
                path = os.path.join(STUDIES, f"{study}.ini")
                said = self.ok("sweep", path, "--dry-run", "--out", self.path(study), "--json")
                names = [run["combination"] for run in said["runs"]]
                for row in rows:
                    found = {name for name in names if name == row or name.startswith(f"{row}, shuffle=")}
                    self.assertTrue(found, row)
                    self.assertTrue(all(names.count(name) == 5 for name in found), row)

    def test_the_page_has_a_row_for_every_figure(self):
        with open(os.path.join(ROOT, "docs", "studies.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertNotIn("{{", page)
        for rows in ROWS.values():
            for row in rows:
                self.assertRegex(page, rf"(?m)^\| {re.escape(row)} \| .*± ")
        for link in re.findall(r"\]\(([^)#]+)\)", page):
            self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", link)), link)

    @unittest.skipUnless(os.path.isdir(MNIST), f"no data in {MNIST}")
    def test_l2_by_batch_norm_in_short(self):
        """Two hundred steps of a seed of each: the quick ones learn, and the summary has what the page is made of."""
        with open(os.path.join(STUDIES, "l2-by-batch-norm.ini"), encoding="utf-8") as file:
            text = re.sub(r"(?m)^seeds = .*", "seeds = 1", file.read())
        with open(self.path("short.ini"), "w", encoding="utf-8") as file:
            file.write(text)
        summary = self.ok("sweep", self.path("short.ini"), "--data", f"idx:{MNIST}", *sets(train__steps=200),
                          "--out", self.path("short"), "--json")
        for combination in summary["combinations"]:
            figures = {name: figure["mean"] for name, figure in combination["figures"].items()}
            self.assertEqual(figures["steps"], 200)
            if "SGD" not in combination["name"]:                # whose small steps are still on the plateau
                self.assertGreater(figures["test_accuracy"], 0.6, combination["name"])
            self.assertGreater(figures["mean_abs_weight_04"], 0)


if __name__ == "__main__":
    unittest.main()
