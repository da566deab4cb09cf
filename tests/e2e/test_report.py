"""weft report: pages that are whole HTML, hold the figures that other verbs give, and are the same wherever the run lies."""
import base64
import csv
import html.parser
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import unittest

from weft_run import ROOT, WeftTest, command, environment, sets, weft

TABLES = os.path.join(ROOT, "examples", "tables")
CHROMIUM = "/usr/bin/chromium"
VOID = {"meta", "br", "img", "input", "link", "hr"}
ONE_PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==")
WIDTHS = [320, 390, 768, 1280]


class Page(html.parser.HTMLParser):
    """A page taken apart: ids, links, tables by caption (rows of cells: text, and the exact number if there is one)."""

    def __init__(self, text):
        super().__init__()
        self.text, self.open, self.faults = text, [], []
        self.ids, self.links, self.labels, self.tags = [], [], [], []
        self.tables, self.table, self.cell, self.caption = {}, None, None, None
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> has no end" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.take(tag, dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.take(tag, dict(attributes))

    def take(self, tag, attributes):
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        self.labels += (attributes.get("aria-labelledby") or "").split()
        if tag == "table":
            self.table = []
        elif tag == "caption":
            self.caption = ""
        elif tag == "tr":
            self.table.append([])
        elif tag in ("td", "th"):
            self.cell = ["", None]
        elif tag == "data" and self.cell is not None and self.cell[1] is None:
            self.cell[1] = float(attributes["value"])

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]}")
        if tag == "caption":
            self.tables[self.caption] = self.table
            self.caption = None
        elif tag in ("td", "th"):
            self.table[-1].append(tuple(self.cell))
            self.cell = None

    def handle_data(self, text):
        if self.cell is not None:
            self.cell[0] += text
        elif self.caption is not None:
            self.caption += text

    def rows(self, caption):
        """Of the first table whose caption begins so: {name of the row: {head of the column: cell}}."""
        table = next(table for name, table in self.tables.items() if name.startswith(caption))
        head = [text for text, _ in table[0]]
        return {row[0][0]: dict(zip(head, row)) for row in table[1:]}


def small(**more):
    return sets(network__hidden="8", train__epochs=3, train__batch_size=50, train__evaluate="train, validation, test",
                train__evaluate_every="4 steps", regularization__l2=0.01, **more)


class ReportTest(WeftTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="weft-report-")
        cls.addClassCleanup(cls.shared.cleanup)
        cls.digits = os.path.join(cls.shared.name, "digits")
        cls.regression = os.path.join(cls.shared.name, "load")
        cls.labels = os.path.join(cls.shared.name, "alarms")
        for out, arguments in [
                (cls.digits, ["--data", "digits:?train=500&test=100", *small()]),
                (cls.regression, ["--data", f"csv:{TABLES}/load.csv?label=load", *small(
                    network__output="linear", network__loss="mse", data__scaling="standardize")]),
                (cls.labels, ["--data", f"csv:{TABLES}/alarms.csv?label=overheated,overloaded", *small(
                    network__output="sigmoid", network__loss="binary_cross_entropy", data__scaling="standardize")])]:
            subprocess.run(command("train", *arguments, "--out", out, "--progress", "none"), check=True, stdout=subprocess.DEVNULL)

    def page(self, *arguments):
        page = Page(self.ok("report", *arguments, "--out", "-"))
        self.assertEqual(page.faults, [])
        return page

    def pages(self):
        return [self.page(self.digits), self.page(self.regression), self.page(self.labels), self.page(self.digits, self.labels),
                self.page(self.digits, self.digits, "--title", "<twice> & \"again\"")]


