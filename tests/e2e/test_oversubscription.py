"""More threads than cores, and less time than the cores have: a run gets slower, but it does not collapse."""
import json
import os
import shutil
import subprocess
import unittest

from weft_run import WeftTest, command, sets

CORES_MAX = 4                           # a step is a matter of as many threads: with 8 x 64 of them its work would be too small for each
CORES = sorted(os.sched_getaffinity(0))[:CORES_MAX]
ROUNDS, ROUNDS_MAX = 5, 30              # the best of 5; on a machine that others use, of more
PERIOD_US = 20000


class Work:
    """A run, and how many times slower it may get. Where threads spin in each other's way it is a hundred times."""
    def __init__(self, hidden, batch_size, steps, slower):
        self.slower = slower
        self.arguments = ["--data", "digits:?train=2000&test=100",
                          *sets(network__hidden=hidden, train__batch_size=batch_size, train__steps=steps, train__epochs=0,
                                train__evaluate_every="never", checkpoint__every="never")]


STEPS_OF_1_MS = Work(256, 512, 150, slower=3)           # of a halved quota, 2 are the quota itself
STEPS_OF_80_US = Work(64, 128, 500, slower=15)          # here each thread's turn at a barrier costs as much as its share of a step


def groups():
    """Where a group with a quota might be made: (directory, {file: what halves the quota})."""
    half = PERIOD_US * len(CORES) // 2
    v1 = {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": half}
    v2 = {"cpu.max": f"{half} {PERIOD_US}"}
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for _, controllers, group in (line.rstrip("\n").split(":", 2) for line in file):
            if "cpu" in controllers.split(","):
                yield "/sys/fs/cgroup/cpu" + group, v1
            if controllers == "":
                yield "/sys/fs/cgroup" + group, v2
                yield "/sys/fs/cgroup", v2


def make_group():
    """A group whose processes get half of the cores; None: no right to make one."""
    for directory, files in groups():
        group = os.path.join(directory, f"weft-test-{os.getpid()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            for name, text in files.items():
                if not os.path.exists(os.path.join(group, name)):
                    raise FileNotFoundError(name)
                with open(os.path.join(group, name), "w", encoding="utf-8") as file:
                    file.write(str(text))
            return group
        except OSError:
            os.rmdir(group)
    return None


class Compared(WeftTest):
    def seconds(self, work, threads, group=None):
        def enter():
            os.sched_setaffinity(0, CORES)
            if group is not None:
                with open(os.path.join(group, "cgroup.procs"), "w", encoding="utf-8") as file:
                    file.write("0")
        arguments = ["train", *work.arguments, "--threads", threads, "--out", self.path("run"), "--json", "--progress", "none"]
        done = subprocess.run(command(*arguments), stdout=subprocess.PIPE, text=True, timeout=300, check=True,
                              preexec_fn=enter)
        shutil.rmtree(self.path("run"))
        summary = json.loads(done.stdout)
        self.digests.add(summary["weights_digest"])
        return summary["training_time_s"]

    def compare(self, work, settings):
        """Interleaved, so that all meet the same others on the machine; the first is what they are held against."""
        self.digests, best = set(), dict.fromkeys(settings, float("inf"))
        for number in range(1, ROUNDS_MAX + 1):
            for name, how in settings.items():
                best[name] = min(best[name], self.seconds(work, *how))
            against = next(iter(best.values()))
            slower = max(best.values()) / against
            if number >= ROUNDS and (slower <= work.slower or slower > 5 * work.slower):
                break
        told = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in best.items())
        print(f"best of {number}: {told}")
        self.assertLessEqual(slower, work.slower, told)
        self.assertEqual(len(self.digests), 1, "the same bits")


class Oversubscription(Compared):
    def test_more_threads_than_cores(self):
        cores = len(CORES)
        for work in STEPS_OF_1_MS, STEPS_OF_80_US:
            self.compare(work, {f"{times} x {cores} threads": (times * cores,) for times in (1, 2, 8)})


class HalvedQuota(Compared):
    def test_half_the_quota(self):
        group = make_group()
        if group is None:
            self.skipTest("no right to make a cgroup with a CPU quota")
        self.addCleanup(os.rmdir, group)
        cores = len(CORES)
        self.compare(STEPS_OF_1_MS,
                     {f"{cores} threads": (cores,), "half the quota": (cores, group), "half the quota, threads by it": (0, group)})


if __name__ == "__main__":
    unittest.main(verbosity=2)
