"""What is written about Weft is made of what it is, complete, and without a fault: the manual page, and the pages of the public
headers. Each is skipped where the program that sets it is missing."""
import glob
import os
import re
import shutil
import subprocess
import unittest

from weft_run import ROOT, WeftTest, environment

HEADERS = sorted(glob.glob(os.path.join(ROOT, "include", "weft", "*.h")))


def public_names():
    """Functions and structs that the headers declare."""
    functions, structs = set(), set()
    for path in HEADERS:
        with open(path) as file:
            code = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        functions |= set(re.findall(r"^\w[\w *]*?\b(weft_\w+)\(", code, re.M))
        structs |= set(re.findall(r"^typedef struct (weft_\w+) {", code, re.M))
    return functions, structs


class Manual(WeftTest):
    def test_no_warning(self):
        page = self.path("weft.1")
        with open(page, "w") as file:
            file.write(self.ok("man"))
        for command in [["groff", "-man", "-Tutf8", "-ww", "-z", page], ["man", "--warnings", "-l", page]]:
            if shutil.which(command[0]):
                done = subprocess.run(command, capture_output=True, text=True, env=environment(MANWIDTH="80", LC_ALL="C.UTF-8"))
                self.assertEqual((done.returncode, done.stderr), (0, ""), command)

    def says(self, text, part):
        if part not in text:
            self.fail(f"not in the manual: {part}")

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_it_is_complete(self):
        done = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-rLL=10000n"], input=self.ok("man"), capture_output=True,
                              text=True)
        text = re.sub(r"\s+", " ", done.stdout)
        help_of_train = self.ok("train", "--help")
        for verb in re.findall(r"(?m)^  weft (\w+)", self.ok("help")):
            about, _, options = self.ok(verb, "--help").partition("\nSettings, with")[0].partition("\nExit codes:")[0].partition(
                "Arguments and options:")
            self.says(text, f" weft {verb} ")
            for paragraph in about.strip().split("\n\n")[1:]:
                self.says(text, re.sub(r"\s+", " ", paragraph))
            for option in re.findall(r"(?m)^  (--[a-z-]+(?: \S+)?)", options):
                self.says(text, f" {option} ")
        settings = help_of_train.partition("\nSettings, with")[2].partition("\nExit codes:")[0]
        sections = re.findall(r"(?m)^\[\w+\]$", settings)
        self.assertGreater(len(sections), 5)
        for heading in sections + re.findall(r"(?m)^\w+ = .+$", settings):
            self.says(text, heading)
        for code, meaning in re.findall(r"(?m)^ +(\d+) +(\S.*)$", help_of_train.partition("\nExit codes:")[2]):
            self.says(text, f" {code} {meaning}")
        for part in ["ENVIRONMENT", "OMP_NUM_THREADS", "WEFT_ISA", "FILES", "run.ini", "EXAMPLES", "weft train study.ini", "DATA",
                     "idx:DIR", "EXIT STATUS"]:
            self.says(text, part)


@unittest.skipUnless(shutil.which("doxygen"), "no doxygen")
class Pages(WeftTest):
    def test_every_public_name_has_its_text(self):
        with open(os.path.join(ROOT, "docs", "Doxyfile")) as file:
            configuration = file.read() + f"\nOUTPUT_DIRECTORY = {self.directory.name}\nGENERATE_XML = YES\n"
        done = subprocess.run(["doxygen", "-"], input=configuration, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0)
        pages = ""
        for path in glob.glob(self.path("xml", "*.xml")):
            with open(path, encoding="utf-8") as file:
                pages += file.read()
        functions, structs = public_names()
        self.assertGreater(len(functions), 30)
        described = dict(re.findall(r"<memberdef kind=\"function\".*?<name>(\w+)</name>.*?<briefdescription>(.*?)</briefdescription>",
                                    pages, re.S))
        self.assertEqual(set(described), functions)
        self.assertEqual([name for name, text in described.items() if "<para>" not in text], [])
        self.assertEqual(set(re.findall(r"<compounddef [^>]*kind=\"struct\"[^>]*>\s*<compoundname>(\w+)<", pages)), structs)
        for marked in ["<parametername>train_rows</parametername>", '<simplesect kind="return"']:
            self.assertTrue(marked in pages, marked)


if __name__ == "__main__":
    unittest.main()
