"""CSV and LIBSVM files against Python: tables written by Python's csv module in every dialect that Weft takes, read back by that
module and by float(), are the same data to the last bit as Weft reads. The digest of the data, which a checkpoint holds, says so:
it must be that of the same rows as NumPy arrays."""
import csv
import gzip
import itertools
import os
import random
import unittest

import numpy as np

from weft_run import WeftTest, sets

NAMES = ["a", "b c", "d,e", 'f"g', "h;i", "Zoë", "10", "9", "x|y"]
NOTE = 'ab ,;|\t"\n\ré'
MISSING = ["", "NA", "nan", "NULL", "?", " "]


def number(draw):
    form = draw.choice(["{:.0f}", "{:.3f}", "{:.17g}", "{!r}", "{:e}", "+{:.25f}", "{:.30g}"])
    value = draw.choice([draw.gauss(0, 1), draw.uniform(0, 1e6), 10 ** draw.uniform(-45, 38), draw.randrange(-300, 300)])
    return form.format(float(abs(value) if form[0] == "+" else value))


def table(draw, rows, features, missing, quoting):
    """A note of any text, features, a class: as texts."""
    letters = NOTE if quoting == csv.QUOTE_ALL else NOTE.replace("\n", "").replace("\r", "")      # Python leaves some unquoted
    for n in range(rows):
        note = "".join(draw.choice(letters) for _ in range(draw.randrange(8)))
        cells = [draw.choice(MISSING) if draw.random() < missing else number(draw) for _ in range(features)]
        yield [note, *cells, NAMES[n % len(NAMES)] if n < len(NAMES) else draw.choice(NAMES)]


def value(cell):
    return np.nan if cell.strip() in MISSING else float(cell)


class TextData(WeftTest):
    steps = sets(train__steps=1, train__batch_size=4, network__hidden="", data__missing="mean", data__scaling="standardize")
    runs = itertools.count()

    def digest(self, uri):
        run = self.path(f"run{next(self.runs)}")
        self.ok("train", "--data", uri, *self.steps, "--out", run)
        return self.ok("inspect", os.path.join(run, "last.h5"), "--json")["data_digest"]

    def same_as_arrays(self, uris, X, y):
        folder = self.path(f"arrays{next(self.runs)}")
        os.mkdir(folder)
        with np.errstate(over="ignore"):
            np.save(os.path.join(folder, "X.npy"), np.asarray(X, np.float64).astype(np.float32))
        np.save(os.path.join(folder, "y.npy"), np.asarray(y, np.int64))
        wanted = self.digest(f"npy:{folder}")
        for uri in uris:
            self.assertEqual(self.digest(uri), wanted, uri)

    def test_csv_is_read_as_python_reads_it(self):
        separators = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
        dialects = itertools.product(separators, ["\n", "\r\n", "\r"], [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], [True, False])
        for seed, (name, end, quoting, header) in enumerate(dialects):
            draw = random.Random(seed)
            path = self.path(f"{seed}.csv")
            with (gzip.open if seed % 3 == 0 else open)(path, "wt", encoding="utf-8-sig" if seed % 2 else "utf-8", newline="") as file:
                writer = csv.writer(file, delimiter=separators[name], lineterminator=end, quoting=quoting)
                if header:
                    writer.writerow(["note", *(f"x{j}" for j in range(5)), "class"])
                writer.writerows(table(draw, 60, 5, 0.1, quoting))
            with (gzip.open if seed % 3 == 0 else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
                rows = list(csv.reader(file, delimiter=separators[name]))[header:]
            classes = sorted(NAMES, key=str.encode)
            by_number = f"csv:{path}?sep={name}&header={'yes' if header else 'no'}&drop=0"
            by_name = f"csv:{path}?drop=note&label=class"               # a header and its separator are found
            self.same_as_arrays([by_number, by_name] if header else [by_number],
                                [[value(cell) for cell in row[1:-1]] for row in rows], [classes.index(row[-1]) for row in rows])

    def test_blanks_as_numpy_reads_them(self):
        path = self.path("blanks.txt")
        draw = random.Random(1)
        with open(path, "w") as file:
            for n in range(50):
                file.write(" " * (n % 3) + draw.choice(["  ", "\t", " "]).join([number(draw) for _ in range(4)] + [str(n % 3)]) + "\n")
        rows = np.genfromtxt(path)
        self.same_as_arrays([f"csv:{path}"], rows[:, :-1], rows[:, -1])

    def test_libsvm(self):
        path, rows, features = self.path("data.svm"), 80, 30
        for base, packed in itertools.product((0, 1), (False, True)):
            draw = random.Random(base)
            X, y = np.zeros((rows, features)), []
            with (gzip.open if packed else open)(path, "wt") as file:
                for n in range(rows):
                    used = [j for j in range(features) if n == 0 or draw.random() < 0.2]
                    text = {j: number(draw) for j in used}
                    label = n % 3 if n < 3 else draw.randrange(3)
                    file.write(f"{['-1', '+7', '100.0'][label]} {'qid:3 ' * (n % 2)}" +
                               " ".join(f"{j + base}:{text[j]}" for j in used) + (" # a comment 1:2" if n % 5 == 0 else "") + "\n")
                    y.append(label)
                    for j in used:
                        X[n, j] = float(text[j])
            self.same_as_arrays([f"libsvm:{path}", f"libsvm:{path}?base={base}"], X, y)


if __name__ == "__main__":
    unittest.main()
