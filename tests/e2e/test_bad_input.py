"""Bad input of every kind: one clear line, the documented exit code, nothing lost."""
import gzip
import os
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest

from weft_run import WeftTest, command, md5, sets, weft

SMALL = ["--data", "digits:?train=200&test=50", *sets(train__steps=2, train__batch_size=32)]
OK, USAGE, DATA, NO_INPUT, RESOURCE, CREATE, IO, SETTINGS = 0, 64, 65, 66, 69, 73, 74, 78


def idx(magic, *dims, data=b""):
    return struct.pack(">I", magic) + b"".join(struct.pack(">I", d) for d in dims) + data


class BadData(WeftTest):
    """MNIST-like folders with one thing wrong."""

    def folder(self, **files):
        rows = 60
        good = {"train-images-idx3-ubyte": idx(0x803, rows, 4, 4, data=bytes(range(16)) * rows),
                "train-labels-idx1-ubyte": idx(0x801, rows, data=bytes(i % 3 for i in range(rows)))}
        good.update({name.replace("_", "-"): content for name, content in files.items()})
        for name, content in good.items():
            if content is not None:
                with open(self.path(name), "wb") as file:
                    file.write(content)
        return ["--data", f"idx:{self.directory.name}", *sets(train__steps=1, train__batch_size=8), "--out", self.path("run")]

    def refused(self, code, pattern, **files):
        self.fails(code, pattern, "train", *self.folder(**files))
        self.assertFalse(os.path.exists(self.path("run")), "no run directory for data that cannot be read")

    def test_the_good_folder_trains(self):
        self.ok("train", *self.folder())

    def test_missing_folder(self):
        self.fails(NO_INPUT, "nowhere", "train", "--data", "idx:/nowhere")

    def test_missing_labels(self):
        self.refused(NO_INPUT, "labels", train_labels_idx1_ubyte=None)

    def test_dimensions_whose_product_overflows(self):
        self.refused(DATA, "train-images", train_images_idx3_ubyte=idx(0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF))

    def test_dimensions_that_promise_more_than_the_file_has(self):
        self.refused(DATA, "train-images", train_images_idx3_ubyte=idx(0x803, 60000, 28, 28, data=bytes(100)))

    def test_truncated_header(self):
        self.refused(DATA, "train-images", train_images_idx3_ubyte=idx(0x803, 60)[:7])

    def test_empty_file(self):
        self.refused(DATA, "train-images", train_images_idx3_ubyte=b"")

    def test_trailing_bytes(self):
        self.refused(DATA, "train-labels", train_labels_idx1_ubyte=idx(0x801, 60, data=bytes(i % 3 for i in range(60)) + b"?"))

    def test_wrong_magic(self):
        self.refused(DATA, "89 50 4e 47.*wanted", train_images_idx3_ubyte=b"\x89PNG" + bytes(100))

    def test_damaged_gz(self):
        packed = bytearray(gzip.compress(idx(0x803, 60, 4, 4, data=os.urandom(960))))
        packed[len(packed) // 2] ^= 4
        self.refused(DATA, "train-images", train_images_idx3_ubyte=bytes(packed))

    def test_truncated_gz(self):
        packed = gzip.compress(idx(0x803, 60, 4, 4, data=os.urandom(960)))
        self.refused(DATA, "train-images", train_images_idx3_ubyte=packed[:-30])

    def test_count_mismatch(self):
        self.refused(DATA, "59", train_labels_idx1_ubyte=idx(0x801, 59, data=bytes(i % 3 for i in range(59))))

    def test_zero_rows(self):
        self.refused(DATA, "0|no rows", train_images_idx3_ubyte=idx(0x803, 0, 4, 4), train_labels_idx1_ubyte=idx(0x801, 0))

    def test_path_that_no_uri_can_name(self):
        os.mkdir(self.path("what?"))
        self.ok("digits", "--out", self.path("what?", "data"), "--train", 50, "--test", 10)
        done = subprocess.run(command("train", "--data", "idx:data", "--out", self.path("run")), cwd=self.path("what?"),
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, SETTINGS)
        self.assertIn("'?'", done.stderr)

    def test_one_class(self):
        self.refused(DATA, "class", train_labels_idx1_ubyte=idx(0x801, 60, data=bytes(60)))

    def test_test_label_out_of_range(self):
        self.refused(DATA, "label", t10k_images_idx3_ubyte=idx(0x803, 2, 4, 4, data=bytes(32)),
                     t10k_labels_idx1_ubyte=idx(0x801, 2, data=bytes([0, 9])))


class BadSettings(WeftTest):
    def refused(self, code, pattern, *arguments):
        self.fails(code, pattern, "train", *SMALL, *arguments, "--out", self.path("run"))
        self.assertFalse(os.path.exists(self.path("run")))

    def test_unknown_setting_suggests_the_nearest(self):
        self.refused(SETTINGS, "optimizer.learning_rate", *sets(optimizer__learning_rat=1))

    def test_unknown_value_lists_the_known(self):
        self.refused(SETTINGS, "momentum", *sets(optimizer__name="momentun"))

    def test_out_of_range(self):
        self.refused(SETTINGS, "dropout", *sets(network__dropout=1))
        self.refused(SETTINGS, "batch_size", *sets(train__batch_size=0))
        self.refused(SETTINGS, "learning_rate", *sets(optimizer__learning_rate="nan"))

    def test_contradictions(self):
        self.refused(SETTINGS, "activation", *sets(network__hidden="3, 4, 5", network__activation="relu, tanh"))
        self.refused(SETTINGS, "early_stop", *sets(train__early_stop="test_cost"))
        self.refused(SETTINGS, "epochs", *sets(train__epochs=0, train__steps=0))
        self.refused(SETTINGS, "warmup", *sets(schedule__name="cosine", schedule__warmup=500, train__epochs=2, train__steps=0))

    def test_batch_larger_than_the_data(self):
        self.refused(SETTINGS, "batch_size is 1000.*180", *sets(train__batch_size=1000))

    def test_threads(self):
        self.ok("train", *SMALL, "--threads", 0, "--out", self.path("zero"))
        self.assertIn(weft("train", *SMALL, "--threads", 10000, "--out", self.path("many")).returncode, (USAGE, SETTINGS))
        self.assertFalse(os.path.exists(self.path("many")))

    def test_ini_errors_name_file_and_line(self):
        with open(self.path("run.ini"), "w", encoding="utf-8") as file:
            file.write("[train]\nseed = 1\n\n[network]\nhiden = 20\n")
        self.fails(SETTINGS, r"run\.ini:5.*network\.hidden", "train", self.path("run.ini"), "--out", self.path("run"))

    def test_unknown_data_scheme(self):
        self.fails(SETTINGS, "idx", "train", "--data", "mnist:/somewhere", "--out", self.path("run"))

    def test_usage(self):
        self.fails(USAGE, "trian.*train", "trian")
        self.fails(USAGE, "--thread.*--threads", "train", "--thread", "2")

    def test_unknown_instruction_set(self):
        self.fails(SETTINGS, "WEFT_ISA", "train", *SMALL, "--out", self.path("run"), WEFT_ISA="mmx")


class BadOutput(WeftTest):
    def test_directory_that_holds_a_run(self):
        self.ok("train", *SMALL, "--out", self.path("run"))
        before = md5(self.path("run", "last.h5"))
        self.fails(CREATE, "holds a run", "train", *SMALL, "--out", self.path("run"))
        self.assertEqual(md5(self.path("run", "last.h5")), before)

    def test_files_of_other_programs_are_left_alone(self):
        os.mkdir(self.path("mine"))
        with open(self.path("mine", "history.csv"), "w", encoding="utf-8") as file:
            file.write("mine")
        self.fails(CREATE, "history.csv", "train", *SMALL, "--out", self.path("mine"))
        os.mkdir(self.path("sweep"))
        with open(self.path("sweep", "sweep.ini"), "w", encoding="utf-8") as file:
            file.write("[sweep]\nseeds = 1\n")
        self.fails(CREATE, "holds a sweep", "train", *SMALL, "--out", self.path("sweep"))
        self.assertEqual(sorted(os.listdir(self.path("sweep"))), ["lock", "sweep.ini"])
        with open(self.path("mine", "history.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_closed_streams(self):
        """What is printed must not end in a file that took the number of a closed stream."""
        for stream, code in ((1, IO), (2, OK)):
            out = self.path(f"closed-{stream}")
            done = subprocess.run(command("train", *SMALL, "--out", out), capture_output=True, timeout=60,
                                  preexec_fn=lambda: os.close(stream))
            self.assertEqual(done.returncode, code, done.stderr)
            with open(os.path.join(out, "lock"), encoding="utf-8") as file:
                self.assertRegex(file.read(), r"\Aprocess \d+, [0-9.]+ s, \d+ *\n\Z")

    def test_output_is_a_file(self):
        open(self.path("file"), "w").close()
        self.fails(CREATE, "file", "train", *SMALL, "--out", self.path("file"))
        self.fails(CREATE, "file", "train", *SMALL, "--out", self.path("file", "below"))

    def test_locked_run(self):
        slow = [*SMALL, *sets(train__steps=10**9, train__epochs=0)]
        process = subprocess.Popen(command("train", *slow, "--out", self.path("run")), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            while not os.path.exists(self.path("run", "last.h5")):
                self.assertIsNone(process.poll())
            self.fails(RESOURCE, "lock|another process", "resume", self.path("run"))
        finally:
            process.terminate()
            process.wait()

    def test_file_size_limit(self):
        """A disk that takes no more: exit 74, and what was saved stays whole."""
        def small_files_only():
            resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
        done = subprocess.run(command("train", *SMALL, "--out", self.path("run")), capture_output=True, text=True,
                              preexec_fn=small_files_only)
        self.assertEqual(done.returncode, IO, done.stderr)
        self.assertRegex(done.stderr, "step-0.h5.*(too large|space)")
        self.assertEqual(os.listdir(self.path("run")), ["lock"], "a run that could not be set up leaves none behind")

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small tmpfs needs root")
    def test_full_disk(self):
        mount = tempfile.mkdtemp(prefix="weft-full-")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs here")
        try:
            self.fails(IO, "No space left", "train", *SMALL, *sets(network__hidden=128), "--out", os.path.join(mount, "run"))
            self.assertEqual(os.listdir(os.path.join(mount, "run")), ["lock"])
        finally:
            subprocess.run(["umount", mount], check=True)
            os.rmdir(mount)

    def test_stdout_that_fails(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command("train", *SMALL, "--out", self.path("run"), "--json"), stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, IO, done.stderr)
        self.ok("verify", os.path.realpath(self.path("run", "last.h5")))


class NonFinite(WeftTest):
    def test_exit_65_and_no_checkpoint_holds_it(self):
        wild = sets(optimizer__name="sgd", optimizer__learning_rate=1e12, train__steps=50, checkpoint__every="1 steps")
        done = weft("train", *SMALL, *wild, "--out", self.path("run"))
        self.assertEqual(done.returncode, DATA, done.stderr)
        self.assertRegex(done.stderr, "step [0-9]+.*not finite|overflow")
        import h5py
        import numpy as np
        names = [n for n in os.listdir(self.path("run")) if n.startswith("step-")]
        self.assertTrue(names)
        for name in names:
            with h5py.File(self.path("run", name), "r") as file:
                for layer in file["layers"].values():
                    self.assertTrue(np.isfinite(layer["weight"][:]).all())


class Damage(WeftTest):
    """tests/test_checkpoint.c flips every bit of a small file; here the command meets some of them."""

    def test_cut_and_flipped_checkpoints(self):
        self.ok("train", *SMALL, *sets(network__hidden=3), "--out", self.path("run"))
        with open(self.path("run", "last.h5"), "rb") as file:
            whole = file.read()
        damaged = self.path("damaged.h5")
        cases = [whole[:n] for n in (0, 1, 63, 64, 100, len(whole) // 2, len(whole) - 64, len(whole) - 1)]
        cases += [whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1:] for at in
                  (0, 9, 200, len(whole) // 3, len(whole) - 64, len(whole) - 40, len(whole) - 1)]
        cases += [whole + b"\0", b"hello", os.urandom(5000)]
        for content in cases:
            with open(damaged, "wb") as file:
                file.write(content)
            for verb in ("verify", "eval", "inspect"):
                self.assertEqual(weft(verb, damaged).returncode, DATA)

    def test_an_edited_file_needs_its_seal_again(self):
        import h5py
        self.ok("train", *SMALL, "--out", self.path("run"))
        edited = self.path("run", "edited.h5")
        shutil.copy(self.path("run", "last.h5"), edited)
        with h5py.File(edited, "r+") as file:
            file["layers/01/bias"][0] = 1.5
        self.fails(DATA, "seal", "eval", edited)
        self.ok("eval", edited, "--unsealed")
        self.ok("inspect", edited, "--unsealed")
        self.ok("verify", edited, "--seal")
        self.ok("verify", edited)
        self.ok("eval", edited)

    def test_no_whole_checkpoint_is_an_error_not_a_fresh_start(self):
        self.ok("train", *SMALL, "--out", self.path("run"))
        for name in os.listdir(self.path("run")):
            if name.startswith("step-"):
                os.truncate(self.path("run", name), 100)
        self.fails(DATA, "step-", "resume", self.path("run"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
