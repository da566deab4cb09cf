"""Running the command on a disk that fails or hangs, or with a signal at a certain call: faulty_disk.c as tests see it."""
import os

from weft_run import ROOT

LIBRARY = os.path.join(os.environ.get("WEFT_BUILD", os.path.join(ROOT, "build")), "tests", "faulty_disk.so")
# Between two of these nothing on the disk changes, so a process that is killed there leaves what it would have left at the second.
CHANGES = ("openat", "write", "renameat", "symlinkat", "linkat", "unlinkat", "unlink", "mkdir")


def is_missing():
    """Why there is no such disk here, or ""."""
    return "" if os.path.exists(LIBRARY) else f"no {LIBRARY}"


def faulty_disk(directory, do=None, at=1, calls=None, names=None, log=None):
    """The environment for it. `do` as in FAULTY_DO, at the call of this number of those that count, or (first, last), or (first, None)
    for ever."""
    first, last = at if isinstance(at, tuple) else (at, at)
    variables = {"FAULTY_DIRECTORY": os.path.realpath(directory), "FAULTY_DO": do, "FAULTY_FIRST": first if do else None,
                 "FAULTY_LAST": last, "FAULTY_CALLS": ",".join(calls) if calls else None, "FAULTY_NAMES": names, "FAULTY_LOG": log,
                 "LD_PRELOAD": LIBRARY}
    asan = os.environ.get("ASAN_OPTIONS", "")                   # which wants to be loaded first, but need not be
    variables["ASAN_OPTIONS"] = ":".join(filter(None, (asan, "verify_asan_link_order=0")))
    return {name: str(value) for name, value in variables.items() if value is not None}


def calls_in(log):
    """[(call, path)] of a log; [] as long as there is none."""
    try:
        with open(log, encoding="utf-8") as file:
            return [tuple(line.rstrip("\n").split(" ", 1)) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []
