"""Prints the tables of docs/tracking.md: what each switch of rushes track is worth, alone and together.

    RUSHES_PROGRAM=build/rushes python3 -B test/track/table.py
"""
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("RUSHES_PROGRAM") or os.path.join(ROOT, "build", "rushes")
SHARED = os.environ.get("RUSHES_TEST_SHARED") or os.path.join(ROOT, "..", "shared")
SEQUENCES = {"MOT17-02": (30, 600), "MOT17-05": (14, 837), "MOT17-09": (30, 525), "TUD-Campus": (25, 71)}
ADDED = ["likelihood", "nsa", "camera", "reupdate", "momentum", "buffered", "sizes", "first", "fill", "smooth", "fill,smooth",
         "link,fill"]
DEFAULT = ["likelihood", "nsa", "camera", "first", "link", "fill", "smooth"]

spec = importlib.util.spec_from_file_location("motscore", os.path.join(SHARED, "tools", "motscore.py"))
scorer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scorer)


def truth(name):
    gt = scorer.load(os.path.join(SHARED, "mot", name, "gt", "gt.txt"))
    if name.startswith("MOT"):
        return gt
    ones = numpy.ones((len(gt), 1))
    return numpy.hstack([gt[:, :6], ones, ones, ones])


TRUTH = {name: truth(name) for name in SEQUENCES}


def part(rows, every, phase, reverse, frames, first=1):
    """Every Nth row's frame from the phase on, counted from 1 again; backwards where asked."""
    rows = rows[rows[:, 0] >= first].copy()
    if reverse:
        rows[:, 0] = frames + 1 - rows[:, 0]
    rows = rows[((rows[:, 0] - 1 - phase) % every == 0) & (rows[:, 0] > phase)]
    rows[:, 0] -= phase
    return rows[numpy.argsort(rows[:, 0], kind="stable")]


def score(name, options, every, phase=0, reverse=False, first=1):
    fps, frames = SEQUENCES[name]
    det = scorer.load(os.path.join(SHARED, "mot", name, "det", "det.txt"))
    with tempfile.TemporaryDirectory() as folder:
        source, out = os.path.join(folder, "det.txt"), os.path.join(folder, "out.txt")
        numpy.savetxt(source, part(det, every, phase, reverse, frames), fmt="%.10g", delimiter=",")
        subprocess.run([PROGRAM, "track", "--input", source, "--output", out, "--every", str(every), "--fps", str(fps), *options],
                       check=True, stdout=subprocess.DEVNULL)
        found = scorer.load(out)
    gt = part(TRUTH[name], every, phase, reverse, frames, first)
    return scorer.score(scorer.frames(gt, found[found[:, 0] >= first]))


def mean_hota(name, options, every):
    """Over the sequence forwards and backwards, from each frame that sampling can begin with: less left to chance."""
    return numpy.mean([score(name, options, every, phase, reverse)["hota"] for reverse in (False, True) for phase in range(every)])


def row(label, options, every, base):
    hota = [mean_hota(name, options, every) for name in SEQUENCES]
    mean = sum(hota) / len(hota)
    more = "" if base is None else f"{mean - base:+.2f}"
    print(f"| {label} | " + " | ".join(f"{h:.2f}" for h in hota) + f" | {mean:.2f} | {more} |", flush=True)
    return mean


def head(title):
    print(f"\n### {title}\n\n| HOTA | " + " | ".join(SEQUENCES) + " | mean | |\n| --- |" + " --- |" * (len(SEQUENCES) + 2))


def main():
    for every in (1, 5):
        name = "every frame" if every == 1 else f"every {every}th frame"
        head(f"Plain and one thing added, {name}")
        plain = row("plain", ["--plain"], every, None)
        for switch in ADDED:
            row("+ " + switch.replace(",", " + "), ["--plain", "--with", switch], every, plain)
        head(f"The default and one thing changed, {name}")
        full = row("default", [], every, None)
        for switch in DEFAULT:
            row("- " + switch, ["--without", switch], every, full)
        row("+ reupdate", ["--with", "reupdate"], every, full)
        print(f"\nTogether, {name}: mean HOTA {full - plain:+.2f} over plain.")
    print("\n### All figures, plain and default\n\n| | frames | plain HOTA / MOTA / IDF1 / switches | default |\n| --- | --- | --- | --- |")
    for name, (_, frames) in SEQUENCES.items():
        for label, every, first in (("all", 1, 1), ("second half", 1, frames // 2 + 1), ("every 5th", 5, 1)):
            cells = []
            for options in (["--plain"], []):
                s = score(name, options, every, first=first)
                cells.append(f"{s['hota']:.2f} / {s['mota']:.2f} / {s['idf1']:.2f} / {s['idsw']}")
            print(f"| {name} | {label} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