class Html(ReportTest):
    def test_it_is_whole(self):
        for page in self.pages():
            self.assertTrue(page.text.startswith("<!DOCTYPE html>\n<html lang=\"en\">"))
            self.assertEqual(len(page.ids), len(set(page.ids)), "an id is there twice")
            for target in [link[1:] for link in page.links if link.startswith("#")] + page.labels:
                self.assertIn(target, page.ids)
            self.assertEqual([tag for tag, _ in page.tags if tag in ("script", "link", "iframe")], [])
            self.assertEqual(sum(tag == "h1" for tag, _ in page.tags), 1)
            self.assertEqual([attributes for tag, attributes in page.tags if tag == "th" and "scope" not in attributes], [])
            self.assertNotIn("nan", {text for table in page.tables.values() for row in table for text, _ in row})

    def test_it_needs_no_network(self):
        for page in self.pages():
            names = re.sub(r'xmlns(:xlink)?="[^"]*"', "", page.text)
            self.assertEqual(re.findall(r"(?i)https?:|url\((?!#)|@import|\bsrc=|href=\"(?!#|data:image/png)", names), [])

    def test_headings_go_down_one_by_one(self):
        for page in self.pages():
            levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
            self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels)

    def test_no_path_but_the_directorys_name(self):
        for page in self.pages():
            self.assertNotIn(self.shared.name, page.text)
            self.assertNotIn(TABLES, page.text)

    def test_tidy_finds_nothing(self):
        if shutil.which("tidy") is None:
            self.skipTest("no tidy")
        for page in self.pages():
            plain = re.sub(r"</?data\b[^>]*>|<svg.*?</svg>", "", page.text, flags=re.S)       # tidy does not know <data>
            done = subprocess.run(["tidy", "-q", "-e", "--drop-empty-elements", "no"], input=plain, capture_output=True, text=True)
            known = r"<dl>|<dt>|<dd>|</?div>|</summary>"                # nor <div> in <dl>, <h2> in <summary>
            self.assertEqual([line for line in done.stderr.splitlines() if not re.search(known, line)], [])


class Figures(ReportTest):
    def test_final_figures_are_those_of_eval(self):
        for run in [self.digits, self.regression, self.labels]:
            rows = self.page(run).rows("Final figures")
            self.assertIn("validation", rows)
            for split, cells in rows.items():
                wanted = self.ok("eval", run, "--split", split, "--json")
                of_values = {"R²": "r2", "mean absolute error": "mean_absolute_error"}
                names = {"rows": "rows", "cost": "cost", "loss": "loss"}
                names |= of_values if run == self.regression else {"accuracy": "accuracy"}
                self.assertEqual({head: cell[1] for head, cell in cells.items() if head != "split"},
                                 {head: wanted[name] for head, name in names.items()})

    def test_each_class_is_that_of_eval(self):
        rows = self.page(self.digits).rows("Each class, test")
        wanted = self.ok("eval", self.digits, "--json")
        for i, figures in enumerate(wanted["per_class"]):
            cells = rows[str(figures.get("name") or i)]
            self.assertEqual([cells[head][1] for head in ("precision", "recall", "F1", "rows")],
                             [figures[name] for name in ("precision", "recall", "f1", "support")])

    def test_the_confusion_is_that_of_eval(self):
        rows = self.page(self.digits).rows("Confusion matrix, test")
        wanted = self.ok("eval", self.digits, "--json")["confusion"]
        self.assertEqual([[cell[0] for cell in list(row.values())[1:]] for row in rows.values()],
                         [[str(count) for count in row] for row in wanted])

    def test_curves_are_those_of_history_csv(self):
        rows = self.page(self.digits).rows("Accuracy")
        seen = 0
        with open(os.path.join(self.digits, "history.csv"), newline="") as file:
            for line in csv.DictReader(file):
                for split in ("train", "validation", "test"):
                    self.assertEqual(rows[line["step"]][split][0], f"{100 * float(line[split + '_accuracy']):.2f}\u202f%")
                seen += 1
        self.assertEqual(seen, len(rows))

    def test_settings_are_there(self):
        page = self.page(self.digits)
        differing = page.rows("Settings that differ")
        self.assertEqual((differing["train.batch_size"]["value"][0], differing["train.batch_size"]["default"][0]), ("50", "128"))
        self.assertEqual(page.rows("Settings at their defaults")["optimizer.name"]["value"][0], "adam")

    def test_several_are_compared(self):
        page = self.page(self.digits, self.regression)
        differing = page.rows("Settings that are not the same")
        self.assertEqual([cell[0] for cell in differing["network.loss"].values()], ["network.loss", "cross_entropy", "mse"])
        rows = page.rows("Final figures; the best")
        self.assertEqual(rows["digits"]["test accuracy"][1], self.ok("eval", self.digits, "--json")["accuracy"])
        self.assertIsNone(rows["load"]["test accuracy"][1])
        self.assertIn("run-2-cost-title", page.ids)


