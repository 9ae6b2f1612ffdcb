"""docs/cli.md names every command and every option that the program's own help names, and no others."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test"))
import tap  # noqa: E402

PROGRAM = os.environ.get("RUSHES_PROGRAM") or os.path.join(ROOT, "build", "rushes")


def said(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


def commands():
    return [line.split()[0] for line in said("help").splitlines()
            if re.match(r"  [a-z]", line) and not line.startswith("  rushes ")]


def sections():
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as f:
        parts = re.split(r"^### rushes (\w+)", f.read(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_the_document_has_a_section_for_each_command_and_no_other():
    tap.equal(sorted(sections()), sorted(commands()), "sections")


def test_each_section_names_the_options_of_its_command():
    for name, text in sections().items():
        options = set(re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", said(name, "--help"), re.MULTILINE))
        for option in options - {"--json", "--data"}:
            letter = re.search(rf"(-\w), +{option}\b", said(name, "--help"))
            assert option in text or (letter and letter.group(1) + " " in text), f"docs/cli.md: {name} {option} is missing"
        for option in set(re.findall(r"(?<![\w.`-])`?(--[a-z][a-z-]+)(?![\w.])", text)):
            assert option in options or option in ("--json", "--data", "--from", "--to"), \
                f"docs/cli.md: {name} has no {option}"


tap.main(globals())
