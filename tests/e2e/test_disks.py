"""A disk that is full, fails, or hangs: training goes on; a save that failed is told of, tried again at the next interval with a fresh
file, and shows in the exit code if it was the last; what was saved before is whole."""
import errno
import os
import pty
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from signal import SIGSTOP, SIGTERM
from threading import Thread

import faulty_disk
from faulty_disk import calls_in
from stopped_run import SOON, STOPPED, StoppedRun, steps_told
from weft_run import command, environment, sets, weft

CREATE, IO = 73, 74
HANG_S = float(os.environ.get("WEFT_HANG", "5"))         # seconds; the long form takes 120
CALLS = int(os.environ.get("WEFT_KILLS", "12"))          # of each kind of fault
needs_disk = unittest.skipIf(faulty_disk.is_missing(), faulty_disk.is_missing())


def failures(told):
    """The failed saves that it has told of."""
    return re.findall(r"^note: a save failed: (.*)$", told, re.M)


@needs_disk
class Failing(StoppedRun):
    """The first calls are those of the start, whose save has to succeed: what is named here is later."""
    settings = StoppedRun.settings + sets(train__epochs=3, train__early_stop="none")

    def disk(self, do, at=(1, None), calls=("fsync",), names=".step-[1-9]*", log=None):
        return faulty_disk.faulty_disk(self.path("run"), do, at, calls, names, log)

    def test_for_ever(self):
        self.know_reference()
        for number in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
            log = self.path("log")
            done = weft(*self.first("run"), **self.disk(f"error {number}", log=log))
            self.assertEqual(done.returncode, IO, done.stderr)
            told, last = failures(done.stderr), done.stderr.splitlines()[-1]
            self.assertGreater(len(told), 1, "it was tried again")
            for message in [*told, last]:
                self.assertIn(os.strerror(number), message)
                self.assertRegex(message, re.escape(self.path("run")) + r"/step-\d+\.h5")
            self.assertTrue(last.startswith("weft train: "), done.stderr)
            files = [path for _, path in calls_in(log)]
            self.assertGreaterEqual(len(files), len(told) + 1)
            self.assertEqual(len(files), len(set(files)), "each time a fresh file")
            self.assertEqual(self.checkpoints("run"), [0])
            self.ok("verify", self.path("run", "last.h5"))
            self.assertEqual(self.temporaries("run"), [])
            self.finish("run", f"after {number}")
            shutil.rmtree(self.path("run"))
            os.remove(log)

    def test_once(self):
        self.know_reference()
        for call in ("openat", "write", "fsync", "close"):
            done = weft(*self.first("run"), **self.disk(f"error {errno.ENOSPC}", at=1, calls=[call]))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(failures(done.stderr)), 1, done.stderr)
            self.assertEqual(self.digests("run"), self.want)
            self.assertEqual(self.temporaries("run"), [])
            shutil.rmtree(self.path("run"))

    def test_links(self):
        """The checkpoint is there, only nobody has been told of it: resume finds it."""
        self.know_reference()
        for calls, at in ((["renameat"], (2, None)), (["symlinkat"], (2, None))):
            done = weft(*self.first("run"), **self.disk(f"error {errno.EIO}", at, calls, names="*last.h5*"))
            self.assertIn(done.returncode, (CREATE, IO), done.stderr)
            self.assertEqual(os.readlink(self.path("run", "last.h5")), "step-0.h5")
            self.assertRegex(done.stderr, r"last\.h5.*" + os.strerror(errno.EIO))
            self.finish("run", "after links that could not be set")
            shutil.rmtree(self.path("run"))

    def test_interrupted_calls_are_made_again(self):
        """Calls that say EINTR, and writes that take only a half, are no failures."""
        self.know_reference()
        for call in ("openat", "write", "fsync", "flock"):
            self.settle(f"error {errno.EINTR}", self.rng.randint(1, 1 if call == "flock" else 15), [call])
        self.settle("short", (1, None), ["write"])

    def settle(self, do, at, calls):
        done = weft(*self.first("run"), **self.disk(do, at, calls, names=None))
        message = f"{do} at {calls[0]} {at}: {done.stderr}"
        self.assertEqual((done.returncode, "note:" in done.stderr), (0, False), message)
        self.assertEqual(self.digests("run"), self.want, message)
        shutil.rmtree(self.path("run"))

    def test_any_call_once(self):
        """Whatever fails, and wherever: exit code 0 and the right bytes, or a failure that names file and cause, and the rest when it
        resumes."""
        self.know_reference()
        log, ends = self.path("log"), []
        self.ok(*self.first("run"), "--progress", "none", **faulty_disk.faulty_disk(self.path("run"), log=log))
        shutil.rmtree(self.path("run"))
        calls = len(calls_in(log))
        for at in sorted(self.rng.sample(range(1, calls + 1), min(CALLS, calls))):
            number = self.rng.choice([errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EMFILE])
            done = weft(*self.first("run"), **self.disk(f"error {number}", at, calls=None, names=None))
            ends.append(done.returncode)
            message = f"error {number} at call {at}: {done.stderr}"
            self.assertIn(done.returncode, (0, CREATE, IO), message)
            if done.returncode != 0:
                self.assertRegex(done.stderr.splitlines()[-1], re.escape(self.path("run")) + ".*" + os.strerror(number), message)
            self.assertLessEqual(len(self.temporaries("run")), 1, message)
            if self.checkpoints("run"):
                self.ok("verify", self.path("run", "last.h5"))
            self.finish("run", message)
            shutil.rmtree(self.path("run"))
        print(f"one of {calls} file calls failed, {len(ends)} times: exit codes {sorted(set(ends))}")