class Sweep(ReportTest):
    def test_means_and_one_run_of_each(self):
        with open(self.path("study.ini"), "w") as file:
            file.write("[sweep]\nseeds = 1, 2, 3\nregularization.l2 = 0 | 0.1\n[data]\nsource = digits:?train=300&test=60\n"
                       "[network]\nhidden = 6\n[train]\nsteps = 10\nepochs = 0\nevaluate_every = 5 steps\n"
                       "evaluate = train, validation, test\n")
        done = weft("sweep", self.path("study.ini"), "--out", self.path("study"))
        self.assertEqual(done.returncode, 0, done.stderr)
        result = self.ok("report", self.path("study"), "--json")
        self.assertEqual((result["out"], result["runs"], result["sweep"]), (self.path("study", "report.html"), 6, "study"))
        page = self.page(self.path("study"))
        with open(result["out"]) as file:
            self.assertEqual(file.read(), page.text)
        rows = page.rows("What the models get right")
        self.assertEqual(list(rows), ["l2=0", "l2=0.1"])
        for name, cells in rows.items():
            directories = [self.path("study", name, f"seed-{seed}") for seed in (1, 2, 3)]
            accuracy = [self.ok("eval", directory, "--json")["accuracy"] for directory in directories]
            self.assertAlmostEqual(cells["test accuracy"][1], statistics.mean(accuracy), delta=1e-12)
            self.assertIn(f"±\u00a0{100 * statistics.stdev(accuracy):.2f}", cells["test accuracy"][0])
        self.assertIn("l2=0.1, seed 1", page.text)
        self.fails(64, "wanted it alone", "report", self.path("study"), self.digits)


class Files(ReportTest):
    def test_a_copy_gives_the_same_page(self):
        os.mkdir(self.path("elsewhere"))
        copy = self.path("elsewhere", "digits")
        shutil.copytree(self.digits, copy, symlinks=True)
        self.ok("report", copy)
        with open(os.path.join(copy, "report.html")) as file:
            self.assertEqual(file.read(), self.page(self.digits).text)
        self.ok("report", copy)                                         # with a page beside the run
        self.assertEqual(json.loads(weft("resume", copy, "--json").stdout)["steps"], 27)
        self.assertTrue(os.path.exists(os.path.join(copy, "report.html")))

    def test_where_it_goes(self):
        for name in ("a", "b"):
            shutil.copytree(self.digits, self.path(name), symlinks=True)
        done = subprocess.run(command("report", "a", "b", "--json"), cwd=self.directory.name, capture_output=True, text=True)
        self.assertEqual(json.loads(done.stdout), {"out": "report.html", "size_bytes": os.path.getsize(self.path("report.html")),
                                                   "runs": 2, "sweep": None, "chart_directory": None, "charts": []})
        self.assertEqual(self.ok("report", self.path("a"), "--out", self.path("x.html")),
                         f"{self.path('x.html')}: {os.path.getsize(self.path('x.html'))} bytes\n")

    def test_a_run_that_goes_on(self):
        done = weft("train", "--data", "digits:?train=500&test=100", *small(), "--set", "train.epochs=100000",
                    "--set", "train.max_time=0.2 s", "--out", self.path("on"), "--progress", "none")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("This run is not over", self.page(self.path("on")).text)

    def test_what_fails(self):
        self.fails(64, "DIR", "report")
        self.fails(64, "stdout", "report", self.digits, "--json", "--out", "-")
        self.fails(66, "missing", "report", self.path("missing"))
        self.fails(66, "missing", "report", self.digits, self.path("missing"))
        self.fails(73, "nowhere/x.html", "report", self.digits, "--out", self.path("nowhere", "x.html"))
        copy = self.path("damaged")
        shutil.copytree(self.digits, copy, symlinks=True)
        self.ok("report", copy)
        with open(os.path.join(copy, "last.h5"), "r+b") as file:
            file.seek(5000)
            file.write(b"damage")
        with open(os.path.join(copy, "report.html")) as file:
            before = file.read()
        self.fails(65, "last.h5", "report", copy)
        with open(os.path.join(copy, "report.html")) as file:
            self.assertEqual(file.read(), before)

    def test_a_full_stdout(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command("report", self.digits, "--out", "-"), stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 74, done.stderr)


