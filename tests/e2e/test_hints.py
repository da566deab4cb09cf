"""What Weft proposes to do next works as it stands, in a shell, whatever a directory is called."""
import re
import subprocess
import unittest

from weft_run import WEFT, WeftTest, command, environment, sets

DIRECTORIES = ("run", "-a run of mine", "it's; \"$HOME\" `id` *")
SMALL = ["--data", "digits:?train=200&test=50", *sets(network__hidden=4)]
FOREVER = sets(train__epochs=10**6, train__max_time="0.05 s", train__evaluate_every="never")


class Hints(WeftTest):
    def weft(self, code, *arguments):
        """Run where the directories are; (stdout, stderr)."""
        done = subprocess.run(command(*arguments), cwd=self.path(), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr

    def paste(self, line):
        """Into a shell, in the same place."""
        shell = ["sh", "-c", 'weft() { "$WEFT" "$@"; }\n' + line]
        done = subprocess.run(shell, cwd=self.path(), env=environment(WEFT=WEFT), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")
        return done.stdout

    def next(self, text):
        """The commands below "Next:", without what they are for."""
        return re.findall(r"^  (weft .*?)(?: {4,}\w.*)?$", text.partition("\nNext:\n")[2], re.M)

    def test_after_training(self):
        for directory in DIRECTORIES:
            text, _ = self.weft(0, "train", *SMALL, *FOREVER, f"--out={directory}")
            hints = self.next(text)
            self.assertEqual([hint.split()[1] for hint in hints], ["resume", "eval", "inspect"])
            for hint in hints:
                self.paste(hint)

    def test_after_writing_digits(self):
        for directory in DIRECTORIES:
            text, _ = self.weft(0, "digits", f"--out={directory}", "--train", 200, "--test", 50)
            hint, = self.next(text)
            self.paste(hint + " --dry-run")

    def test_after_a_sweep_that_was_stopped(self):
        with open(self.path("sweep.ini"), "w", encoding="utf-8") as file:
            file.write("[sweep]\nseeds = 1, 2\n")
        for directory in DIRECTORIES:
            _, told = self.weft(75, "sweep", "sweep.ini", *SMALL, *FOREVER, f"--out={directory}")
            hint = re.search(r"; (weft sweep .*) goes on$", told, re.M)[1]
            self.assertIn("2 runs, 0 of them over", self.paste(hint + " --dry-run"))


if __name__ == "__main__":
    unittest.main()
