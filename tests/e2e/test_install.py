"""libweft as another program's library: what is installed, which names it has, and the example built with it in every way.

Environment: WEFT_BUILD, the build directory; CC, its compiler. The library is installed into an empty prefix, which is then moved:
everything below happens in the new place."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

from test_documentation import HEADERS, public_names
from weft_run import ROOT, environment

BUILD = os.environ.get("WEFT_BUILD", os.path.join(ROOT, "build"))
CC = os.environ.get("CC", "cc")
CXX = next(filter(None, map(shutil.which, ["c++", "g++", "clang++"])), None)
STRICT = ["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror"]
EXAMPLE = os.path.join(ROOT, "examples", "train_and_predict.c")


def output(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(done.args)}\n{done.stdout}{done.stderr}")
    return done.stdout


def defined(*options):
    """The names that nm says are defined for other files."""
    return {line.split()[-1].partition("@")[0] for line in output("nm", "--defined-only", *options).splitlines()
            if len(line.split()) == 3}


def setUpModule():
    global SCRATCH, PREFIX
    SCRATCH = tempfile.mkdtemp(prefix="weft-install-")
    unittest.addModuleCleanup(shutil.rmtree, SCRATCH)
    built = os.path.join(SCRATCH, "first", "prefix")
    PREFIX = os.path.join(SCRATCH, "moved")
    output("cmake", "--install", BUILD, "--prefix", built)
    os.rename(built, PREFIX)


def installed(*names):
    return os.path.join(PREFIX, *names)


def found():
    """An environment in which programs find the library: pkg-config while they are built, the loader when they run."""
    return environment(PKG_CONFIG_PATH=installed("lib", "pkgconfig"), LD_LIBRARY_PATH=installed("lib"))


class Tree(unittest.TestCase):
    def test_what_is_there(self):
        for name in ["bin/weft", "lib/libweft.a", "lib/libweft.so", "include/weft/weft.h", "lib/cmake/weft/weftConfig.cmake",
                     "lib/cmake/weft/weftConfigVersion.cmake", "lib/pkgconfig/weft.pc", "share/man/man1/weft.1",
                     "share/bash-completion/completions/weft", "share/doc/weft/README.md", "share/doc/weft/LICENSE",
                     "share/doc/weft/CHANGELOG.md", "share/doc/weft/docs/checkpoint-format.md",
                     "share/doc/weft/examples/train_and_predict.c"]:
            self.assertTrue(os.path.isfile(installed(name)), name)
        self.assertEqual(sorted(os.listdir(installed("include", "weft"))), [os.path.basename(path) for path in HEADERS])
        version = output(installed("bin", "weft"), "--version").split()[1]
        self.assertEqual(os.readlink(installed("lib", "libweft.so")), "libweft.so.0")
        self.assertEqual(os.readlink(installed("lib", "libweft.so.0")), f"libweft.so.{version}")
        self.assertEqual(output("pkg-config", "--modversion", "weft", env=found()).strip(), version)

    def test_nothing_names_the_place(self):
        places = [SCRATCH.encode(), BUILD.encode() + b"/", ROOT.encode() + b"/"]
        for directory, _, names in os.walk(PREFIX):
            for name in names:
                with open(os.path.join(directory, name), "rb") as file:
                    content = file.read()
                for place in places:
                    self.assertNotIn(place, content, name)

    def test_pages_are_those_of_the_command(self):
        for words, page in [(["man"], "share/man/man1/weft.1"), (["completion", "bash"], "share/bash-completion/completions/weft")]:
            with open(installed(page)) as file:
                self.assertEqual(file.read(), output(installed("bin", "weft"), *words))

    def test_readme_links_to_what_is_there(self):
        with open(installed("share", "doc", "weft", "README.md")) as file:
            links = re.findall(r"\]\((docs/[^)#]+|[A-Z]+(?:\.md)?)\)", file.read())
        self.assertTrue(links)
        for link in links:
            self.assertTrue(os.path.exists(installed("share", "doc", "weft", link)), link)


class Names(unittest.TestCase):
    def test_only_public_names_are_defined(self):
        functions, _ = public_names()
        self.assertEqual(defined("-D", installed("lib", "libweft.so")), functions)
        self.assertEqual(defined("-g", installed("lib", "libweft.a")), functions)
        self.assertEqual({name for name in functions if not name.startswith("weft_")}, set())

    def test_shared_library_is_shared_whole(self):
        dynamic = output("readelf", "-d", installed("lib", "libweft.so"))
        self.assertIn("[libweft.so.0]", dynamic)
        for fault in ["TEXTREL", "RPATH", "RUNPATH"]:
            self.assertNotIn(fault, dynamic)
        self.assertNotRegex(output("readelf", "-lW", installed("lib", "libweft.so")), r"GNU_STACK.* RWE ")

    def test_it_never_prints_or_exits(self):
        """It has no way to: stdout and stderr, which fprintf to them would need, are among the names it does not know. It writes to
        streams and files that it is given. abort is there for assert and two places that only a mistake of ours can reach; kill
        asks whether the process that wrote a lock still lives (signal 0)."""
        for library in [["-D", "-u", installed("lib", "libweft.so")], ["-u", installed("lib", "libweft.a")]]:
            names = {line.split()[-1].partition("@")[0] for line in output("nm", *library).splitlines() if " U " in line}
            self.assertIn("fprintf", names)
            for name in ["stdout", "stderr", "stdin", "printf", "vprintf", "__printf_chk", "__vprintf_chk", "puts", "putchar",
                         "putchar_unlocked", "dprintf", "vdprintf", "perror", "psignal", "psiginfo", "warn", "warnx", "vwarn", "vwarnx",
                         "err", "errx", "verr", "verrx", "error", "error_at_line", "syslog", "exit", "_exit", "_Exit", "quick_exit",
                         "at_quick_exit", "atexit", "raise", "longjmp", "pthread_exit", "system", "popen", "fork", "vfork",
                         "posix_spawn", "execve", "execvp", "execv", "execl", "signal", "sigaction", "setlocale", "chdir", "setenv",
                         "putenv"]:
                self.assertNotIn(name, names)

    def test_internal_names_meet_nobody(self):
        """A program may have every name that libweft has inside, and link the static library."""
        names = sorted(name for name in defined("-g", os.path.join(BUILD, "libweft_internal.a"))
                       if not name.startswith("weft_") and re.fullmatch(r"\w+", name))
        self.assertGreater(len(names), 100)
        with tempfile.TemporaryDirectory(dir=SCRATCH) as directory:
            mine, program = os.path.join(directory, "mine.c"), os.path.join(directory, "program")
            with open(mine, "w") as file:
                file.write("".join(f"char {name};\n" for name in names))
            output(CC, "-fno-builtin", "-w", EXAMPLE, mine, *static_flags(), "-o", program)
            output(program, os.path.join(directory, "run"))


def static_flags():
    """What pkg-config says, with the archive by name, as both libraries are there."""
    flags = output("pkg-config", "--static", "--cflags", "--libs", "weft", env=found()).split()
    return ["-l:libweft.a" if flag == "-lweft" else flag for flag in flags]


class Example(unittest.TestCase):
    """Built from a copy: nothing of the source tree is within reach."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=SCRATCH)
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.source = shutil.copytree(installed("share", "doc", "weft", "examples"), self.path("source"))
        self.program = self.path("train_and_predict")

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def runs(self, program, is_shared):
        done = output(program, self.path("run"), env=found() if is_shared == "by environment" else environment())
        self.assertRegex(done, r"(?m)^epoch 1: accuracy 0\.\d+ on validation rows$")
        self.assertRegex(done, r"(?m)^row 4: a \d, with probability [01]\.\d+$")
        self.assertIn("whole", output(installed("bin", "weft"), "verify", self.path("run", "last.h5")))
        needed = output("readelf", "-d", program)
        self.assertEqual("libweft.so.0" in needed, bool(is_shared))

    def test_it_is_short(self):
        with open(os.path.join(self.source, "train_and_predict.c")) as file:
            self.assertLess(len(file.readlines()), 60)

    def cmake(self, *options):
        output("cmake", "-S", self.source, "-B", self.path("build"), f"-DCMAKE_C_COMPILER={CC}",
               f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DCMAKE_C_FLAGS={' '.join(STRICT)}", *options)
        output("cmake", "--build", self.path("build"))
        return self.path("build", "train_and_predict")

    def test_cmake_shared(self):
        self.runs(self.cmake(), is_shared=True)

    def test_cmake_static(self):
        self.runs(self.cmake("-DWEFT_STATIC=ON"), is_shared=False)

    def test_cmake_without_what_the_static_library_needs(self):
        """The shared library does not ask for it, and who wants the static one hears what is missing."""
        hidden = ["-DCMAKE_DISABLE_FIND_PACKAGE_HDF5=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON"]
        self.cmake(*hidden)
        with self.assertRaisesRegex(AssertionError, r"(?s)linked with what was not found:.*hdf5::hdf5"):
            shutil.rmtree(self.path("build"))
            self.cmake("-DWEFT_STATIC=ON", *hidden)

    def test_cmake_other_version(self):
        with open(os.path.join(self.source, "CMakeLists.txt"), "r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace("find_package(weft 0.1", "find_package(weft 9.9"))
        with self.assertRaisesRegex(AssertionError, "9.9"):
            self.cmake()

    def test_pkg_config_shared(self):
        flags = output("pkg-config", "--cflags", "--libs", "weft", env=found()).split()
        self.assertNotIn("-lhdf5", flags)
        output(CC, *STRICT, EXAMPLE, *flags, "-o", self.program)
        self.runs(self.program, is_shared="by environment")

    def test_pkg_config_static(self):
        output(CC, *STRICT, EXAMPLE, *static_flags(), "-o", self.program)
        self.runs(self.program, is_shared=False)

    def test_pkg_config_static_where_there_is_no_shared_one(self):
        alone = shutil.copytree(PREFIX, self.path("alone"), symlinks=True)
        for path in glob.glob(os.path.join(alone, "lib", "libweft.so*")):
            os.remove(path)
        flags = output("pkg-config", "--static", "--cflags", "--libs", "weft",
                       env=environment(PKG_CONFIG_PATH=os.path.join(alone, "lib", "pkgconfig"))).split()
        output(CC, *STRICT, EXAMPLE, *flags, "-o", self.program)
        self.runs(self.program, is_shared=False)


class Headers(unittest.TestCase):
    FLAGS = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]

    def test_each_by_itself(self):
        for path in HEADERS:
            text = f'#include "weft/{os.path.basename(path)}"\nint nothing;\n'
            output(CC, "-std=c11", "-Wstrict-prototypes", *self.FLAGS, f"-I{installed('include')}", "-xc", "-", input=text)
            if CXX:
                output(CXX, "-std=c++11", *self.FLAGS, f"-I{installed('include')}", "-xc++", "-", input=text)

    def test_weft_h_has_all(self):
        with open(installed("include", "weft", "weft.h")) as file:
            included = re.findall(r'#include "weft/(\w+\.h)"', file.read())
        self.assertEqual(included, sorted(included))
        self.assertEqual(set(included) | {"weft.h", "api.h"}, {os.path.basename(path) for path in HEADERS})

    @unittest.skipUnless(CXX, "no C++ compiler")
    def test_cpp_calls_it(self):
        """With pkg-config, and from a CMake project that has no C at all."""
        with tempfile.TemporaryDirectory(dir=SCRATCH) as directory:
            source, program = os.path.join(directory, "a.cpp"), os.path.join(directory, "a")
            with open(os.path.join(directory, "CMakeLists.txt"), "w") as file:
                file.write("cmake_minimum_required(VERSION 3.20)\nproject(a LANGUAGES CXX)\nfind_package(weft REQUIRED)\n"
                           "add_executable(a a.cpp)\ntarget_link_libraries(a PRIVATE weft::weft)\n")
            with open(source, "w") as file:
                file.write('#include <weft/weft.h>\nint main()\n{\n    weft_settings *settings = weft_settings_create();\n'
                           '    weft_status st = weft_settings_assign(settings, "train.epochs=3");\n'
                           '    weft_settings_destroy(settings);\n    return weft_exit_code(st);\n}\n')
            flags = output("pkg-config", "--cflags", "--libs", "weft", env=found()).split()
            output(CXX, "-std=c++11", "-Wall", "-Wextra", "-pedantic", "-Werror", source, *flags, "-o", program)
            output(program, env=found())
            build = os.path.join(directory, "build")
            output("cmake", "-S", directory, "-B", build, f"-DCMAKE_CXX_COMPILER={CXX}", f"-DCMAKE_PREFIX_PATH={PREFIX}")
            output("cmake", "--build", build)
            output(os.path.join(build, "a"))


if __name__ == "__main__":
    unittest.main()