class Charts(ReportTest):
    @unittest.skipUnless(shutil.which("rsvg-convert"), "no rsvg-convert")
    def test_every_chart_is_a_file(self):
        result = self.ok("report", self.digits, "--out", self.path("x.html"), "--png", self.path("new", "charts"), "--json")
        self.assertEqual(len(result["charts"]), self.page(self.digits).text.count("<svg"))
        names = sorted(name + ending for name in result["charts"] for ending in (".png", ".svg"))
        self.assertEqual(sorted(os.listdir(self.path("new", "charts"))), names)
        for name in names:
            with open(self.path("new", "charts", name), "rb") as file:
                self.assertEqual(file.read(8)[:4], b"\x89PNG" if name.endswith(".png") else b"<svg")

    @unittest.skipUnless(shutil.which("rsvg-convert"), "no rsvg-convert")
    def test_a_directory_that_looks_like_an_option(self):
        done = subprocess.run(command("report", self.digits, "--out", "x.html", "--png", "-x"), capture_output=True, text=True,
                              cwd=self.path())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(os.path.exists(self.path("-x", "accuracy.png")))

    def test_without_the_converter(self):
        os.mkdir(self.path("empty"))
        done = weft("report", self.digits, "--out", self.path("x.html"), "--png", self.path("charts"), PATH=self.path("empty"))
        self.assertEqual((done.returncode, done.stdout), (69, ""))
        self.assertRegex(done.stderr, r"\Aweft report: [^\n]*librsvg2-bin\n\Z")
        self.assertTrue(os.path.exists(self.path("x.html")))
        self.assertTrue(os.path.exists(self.path("charts", "accuracy.svg")))

    def convert(self, script, **how):
        """What the report ends with, this shell script being the converter, and all files in charts/ that are no SVG."""
        os.makedirs(self.path("bin"), exist_ok=True)
        with open(self.path("bin", "rsvg-convert"), "w") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(self.path("bin", "rsvg-convert"), 0o755)
        done = subprocess.run(command("report", self.digits, "--out", self.path("x.html"), "--png", self.path("charts")),
                              env=environment(PATH=self.path("bin")), capture_output=True, text=True, **how)
        files = {}
        for name in os.listdir(self.path("charts")):
            if not name.endswith(".svg") and os.path.isfile(self.path("charts", name)):
                with open(self.path("charts", name), "rb") as file:
                    files[name] = file.read()
        return done, files

    def picture(self):
        """A shell command that writes ONE_PIXEL."""
        with open(self.path("one-pixel.png"), "wb") as file:
            file.write(ONE_PIXEL)
        return f"/bin/cat {self.path('one-pixel.png')}"

    def test_a_converter_that_fails_leaves_what_was_there(self):
        """One after the other is drawn until, at the accuracy, the converter ends in some way."""
        whole = self.picture()
        half = whole.replace("/bin/cat", "/usr/bin/head -c 40")
        for last, words in [(f"{half}; exit 3", "rsvg-convert failed with exit code 3"),
                            (f"{whole}; exit 1", "rsvg-convert failed with exit code 1"),
                            (f"{half}; kill -9 $$", "rsvg-convert was ended by signal 9"),
                            (f"{whole}; kill -15 $$", "rsvg-convert was ended by signal 15"),
                            (half, "rsvg-convert wrote 40 bytes, wanted a whole PNG"),
                            (":", "rsvg-convert wrote 0 bytes, wanted a whole PNG"),
                            ("echo no picture", "rsvg-convert wrote 11 bytes, wanted a whole PNG")]:
            with self.subTest(last=last):
                shutil.rmtree(self.path("charts"), ignore_errors=True)
                os.mkdir(self.path("charts"))
                with open(self.path("charts", "accuracy.png"), "w") as file:
                    file.write("of before")
                done, files = self.convert(f"case $2 in */accuracy.svg) {last};; *) {whole};; esac\n")
                self.assertEqual((done.returncode, done.stdout), (74, ""), done.stderr)
                self.assertRegex(done.stderr, rf"\Aweft report: draw [^\n]*/accuracy\.png: {words}\n\Z")
                self.assertEqual(files.pop("accuracy.png"), b"of before")
                self.assertEqual(set(files.values()), {ONE_PIXEL})
                self.assertEqual({name[-4:] for name in files}, {".png"})
                self.assertTrue(os.path.exists(self.path("charts", "accuracy.svg")))

    def test_a_converter_that_cannot_be_started(self):
        self.convert(self.picture())
        os.chmod(self.path("bin", "rsvg-convert"), 0o644)
        done = weft("report", self.digits, "--out", self.path("x.html"), "--png", self.path("charts"), PATH=self.path("bin"))
        self.assertEqual((done.returncode, done.stdout), (69, ""))
        self.assertRegex(done.stderr, r"\Aweft report: draw [^\n]*\.png: start rsvg-convert: Permission denied\n\Z")

    def test_a_caller_that_ignores_ended_children(self):
        done, files = self.convert(self.picture(), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(set(files.values()), {ONE_PIXEL})

    def test_a_picture_that_cannot_be_put_in_its_place(self):
        os.makedirs(self.path("charts", "accuracy.png"))
        done, files = self.convert(self.picture())
        self.assertEqual((done.returncode, done.stdout), (73, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aweft report: write [^\n]*/accuracy\.png: what is there is not a regular file\n\Z")
        self.assertEqual({name[-4:] for name in files} | {".png"}, {".png"})


@unittest.skipUnless(os.path.exists(CHROMIUM), "no Chromium")
class Screen(ReportTest):
    def test_nothing_is_wider_than_the_screen(self):
        """In frames of several widths, everything unfolded: a page tells how wide it has become."""
        script = ("<script>addEventListener('load', () => { document.querySelectorAll('details').forEach(d => d.open = true); "
                  "parent.postMessage([innerWidth, document.documentElement.scrollWidth], '*') })</script>")
        for page in self.pages():
            with open(self.path("page.html"), "w") as file:
                file.write(page.text + script)
            frames = "".join(f"<iframe src=page.html style='width:{width}px;height:900px;border:0'></iframe>" for width in WIDTHS)
            with open(self.path("frames.html"), "w") as file:
                file.write("<!DOCTYPE html><body><pre></pre><script>addEventListener('message', e => document.querySelector('pre')"
                           f".textContent += e.data.join('/') + ' ')</script>{frames}")
            done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000",
                                   f"--user-data-dir={self.path('profile')}", "--dump-dom", "file://" + self.path("frames.html")],
                                  capture_output=True, text=True, timeout=300, env=environment(HOME=self.directory.name))
            told = re.search(r"<pre>(.*?)</pre>", done.stdout).group(1).split()
            wide = dict(tuple(map(int, pair.split("/"))) for pair in told)
            self.assertEqual(sorted(wide), WIDTHS)
            self.assertEqual({width: found for width, found in wide.items() if found > width}, {})


if __name__ == "__main__":
    unittest.main()
