"""Prints the stress tables of docs/tracking.md: the shared sequences with a camera that moves, or people who dance.

    RUSHES_PROGRAM=build/rushes python3 -B test/track/stress.py

Boxes of detector and truth are moved alike: all together (a camera), or each person's by itself, detections with the
person they lie on. What comes out is no film, but what a tracker that assumes too much stumbles over.
"""
import os
import subprocess
import sys
import tempfile

import numpy
from scipy.optimize import linear_sum_assignment

import table
from table import PROGRAM, SEQUENCES, SHARED, TRUTH, scorer

HEIGHTS = {"MOT17-02": 1080, "MOT17-05": 480, "MOT17-09": 1080, "TUD-Campus": 480}  # of the picture
MODES = {"plain": ["--plain"], "default": [], "default without camera": ["--without", "camera"],
         "default without likelihood": ["--without", "likelihood"]}


def noise(rng, n, seconds, fps):
    """Two columns of noise of unit deviation that forgets itself in so many seconds, smooth where it moves bodies."""
    keep, w = numpy.exp(-1 / (fps * seconds)), rng.standard_normal((n + 400, 2))
    for _ in range(2):
        y = numpy.zeros_like(w)
        for i in range(1, len(w)):
            y[i] = keep * y[i - 1] + (1 - keep) * w[i]
        w = y
    w = w[400:]
    return w / w.std(0)


def camera(kind, name, rng):
    """How far the picture is off in each frame, in pixels."""
    fps, n = SEQUENCES[name]
    h, t = HEIGHTS[name], numpy.arange(n) / fps
    if kind == "pan":  # to and fro over a third of the height, in three seconds
        return numpy.c_[0.18 * h * numpy.sin(2 * numpy.pi * t / 3), 0.02 * h * numpy.sin(numpy.pi * t)]
    if kind == "shake":  # a hand that holds it
        return 0.006 * h * noise(rng, n, 0.05, fps)
    return numpy.cumsum(noise(rng, n, 0.4, fps) * [0.25, 0.03], 0) * h / fps  # wander: follows something


def camera_moves(kind, name, rng):
    det, gt, off = detections(name), TRUTH[name].copy(), camera(kind, name, rng)
    for rows in (det, gt):
        rows[:, 2:4] += off[rows[:, 0].astype(int) - 1]
    return det, gt


def people_dance(heights, seconds, name, rng):
    fps, n = SEQUENCES[name]
    det, gt = detections(name), TRUTH[name].copy()
    off = {i: noise(rng, n + 1, seconds, fps) * [heights, 0.3 * heights] for i in numpy.unique(gt[:, 1])}
    moved_det, moved_gt = det.copy(), gt.copy()
    for row in range(len(gt)):
        moved_gt[row, 2:4] += off[gt[row, 1]][int(gt[row, 0])] * gt[row, 5]
    for frame in range(1, n + 1):
        g, d = numpy.flatnonzero(gt[:, 0] == frame), numpy.flatnonzero(det[:, 0] == frame)
        if not len(g) or not len(d):
            continue
        like = scorer.iou(gt[g, 2:6], det[d, 2:6])
        like[like < 0.5] = 0
        for i, j in zip(*linear_sum_assignment(-like)):
            if like[i, j] > 0:
                moved_det[d[j], 2:4] += off[gt[g[i], 1]][frame] * gt[g[i], 5]
    return moved_det, moved_gt


def detections(name):
    return scorer.load(os.path.join(SHARED, "mot", name, "det", "det.txt"))


def score(name, det, gt, options, every):
    fps, frames = SEQUENCES[name]
    with tempfile.TemporaryDirectory() as folder:
        source, out = os.path.join(folder, "det.txt"), os.path.join(folder, "out.txt")
        numpy.savetxt(source, det, fmt="%.10g", delimiter=",")
        subprocess.run([PROGRAM, "track", "--input", source, "--output", out, "--every", str(every), "--fps", str(fps), *options],
                       check=True, stdout=subprocess.DEVNULL)
        found = scorer.load(out)
    return scorer.score(scorer.frames(table.part(gt, every, 0, False, frames), found))["hota"]


def main():
    kinds = {
        "a camera that pans": lambda name, rng: camera_moves("pan", name, rng),
        "a camera that shakes": lambda name, rng: camera_moves("shake", name, rng),
        "a camera that wanders": lambda name, rng: camera_moves("wander", name, rng),
        "people who dance, a little": lambda name, rng: people_dance(0.1, 0.2, name, rng),
        "people who dance": lambda name, rng: people_dance(0.25, 0.3, name, rng),
        "people who leap about": lambda name, rng: people_dance(0.5, 0.4, name, rng),
    }
    print("| mean HOTA of the four | every | " + " | ".join(MODES) + " |\n| --- | --- |" + " --- |" * len(MODES))
    for kind, make in kinds.items():
        made = {name: make(name, numpy.random.default_rng(7)) for name in SEQUENCES}
        for every in (1, 5):
            cells = [numpy.mean([score(name, *made[name], options, every) for name in SEQUENCES]) for options in MODES.values()]
            print(f"| {kind} | {every} | " + " | ".join(f"{c:.2f}" for c in cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
