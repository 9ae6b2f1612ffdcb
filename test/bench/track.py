"""The tracker's time a frame: crowds, and the shared sequences beside ByteTrack in numpy and scipy, in turn.

The peer stands in for the published Python program, which no distribution packages: the same algorithm and libraries of
the same kind (test/track/numpy_tracker.py gives the same boxes). Published: 0.5 to 1.8 ms a frame.
"""
import os
import statistics
import subprocess
import sys

import measure

BENCH = sys.argv[1]
PEER = os.path.join(measure.ROOT, "test", "track", "numpy_tracker.py")
SEQUENCES = {"MOT17-02": 30, "MOT17-05": 14, "MOT17-09": 30}


def ours(*args):
    out = subprocess.run([BENCH, *args], check=True, capture_output=True, text=True).stdout
    return {line.split()[0]: float(line.split("us_per_frame=")[1]) for line in out.splitlines()}


def theirs(det, out):
    frames, seconds = subprocess.run([sys.executable, "-B", PEER, det, out], check=True, capture_output=True,
                                     text=True).stdout.split()
    return float(seconds) * 1e6 / float(frames)


def main():
    measure.machine()
    print("\n## Tracker, made-up crowds (best of 7 passes, thread time)\n\n| | plain | default | default, paths finished |\n"
          "| --- | --- | --- | --- |")
    us = ours()
    for crowd in ("crowd_30", "crowd_100", "crowd_500", "crowd_10000"):
        print(f"| {crowd.replace('crowd_', '')} objects | " +
              " | ".join(f"{us[f'{crowd}_{mode}']:.1f} us" for mode in ("plain", "default", "default_with_paths")) + " |")
    print("\naim: 30 objects under 25 us, 500 under 1000 us")
    print("\n## Tracker, shared sequences, a frame\n\n| | plain | default | numpy peer | peer / plain | peer / default |\n"
          "| --- | --- | --- | --- | --- | --- |")
    with measure.workdir() as folder:
        for name, fps in SEQUENCES.items():
            det = os.path.join(measure.SHARED, "mot", name, "det", "det.txt")
            if not os.path.exists(det):
                print(f"| {name} | absent |")
                continue
            runs = []
            for _ in range(measure.RUNS):
                runs.append((ours(det, str(fps)), theirs(det, os.path.join(folder, "out.txt"))))
            plain = statistics.median(r["file_plain"] for r, _ in runs)
            full = statistics.median(r["file_default"] for r, _ in runs)
            peer = statistics.median(p for _, p in runs)
            ratios = [statistics.median(p / r[mode] for r, p in runs) for mode in ("file_plain", "file_default")]
            print(f"| {name} | {plain:.1f} us | {full:.1f} us | {peer:.0f} us | **{ratios[0]:.0f}** | **{ratios[1]:.0f}** |")
    print("\naim: at least 50 times the peer")


main()
