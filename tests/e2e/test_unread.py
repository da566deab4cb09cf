"""Nobody reads what the command has to say: a pager that waits, Ctrl-S, a connection that stalls. Training goes on, and a stop is obeyed."""
import fcntl
import os
import pty
import shutil
import subprocess
import time
import unittest

from stopped_run import SOON, STOPPED, StoppedRun
from weft_run import command, environment, sets


class NobodyReads(StoppedRun):
    """stderr is full from the start, and nobody reads it until all is saved."""
    settings = StoppedRun.settings + sets(train__epochs=10**6, train__early_stop="none")

    def fill(self, reader, writer):
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        full = 0
        try:
            while True:
                full += os.write(writer, b".")
        except BlockingIOError:
            os.set_blocking(writer, True)
        return reader, writer

    def pipe(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        return self.fill(reader, writer)

    def start_unread(self, arguments, stream):
        reader, writer = stream()
        process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=writer, env=environment(TERM="xterm"))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(writer)
        return process, reader

    def read_to_the_end(self, process, reader):
        told = b""
        try:
            while piece := os.read(reader, 65536):
                told += piece
        except OSError:                                 # of a terminal whose other end is closed
            pass
        process.wait(SOON)
        return told.decode()

    def target(self, *run):
        try:
            return os.readlink(self.path(*run, "last.h5"))
        except FileNotFoundError:
            return None

    def wait_until_moved(self, *runs):
        for _ in range(2):
            before = [self.target(*run) for run in runs]
            self.wait_for(lambda: all(self.target(*run) not in (None, old) for run, old in zip(runs, before)))

    def wait_until_still(self, *runs):
        def is_still():
            before = [self.target(*run) for run in runs]
            time.sleep(0.4)
            return [self.target(*run) for run in runs] == before
        self.wait_for(is_still)

    def test_train(self):
        for stream, style in ((self.pipe, "lines"), (self.pipe, "bar"), (lambda: self.fill(*pty.openpty()), "bar")):
            process, reader = self.start_unread([*self.first("run"), "--progress", style], stream)
            self.wait_until_moved(["run"])
            process.terminate()
            self.wait_until_still(["run"])
            step = self.checkpoints("run")[-1]
            told = self.read_to_the_end(process, reader)
            self.assertEqual(process.returncode, STOPPED, told)
            self.assertIn(f"after step {step}; saved", told)
            shutil.rmtree(self.path("run"))

    def test_sweep(self):
        with open(self.path("study.ini"), "w", encoding="utf-8") as file:
            file.write("[data]\nsource = digits:?train=1200&test=200\n[network]\nhidden = 12, 8\n[train]\nbatch_size = 64\n"
                       "epochs = 1000000\nevaluate_every = 5 steps\n[checkpoint]\nevery = 3 steps\n[sweep]\nseeds = 1, 7\n")
        runs = [["sweep", "base", f"seed-{seed}"] for seed in (1, 7)]
        for style in ("lines", "bar"):
            process, reader = self.start_unread(["sweep", self.path("study.ini"), "--out", self.path("sweep"), "--progress", style,
                                                 "--jobs", 2], self.pipe)
            self.wait_until_moved(*runs)
            process.terminate()
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as children:
                self.wait_for(lambda: children.seek(0) == 0 and not children.read())
            for run in runs:
                self.ok("verify", self.path(*run, "last.h5"))
            told = self.read_to_the_end(process, reader)
            self.assertEqual(process.returncode, STOPPED, told)
            self.assertRegex(told, r"2 at a time[^$]*0 of 2 runs are over")
            shutil.rmtree(self.path("sweep"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
