"""The form of the code is what clang-format 14 (Debian 12's) makes of it; other versions differ, so they are not asked."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test"))
import tap  # noqa: E402

VERSION = 14


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return path
    raise tap.Skip(f"clang-format {VERSION} is not installed")


def sources():
    for top in ("src", "test"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def test_clang_format_would_change_nothing():
    files = list(sources())
    assert len(files) > 30, "found too few files: this test no longer sees them"
    # Tables of macros (*.def) keep their own form.
    done = subprocess.run([formatter(), "--dry-run", "--Werror", "--style=file", *files], cwd=ROOT,
                          capture_output=True, text=True)
    said = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.MULTILINE)))
    assert done.returncode == 0, "make fmt would change " + ", ".join(os.path.relpath(f, ROOT) for f in said)


def test_no_file_is_too_long():
    # The style asks for files that hold one idea; beyond this it is certainly several. Tables of tests may be longer.
    for path in sources():
        with open(path, encoding="utf-8") as f:
            n = sum(1 for _ in f)
        most = 1300 if path.endswith("_test.c") else 900
        assert n <= most, f"{os.path.relpath(path, ROOT)} has {n} lines"


def test_headers_compile_on_their_own():
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-fsyntax-only", "-Wall", "-Werror", "-Isrc",
             "-Wno-unused", "-include", "src/base/banned.h", "-x", "c", "-"]
    bad = []
    for path in sources():
        if path.endswith(".h") and not path.endswith(("banned.h",)):
            name = os.path.relpath(path, ROOT)
            done = subprocess.run([os.environ.get("CC", "cc"), *flags], input=f'#include "{name}"\n', cwd=ROOT,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                bad.append(f"{name}: {done.stderr.splitlines()[0] if done.stderr else '?'}")
    assert not bad, "\n".join(bad)


tap.main(globals())
