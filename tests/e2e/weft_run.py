"""What the end-to-end tests share: running the command, waiting for what it does, and finding data. The binary is in the environment
variable WEFT."""
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
import unittest
from signal import SIGTERM

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEFT = os.environ.get("WEFT", os.path.join(ROOT, "build", "weft"))
DATA = os.environ.get("WEFT_DATA", os.path.join(os.path.dirname(ROOT), "shared", "data"))
MNIST = os.path.join(DATA, "mnist")
SOON = float(os.environ.get("WEFT_SOON", 120))    # seconds; what must not wait for something took minutes, on a machine with much else to do, too


def sets(**settings):
    """network__hidden="20, 7" becomes --set network.hidden=20, 7"""
    return [word for name, value in settings.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]


def command(*arguments):
    return [WEFT, *map(str, arguments)]


def environment(**variables):
    return {**os.environ, **variables}


def weft(*arguments, **variables):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=600, env=environment(**variables))


def md5(path):
    with open(path, "rb") as file:
        return hashlib.md5(file.read()).hexdigest()


def has_signal(pid, field="SigCgt", number=SIGTERM):
    """Whether a mask of signals of the process has this one: SigCgt, those it has taken over; ShdPnd, those that wait for it."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        mask = int(re.search(rf"{field}:\s*([0-9a-f]+)", file.read())[1], 16)
    return bool(mask >> (number - 1) & 1)


def wait_until(condition, seconds=SOON):
    """For as long as it is false."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it has not come about in {seconds} s")
        time.sleep(0.002)


def wait_for_handlers(process, number=SIGTERM):
    """Until the signal no longer ends it by itself. A process that is over fails the test."""
    def has_handler():
        if process.poll() is not None:
            raise AssertionError(f"it was over before it took signals, with exit code {process.returncode}")
        return has_signal(process.pid, number=number)
    wait_until(has_handler)


class WeftTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="weft-test-")
        self.addCleanup(self.directory.cleanup)

    def path(self, *names):
        return os.path.join(self.directory.name, *names)

    def ok(self, *arguments, **variables):
        """Run and return the parsed JSON, or the text if --json is not asked for."""
        done = weft(*arguments, **variables)
        self.assertEqual(done.returncode, 0, f"weft {' '.join(map(str, arguments))}\n{done.stderr}")
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def fails(self, code, pattern, *arguments, **variables):
        """One clear line on stderr, this exit code, nothing on stdout."""
        done = weft(*arguments, **variables)
        self.assertEqual(done.returncode, code, f"weft {' '.join(map(str, arguments))}\n{done.stderr}")
        self.assertRegex(done.stderr, pattern)
        lines = [line for line in done.stderr.splitlines() if line.startswith("weft")]
        self.assertEqual(len(lines), 1, done.stderr)
        return done
