"""The documents say what is so: packages, links, commands."""
import os
import re
import stat
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test"))
import tap  # noqa: E402

PURPOSES = {"build", "run", "check", "demo", "fuzz", "format"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def packages():
    """name -> (purposes, reason), from tools/packages.txt"""
    rows = {}
    for line in read("tools/packages.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            name, purposes, reason = line.split(None, 2)
            assert name not in rows, f"{name} is listed twice"
            rows[name] = (purposes, reason)
    return rows


def dependency_rows():
    """name -> cells, from the table of docs/dependencies.md; a row may name several packages"""
    rows = {}
    for line in read("docs/dependencies.md").splitlines():
        if line.startswith("| `"):
            cells = [c.strip() for c in line.strip("|").split("|")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                assert name not in rows, f"{name} has two rows"
                rows[name] = cells
    return rows


def documents():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [d for d in folders if not d.startswith((".", "build", "node_modules", "rushes-data"))]
        for name in names:
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def test_every_package_has_known_purposes_and_a_reason():
    for name, (purposes, reason) in packages().items():
        for purpose in purposes.split(","):
            assert purpose.rstrip("?") in PURPOSES, f"{name}: unknown purpose {purpose}"
        assert len(reason) > 5, f"{name}: no reason"


def test_the_table_of_dependencies_is_the_list_of_packages():
    listed, told = set(packages()), set(dependency_rows())
    assert listed == told, f"only in packages.txt: {sorted(listed - told)}; only in the table: {sorted(told - listed)}"


def test_every_row_of_the_table_says_what_why_and_licence():
    for name, cells in dependency_rows().items():
        assert len(cells) >= 4 and all(cells), f"{name}: a cell is empty: {cells}"


def test_every_library_that_meson_asks_for_is_a_listed_package():
    # pkg-config name -> Debian package
    known = {"threads": "libc6-dev", "jansson": "libjansson-dev", "libcrypto": "libssl-dev", "cmocka": "libcmocka-dev",
             "sqlite3": "libsqlite3-dev", "libseccomp": "libseccomp-dev", "libavcodec": "libavcodec-dev",
             "libavformat": "libavformat-dev", "libavutil": "libavutil-dev", "libswscale": "libswscale-dev",
             "libswresample": "libswresample-dev", "tesseract": "libtesseract-dev", "libturbojpeg": "libturbojpeg0-dev",
             "libebur128": "libebur128-dev", "libutf8proc": "libutf8proc-dev"}
    listed = packages()
    found = 0
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [d for d in folders if not d.startswith((".", "build"))]
        if "meson.build" not in names:
            continue
        where = os.path.relpath(os.path.join(folder, "meson.build"), ROOT)
        for name in re.findall(r"\bdependency\(\s*'([^']+)'", read(where)):
            found += 1
            assert name in known, f"{where}: '{name}': say here which package it is, and list that"
            assert known[name] in listed, f"{where}: {known[name]} is not in tools/packages.txt"
    assert found >= 5, f"found only {found} dependencies: this test no longer sees them"


def test_links_between_documents_lead_somewhere():
    seen = 0
    for path in documents():
        text = re.sub(r"```.*?```", "", read(path), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            seen += 1
            there = os.path.join(ROOT, os.path.dirname(path), target.split("#")[0])
            assert os.path.exists(there), f"{path}: {target} is not there"
    assert seen > 3, "found no links: this test no longer sees them"


def test_pictures_in_the_documents_are_small():
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        for name in names:
            if name.endswith((".png", ".jpg")):
                size = os.path.getsize(os.path.join(folder, name))
                assert size < 200_000, f"{name} has {size} bytes"


def test_what_people_start_can_be_started():
    for path in ("demo", "check", ".ci/run", "tools/setup", "tools/build", "tools/run-tests"):
        mode = os.stat(os.path.join(ROOT, path)).st_mode
        assert mode & stat.S_IXUSR, f"{path} is not executable"
        assert read(path).startswith("#!"), f"{path} does not say what runs it"


def test_the_readme_names_the_two_commands():
    text = read("README.md")
    assert "./demo" in text and "./check" in text


def test_the_version_is_the_same_everywhere():
    version = re.search(r"version: '([^']+)'", read("meson.build")).group(1)
    assert re.search(r"^## (Unreleased|%s)" % re.escape(version), read("CHANGELOG.md"), re.MULTILINE), \
        f"CHANGELOG.md has no heading for {version}"


tap.main(globals())