@needs_disk
@unittest.skipUnless(os.geteuid() == 0, "mounting a small tmpfs needs root")
class Full(StoppedRun):
    """The disk hangs in the second save until it is full, so that it makes no difference how fast that goes. Where something has to
    happen before the run ends, it has no end."""
    EPOCHS, ENDLESS = 12, sets(train__epochs=10**6)
    settings = StoppedRun.settings + sets(train__epochs=EPOCHS, train__early_stop="none", checkpoint__every="1 steps", checkpoint__keep=1)
    BEGIN_OF_THE_SECOND = 3                             # of the calls on checkpoints: the first is made and renamed, then

    def setUp(self):
        super().setUp()
        self.mount = tempfile.mkdtemp(prefix="weft-full-")
        self.addCleanup(os.rmdir, self.mount)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.mount], capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs here")
        self.addCleanup(subprocess.run, ["umount", self.mount], check=True)
        self.know_reference()

    def path(self, *names):
        """The run is on the small disk."""
        return os.path.join(self.mount if names[:1] == ("run",) else self.directory.name, *names)

    def fill(self):
        """Until the disk takes no more."""
        with open(os.path.join(self.mount, "filler"), "ab", buffering=0) as file, self.assertRaises(OSError) as caught:
            while True:
                file.write(bytes(4096))
        self.assertEqual(caught.exception.errno, errno.ENOSPC)

    def make_room(self):
        os.remove(os.path.join(self.mount, "filler"))

    def saves(self):
        """The checkpoints that were put in their places, as names of files."""
        return [os.path.basename(path) for call, path in calls_in(self.path("log")) if call == "renameat"]

    def start_and_fill(self, *more):
        """A run whose saves fail from the second on."""
        hang, log = self.path("hang"), self.path("log")
        open(hang, "w", encoding="utf-8").close()
        disk = faulty_disk.faulty_disk(self.path("run"), f"wait {hang}", self.BEGIN_OF_THE_SECOND, ["openat", "renameat"], "*step-*", log)
        process = self.start([*self.first("run"), *more], **disk)
        self.wait_for(lambda: len(calls_in(log)) >= self.BEGIN_OF_THE_SECOND)
        self.assertEqual([call for call, _ in calls_in(log)], ["openat", "renameat", "openat"])
        self.fill()
        os.remove(hang)
        return process

    def wait_until_told(self, process):
        """Of a save that failed, and it goes on."""
        self.wait_for(lambda: failures(process.told()))
        self.assertIsNone(process.poll(), process.told())
        self.assert_told(failures(process.told())[0])

    def assert_told(self, message):
        self.assertRegex(message, re.escape(self.path("run")) + r"/step-\d+\.h5: .*No space left on device")

    def test_full_and_empty_again(self):
        process = self.start_and_fill(*self.ENDLESS)
        self.wait_until_told(process)
        self.assertEqual(self.saves(), ["step-0.h5"])
        self.ok("verify", self.path("run", "step-0.h5"))
        self.make_room()
        self.wait_for(lambda: len(self.saves()) > 2)
        process.terminate()
        self.assertEqual(process.wait(SOON), STOPPED, process.told())
        self.assertEqual(self.temporaries("run"), [])
        step = self.checkpoints("run")[-1]
        straight = sets(train__epochs=0, train__steps=step, checkpoint__every="never")
        digest = self.ok(*self.first("straight"), *straight, "--json")["weights_digest"]
        self.assertEqual(self.ok("inspect", self.path("run"), "--json")["weights_digest"], digest)

    def test_full_at_the_end(self):
        process = self.start_and_fill()
        self.assertEqual(process.wait(SOON), IO, process.told())
        self.assert_told(process.told().splitlines()[-1])
        self.assertGreater(len(failures(process.told())), 0)
        self.go_on()

    def test_stopped_while_full(self):
        """It cannot be saved, so this is not exit code 75."""
        process = self.start_and_fill(*self.ENDLESS)
        self.wait_until_told(process)
        process.terminate()
        self.assertEqual(process.wait(SOON), IO, process.told())
        self.assert_told(process.told().splitlines()[-1])
        self.go_on()

    def next(self, run, threads=2):
        """Also where it had no end."""
        return [*super().next(run, threads), "--epochs", self.EPOCHS]

    def go_on(self):
        self.ok("verify", os.path.realpath(self.path("run", "last.h5")))
        self.assertEqual(self.temporaries("run"), [])
        self.make_room()
        self.finish("run", "after a full disk")


