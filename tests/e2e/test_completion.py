"""What bash completes after weft: in a shell that is given the words as readline gives them, and in one with a terminal."""
import os
import pty
import re
import select
import shlex
import subprocess
import unittest

from weft_run import WeftTest, environment, weft

DRIVER = """
source "$SCRIPT"
_weft
printf '%s\\n' "${COMPREPLY[@]}"
"""


def cut(line):
    """The words of COMP_WORDS: white space ends them, runs of '=' and ':' are words of their own."""
    words = re.findall(r"[=:]+|(?:\\.|[^\s=:])+", line)
    return words + [""] if line[-1] in " =:" else words


class Completion(WeftTest):
    def setUp(self):
        super().setUp()
        self.script = self.path("weft.bash")
        with open(self.script, "w") as file:
            file.write(self.ok("completion", "bash"))
        for directory in ["data/mnist", "data/my digits", "run"]:
            os.makedirs(self.path("here", directory))
        for name in ["run/last.h5", "run/history.csv", "study.ini", "notes.txt", "data/iris.csv"]:
            open(self.path("here", name), "w").close()

    def offered(self, line, words=None, before=""):
        """What the last word of the line can become, as readline sees it: after its last cut."""
        words = words or cut(line)
        variables = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}\n" \
                    f"COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}\n"
        done = subprocess.run(["bash", "--norc", "-c", before + variables + DRIVER], cwd=self.path("here"), text=True,
                              timeout=60, capture_output=True, env=environment(SCRIPT=self.script))
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return [word for word in done.stdout.split("\n") if word != ""]

    def test_the_script_is_good(self):
        subprocess.run(["bash", "-n", self.script], check=True)
        try:
            done = subprocess.run(["shellcheck", "-s", "bash", self.script], capture_output=True, text=True)
        except FileNotFoundError:
            return
        self.assertEqual(done.stdout, "")

    def test_verbs(self):
        verbs = re.findall(r"(?m)^  weft (\w+)", self.ok("help"))
        self.assertEqual(self.offered("weft "), [*verbs, "help", "version"])
        self.assertEqual(self.offered("weft tra"), ["train"])
        self.assertEqual(self.offered("weft help ins"), ["inspect"])
        self.assertEqual(self.offered("weft help da"), ["data"])

    def test_options_of_every_verb(self):
        for verb in re.findall(r"(?m)^  weft (\w+)", self.ok("help")):
            options = re.findall(r"(?m)^  (?:-h, )?(--[a-z-]+)", self.ok(verb, "--help"))
            self.assertEqual(self.offered(f"weft {verb} --"), options)
        self.assertEqual(self.offered("weft eval run --uns"), ["--unsealed"])
        self.assertEqual(self.offered("weft eval -- --uns"), [])

    def test_words(self):
        self.assertEqual(self.offered("weft train --progress "), ["auto", "bar", "lines", "none"])
        self.assertEqual(self.offered("weft train --progress=b"), ["bar"])
        self.assertEqual(self.offered("weft eval run --split "), ["train", "validation", "test", "all"])
        self.assertEqual(self.offered("weft completion "), ["bash"])
        self.assertEqual(self.offered("weft train --threads "), [])

    def test_settings(self):
        names = [name + "=" for name in re.findall(r"(?m)^        ([a-z_0-9]+\.[a-z_0-9]+)\) takes=", self.ok("completion", "bash"))]
        self.assertGreater(len(names), 50)
        for way in ["weft train --set ", "weft train --set=", "weft train study.ini --json --set "]:
            self.assertEqual(self.offered(way), names)
        self.assertEqual(self.offered("weft train --set optimizer.beta"), ["optimizer.beta1=", "optimizer.beta2="])
        self.assertEqual(self.offered("weft train --set network.output=s"), ["softmax", "sigmoid"])
        self.assertEqual(self.offered("weft train --set network.output=softmax --set train.restore_best="), ["yes", "no"])
        self.assertEqual(self.offered("weft train --set train.seed="), [])
        self.assertEqual(self.offered("weft train --set no.such="), [])

    def test_lists(self):
        self.assertEqual(self.offered("weft train --set train.evaluate=train,"),
                         ["train,train", "train,validation", "train,test"])
        self.assertEqual(self.offered("weft train --set network.activation=relu,tanh,so"), ["relu,tanh,softplus"])
        self.assertEqual(self.offered("weft train --set network.output=softmax,"), [])

    def test_every_word_is_taken(self):
        """A setting takes each word that is offered for it."""
        takes = re.findall(r"(?m)^        (\w+\.\w+)\) takes='([^']*)'", self.ok("completion", "bash"))
        for name, words in takes:
            for word in re.findall(r"(?<![\w:])[a-z_0-9]+(?![\w:])", words):
                done = weft("train", "--set", f"{name}={word}", "--data", "idx:/nonexistent")
                self.assertNotIn("wanted " + name, done.stderr, word)
                self.assertNotIn(f"set {name} to", done.stderr, word)
        self.assertIn("wanted", weft("train", "--set", "network.output=none").stderr)
        takes = dict(takes)
        for name, words in [("network.hidden", "none"), ("network.output", "softmax|sigmoid|linear"), ("train.max_time", ""),
                            ("train.evaluate", "train|validation|test,"), ("train.class_weights", "none|balanced"),
                            ("data.test", "none|URI"), ("checkpoint.every", "never"), ("run.threads", "")]:
            self.assertEqual(takes[name], words)

    def test_sources(self):
        kinds = self.offered("weft train --data ")
        self.assertIn("idx:", kinds)
        self.assertIn("digits:", kinds)
        self.assertEqual(self.offered("weft train --set data.source="), kinds)
        self.assertEqual(self.offered("weft train --set data.validation="), ["none", *kinds])
        self.assertEqual(self.offered("weft eval run --data id"), ["idx:"])
        for way in ["weft train --data idx:", "weft train --data=idx:", "weft train --set data.source=idx:"]:
            self.assertEqual(self.offered(way + "da"), ["data"])
            self.assertEqual(self.offered(way + "data/m"), ["data/mnist", "data/my digits"])
            self.assertEqual(self.offered(way + "data/"), ["data/iris.csv", "data/mnist", "data/my digits"])
        self.assertEqual(self.offered("weft train --data idx:data/my\\ "), ["data/my digits"])
        self.assertEqual(self.offered("weft train --data digits:"), [])

    def test_the_sources_are_those_that_can_be_opened(self):
        """No kind is offered that is not known, and none is forgotten."""
        for kind in self.offered("weft train --data "):
            self.assertNotIn("unknown", weft("train", "--data", kind + "/nonexistent").stderr, kind)
        known = weft("train", "--data", "nothing:x").stderr.partition("known: ")[2].partition(";")[0]
        self.assertEqual(set(re.findall(r"\b[a-z0-9]+:", known)), set(self.offered("weft train --data ")))

    def test_paths(self):
        self.assertEqual(self.offered("weft train "), ["data", "run", "study.ini"])
        self.assertEqual(self.offered("weft resume "), ["data", "run"])
        self.assertEqual(self.offered("weft eval run/"), ["run/last.h5"])
        self.assertEqual(self.offered("weft inspect run run/"), ["run/last.h5"])
        self.assertEqual(self.offered("weft inspect run run run/"), [])
        self.assertEqual(self.offered("weft verify run/last.h5 run/last.h5 --json run/"), ["run/last.h5"])
        self.assertEqual(self.offered("weft train --out r"), ["run"])

    def test_other_cuts(self):
        """A shell that does not cut at ':' and '=' gets the whole word."""
        line = "weft train --data=idx:data/m"
        self.assertEqual(self.offered(line, line.split(), "COMP_WORDBREAKS=' '\n"),
                         ["--data=idx:data/mnist", "--data=idx:data/my digits"])

    def typed(self, shell, text):
        os.write(shell, text.encode())
        shown = b""
        while select.select([shell], [], [], 0.5)[0]:
            try:
                shown += os.read(shell, 65536)
            except OSError:
                break
        return shown.decode()

    def test_in_a_terminal(self):
        try:
            child, shell = pty.fork()
        except OSError as error:
            self.skipTest(f"no terminal can be made here: {error}")
        if child == 0:
            os.chdir(self.path("here"))
            os.environ.update(TERM="dumb", PS1="$ ", HISTFILE="", INPUTRC="/dev/null", SCRIPT=self.script)
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.close, shell)
        self.typed(shell, "stty columns 500; source $SCRIPT\n")
        for line, whole in [("weft tra", "weft train "), ("weft train --set network.out", "weft train --set network.output="),
                            ("weft train --set=network.output=so", "weft train --set=network.output=softmax "),
                            ("weft train --data id", "weft train --data idx:"),
                            ("weft train --data idx:data/mn", "weft train --data idx:data/mnist/"),
                            ("weft train --data=idx:data/my", "weft train --data=idx:data/my\\ digits/"),
                            ("weft train st", "weft train study.ini ")]:
            self.assertTrue(self.typed(shell, line + "\t").endswith(whole), line)
            self.typed(shell, "\x15")                   # away with it


if __name__ == "__main__":
    unittest.main()
