"""The calls that src/base/banned.h names do not compile, in a file that is otherwise fine, and only they."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test"))
import tap  # noqa: E402

CC = os.environ.get("CC", "cc")
BANNED = os.path.join(ROOT, "src/base/banned.h")


def compiles(source):
    command = [CC, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", "-include", BANNED, "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def banned_names():
    with open(BANNED, encoding="utf-8") as f:
        lines = re.findall(r"^#pragma GCC poison (.*)$", f.read(), re.MULTILINE)
    return " ".join(lines).split()


def test_a_file_without_banned_calls_compiles():
    fine, said = compiles("#include <stdio.h>\nint f(void);\nint f(void) { return snprintf(0, 0, \"x\"); }\n")
    assert fine, said


def test_the_calls_that_the_style_names_are_banned():
    names = banned_names()
    for name in ("strcpy", "strcat", "sprintf", "atoi", "strtok", "localtime", "gets"):
        assert name in names, f"{name} is not banned"


def test_each_banned_call_does_not_compile():
    for name in banned_names():
        fine, said = compiles(f"int f(void);\nint f(void) {{ return (int)(long){name}; }}\n")
        assert not fine, f"{name} compiles"
        assert "poisoned" in said, f"{name} fails for another reason: {said}"


def test_a_longer_name_with_a_banned_one_in_it_compiles():
    fine, said = compiles("int my_strcpy_count(void);\nint my_strcpy_count(void) { return 1; }\n")
    assert fine, said


tap.main(globals())