@needs_disk
class Hanging(StoppedRun):
    """Snapshots of 5 MB, one wanted at every step, and a disk that hangs in the save after the first until it is let go."""
    data = ["--data", "digits:?train=3000&test=50"]
    settings = sets(network__hidden=512, train__batch_size=32, train__epochs=10**6, train__evaluate_every="5 steps",
                    train__evaluate="test", checkpoint__every="1 steps", data__validation_fraction=0)
    SNAPSHOT_BYTES = 3 * 4 * (784 * 512 + 512 * 10)
    EVALUATION_BYTES = 16384            # its row and its 2.4 KB of figures of the layers, in arrays that double

    def hang(self, call, names=".step-[1-9]*"):
        """(process, what lets it go)"""
        hang, log = self.path("hang"), self.path("log")
        open(hang, "w", encoding="utf-8").close()
        disk = faulty_disk.faulty_disk(self.path("run"), f"wait {hang}", 1, [call], names, log)
        process = self.start(self.first("run"), **disk)
        self.wait_for(lambda: calls_in(log) != [])
        return process, lambda: os.remove(hang)

    def memory_bytes(self, process):
        """As counted page by page: the number in status may be behind by megabytes where there are many cores."""
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="utf-8") as file:
            return 1024 * int(re.search(r"Rss:\s+(\d+)", file.read())[1])

    def assert_it_trains(self, process, seconds=0):
        """It tells of evaluations while the disk hangs, so long at least. Returns of how many."""
        before, end = len(steps_told(process)), time.monotonic() + seconds
        self.wait_for(lambda: len(steps_told(process)) > before + 2, max(SOON, 2 * seconds))
        time.sleep(max(0, end - time.monotonic()))
        self.assertIsNone(process.poll(), process.told())
        return len(steps_told(process)) - before

    def test_fsync(self):
        process, let_go = self.hang("fsync")
        self.assert_it_trains(process)
        before, checkpoints, memory = self.checkpoints("run"), len(self.names("run")), self.memory_bytes(process)
        rows = self.assert_it_trains(process, HANG_S)
        more = self.memory_bytes(process) - memory
        self.assertLess(more, 3 * self.SNAPSHOT_BYTES + len(steps_told(process)) * self.EVALUATION_BYTES)
        self.assertEqual((self.checkpoints("run"), len(self.names("run"))), (before, checkpoints), "one save at a time")
        self.assertEqual(len(self.temporaries("run")), 1)
        process.terminate()
        time.sleep(0.2)
        self.assertIsNone(process.poll(), "it waits for the save under way")
        let_go()
        self.assertEqual(process.wait(SOON), STOPPED, process.told())
        calls = calls_in(self.path("log"))
        self.assertEqual(len(calls), 2, "the save under way and that of the stop")
        self.assertEqual(failures(process.told()), [])
        step = self.checkpoints("run")[-1]
        self.assertGreaterEqual(step, steps_told(process)[-1])
        self.ok("verify", self.path("run", "last.h5"))
        print(f"{rows} evaluations in {HANG_S:g} s of a disk that hangs and {more / 1e6:.1f} MB for them, stopped and saved at step {step}")

    def test_history(self):
        """A line of a log is no reason to wait, either."""
        process, let_go = self.hang("write", "history.csv")
        self.assert_it_trains(process)
        let_go()
        process.terminate()
        self.assertEqual(process.wait(SOON), STOPPED, process.told())
        with open(self.path("run", "history.csv"), encoding="utf-8") as file:
            steps = [int(line.split(",")[0]) for line in file.read().splitlines()[1:]]
        self.assertEqual(steps, steps_told(process), "and no line is lost")

    def test_write_of_a_save(self):
        process, let_go = self.hang("write")
        self.assert_it_trains(process)
        let_go()
        process.terminate()
        self.assertEqual(process.wait(SOON), STOPPED, process.told())


