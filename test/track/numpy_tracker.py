"""ByteTrack in numpy and scipy, informed by the public reference, in code of its own: an independent opinion on the plain mode, and a peer for its speed.

    numpy_tracker.py DET.txt OUT.txt       prints "frames seconds" of following, without reading and writing, processor time

Straight: full 8 x 8 filters, full matrices of distances, assignment over an extended square matrix. Only integral steps.
"""
import sys
import time

import numpy as np
from scipy.optimize import linear_sum_assignment

HIGH, LOW, NEW, BUFFER, MATCH, WEAK, UNSURE, SAME = 0.5, 0.1, 0.6, 30, 0.8, 0.5, 0.7, 0.15
F = np.eye(8) + np.eye(8, k=4)
H = np.eye(4, 8)


def to_state(box):
    x, y, w, h = box
    return np.array([x + w / 2, y + h / 2, w / h, h])


class Object:
    def __init__(self, number, box, score, frame):
        h = box[3]
        self.number, self.score, self.first, self.last = number, score, frame, frame
        self.state = "new" if frame > 1 else "seen"
        self.mean = np.concatenate([to_state(box), np.zeros(4)])
        self.cov = np.diag(np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]))

    def predict(self):
        if self.state != "seen":
            self.mean[7] = 0
        h = self.mean[3]
        noise = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]))
        self.mean = F @ self.mean
        self.cov = F @ self.cov @ F.T + noise

    def found(self, box, score, frame):
        h = self.mean[3]
        s = H @ self.cov @ H.T + np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        gain = np.linalg.solve(s, H @ self.cov).T
        self.mean = self.mean + gain @ (to_state(box) - H @ self.mean)
        self.cov = self.cov - gain @ s @ gain.T
        self.score, self.last, self.state = score, frame, "seen"

    def box(self):
        x, y, a, h = self.mean[:4]
        return np.array([x - a * h / 2, y - h / 2, a * h, h])


def overlap(a, b):
    """Of whole pixels, both edges inside."""
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    a, b = np.asarray(a)[:, None], np.asarray(b)[None]
    size = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1
    both = np.prod(np.clip(size, 0, None), -1)
    return both / (np.prod(a[..., 2:] + 1, -1) + np.prod(b[..., 2:] + 1, -1) - both)


def assign(cost, limit):
    """Pairs of the cheapest assignment in which whoever is left alone costs half the limit."""
    n, m = cost.shape
    if n == 0 or m == 0:
        return []
    wide = np.full((n + m, n + m), limit / 2)
    wide[:n, :m] = cost
    wide[n:, m:] = 0
    rows, columns = linear_sum_assignment(wide)
    return [(i, j) for i, j in zip(rows, columns) if i < n and j < m and cost[i, j] < limit]


class Tracker:
    def __init__(self):
        self.objects, self.frame, self.last = [], 0, 0

    def match(self, objects, boxes, scores, limit, fuse):
        like = overlap([o.box() for o in objects], boxes)
        if fuse and like.size:
            like = like * np.asarray(scores)[None]
        pairs = assign(1 - like, limit)
        for i, j in pairs:
            objects[i].found(boxes[j], scores[j], self.frame)
        taken = {j for _, j in pairs}
        left = [j for j in range(len(boxes)) if j not in taken]
        matched = {i for i, _ in pairs}
        return [o for i, o in enumerate(objects) if i not in matched], left

    def feed(self, boxes, scores):
        self.frame += 1
        high, low = scores > HIGH, (scores > LOW) & (scores < HIGH)
        self.objects = [o for o in self.objects if o.state != "hidden" or self.frame - o.last <= BUFFER + 2]
        known = [o for o in self.objects if o.state != "new"]
        for o in known:
            o.predict()
        unmatched, left = self.match(known, boxes[high], scores[high], MATCH, True)
        hidden, _ = self.match([o for o in unmatched if o.state == "seen"], boxes[low], scores[low], WEAK, False)
        for o in hidden:
            o.state = "hidden"
        rest, rest_scores = boxes[high][left], scores[high][left]
        lost, left = self.match([o for o in self.objects if o.state == "new"], rest, rest_scores, UNSURE, True)
        self.objects = [o for o in self.objects if o not in lost]
        for j in left:
            if rest_scores[j] >= NEW:
                self.last += 1
                self.objects.append(Object(self.last, rest[j], rest_scores[j], self.frame))
        seen = [o for o in self.objects if o.state != "hidden"]
        hidden = [o for o in self.objects if o.state == "hidden"]
        drop = set()
        for i, j in zip(*np.where(1 - overlap([o.box() for o in seen], [o.box() for o in hidden]) < SAME)):
            a, b = seen[i], hidden[j]
            drop.add((b if a.last - a.first > b.last - b.first else a).number)
        self.objects = [o for o in self.objects if o.number not in drop]
        return [o for o in self.objects if o.state == "seen"]


def main():
    rows = np.loadtxt(sys.argv[1], delimiter=",", ndmin=2)
    tracker, out, spent = Tracker(), [], 0.0
    last = int(rows[:, 0].max())
    frames = [rows[rows[:, 0] == frame] for frame in range(1, last + 1)]
    for frame, d in enumerate(frames, 1):
        began = time.thread_time()
        seen = tracker.feed(d[:, 2:6], d[:, 6])
        spent += time.thread_time() - began
        out += [(frame, o.number, *o.box(), o.score) for o in seen]
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        for frame, number, x, y, w, h, s in out:
            f.write(f"{frame},{number},{x:.3f},{y:.3f},{w:.3f},{h:.3f},{s:.4g},-1,-1,-1\n")
    print(last, spent)


if __name__ == "__main__":
    main()