@needs_disk
class Sweeping(StoppedRun):
    """Two runs side by side, the first saves of each of which fail: each says so at once, in lines of its own."""
    settings = ["--jobs", 2, "--threads", 2]
    ENDLESS = 10**6
    NOTE = r"^base, seed {seed}: note: a save failed: (.*/seed-{seed}/step-\d+\.h5: .*" + os.strerror(errno.ENOSPC) + ".*)$"

    def sweep(self, failures, epochs=ENDLESS):
        """The arguments of a sweep, and its environment."""
        with open(self.path("sweep.ini"), "w", encoding="utf-8") as file:
            file.write("[data]\nsource = digits:?train=600&test=100\n[network]\nhidden = 8\n[train]\nbatch_size = 50\n"
                       f"epochs = {epochs}\nevaluate_every = never\n[checkpoint]\nevery = 5 steps\n[sweep]\nseeds = 1, 2\n")
        disk = faulty_disk.faulty_disk(self.path("run"), f"error {errno.ENOSPC}", (1, failures), ["fsync"], ".step-[1-9]*")
        return ["sweep", self.path("sweep.ini"), "--out", self.path("run"), *self.settings], disk

    def notes(self, told):
        """How many notes each of the runs has made."""
        return [len(re.findall(self.NOTE.format(seed=seed), told, re.M)) for seed in (1, 2)]

    def test_notes_are_shown_at_once(self):
        for style in ("none", "lines"):
            arguments, disk = self.sweep(failures=1)
            process = self.start([*arguments, "--progress", style], **disk)
            self.wait_for(lambda: self.notes(process.told()) == [1, 1])
            self.assertIsNone(process.poll())
            process.terminate()
            self.assertEqual(process.wait(SOON), STOPPED, process.told())
            self.assertEqual(process.told().count("note:"), 2, "each is told once")
            self.assertIn("0 of 2 runs are over", process.told())
            shutil.rmtree(self.path("run"))

    def test_stopped_while_no_save_succeeds(self):
        """The runs cannot be saved, so this is not exit code 75."""
        arguments, disk = self.sweep(failures=None)
        process = self.start([*arguments, "--progress", "none"], **disk)
        self.wait_for(lambda: min(self.notes(process.told())) > 0)
        process.terminate()
        self.assertEqual(process.wait(SOON), IO, process.told())
        for seed in (1, 2):
            self.assertRegex(process.told(), rf"weft sweep: failed: base, seed {seed}: .*step-\d+\.h5: .*{os.strerror(errno.ENOSPC)}")
            self.ok("verify", self.path("run", "base", f"seed-{seed}", "last.h5"))

    def test_notes_of_runs_that_are_killed(self):
        """What a run has said is told, if both it and the sweep are stopped meanwhile."""
        arguments, disk = self.sweep(failures=None)
        process = self.start([*arguments, "--progress", "none"], **disk)
        self.wait_for(lambda: min(self.notes(process.told())) > 0)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as children:
            for run in children.read().split():         # so that they have not ended before the second signal
                os.kill(int(run), SIGSTOP)
        process.terminate()
        time.sleep(1.1)
        process.terminate()
        self.assertEqual(process.wait(SOON), 128 + SIGTERM, process.told())
        *whole, last = process.told().split("\n")
        self.assertEqual(last, "")
        for line in whole:
            self.assertRegex(line, r"\A(base, seed [12]: |weft sweep: )")

    def test_nobody_reads_the_notes(self):
        """The runs go on to their ends, whose notes are there when somebody does."""
        FAILURES, full = 2, 0
        arguments, disk = self.sweep(FAILURES, epochs=1000)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                full += os.write(writer, b"." * 4096)
        except BlockingIOError:
            os.set_blocking(writer, True)
        process = subprocess.Popen(command(*arguments, "--progress", "none"), stdout=subprocess.DEVNULL, stderr=writer,
                                   env=environment(**disk))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(writer)
        self.wait_for(lambda: all(os.path.exists(self.path("run", "base", f"seed-{seed}", "evaluation.h5")) for seed in (1, 2)))
        self.assertIsNone(process.poll(), "it has not told them yet")
        with open(reader, "rb") as file:
            told = file.read()[full:].decode()
        self.assertEqual(process.wait(SOON), 0, told)
        self.assertEqual(self.notes(told), [FAILURES] * 2, told)
        self.assertEqual(len(told.splitlines()), 2 * FAILURES, told)

    def test_notes_above_the_bar(self):
        """The bar is erased before a note and drawn again below it."""
        arguments, disk = self.sweep(failures=3)
        reader, writer = pty.openpty()
        self.addCleanup(os.close, reader)
        seen = []

        def read():
            try:
                while piece := os.read(reader, 65536):
                    seen.append(piece)
            except OSError:                             # the other end is closed
                pass
        thread = Thread(target=read)
        thread.start()
        self.addCleanup(thread.join)
        process = subprocess.Popen(command(*arguments, "--progress", "bar"), stdout=subprocess.DEVNULL, stderr=writer,
                                   env=environment(TERM="xterm", **disk))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(writer)

        def shown():
            """The lines, of each what is left after the last time it was erased."""
            return [line.rpartition("\r\033[K")[2] for line in b"".join(seen).decode().split("\r\n")]
        self.wait_for(lambda: self.notes("\n".join(shown())) == [3, 3] and "runs" in shown()[-1])
        self.assertIsNone(process.poll())
        process.terminate()
        self.assertEqual(process.wait(SOON), STOPPED)
        thread.join(SOON)
        head, *rest = shown()
        self.assertRegex(head, "1 combination, 2 runs")
        for line in rest:
            self.assertRegex(line, r"\A(base, seed [12]: note: |[\d.]+ s for 2 runs|weft sweep: stopped|)")
        self.assertGreater(b"".join(seen).count(b"] 0 of 2 runs"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
