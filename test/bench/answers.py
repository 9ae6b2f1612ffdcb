"""Commands that should answer at once: probe and doctor (against ffprobe), a second ingest, a search."""
import statistics

import measure
from measure import PROGRAM, run


def main():
    measure.machine()
    film = measure.footage(60)
    with measure.workdir() as folder:
        data = measure.fresh(folder, "data")
        run([PROGRAM, "ingest", film, "--no-ocr", "--title", "harbour at night", "--data", data])
        costs = measure.in_turn({
            "rushes probe": lambda: run([PROGRAM, "probe", film]),
            "rushes doctor": lambda: run([PROGRAM, "doctor"]),
            "rushes search": lambda: run([PROGRAM, "search", "harbour", "--data", data]),
            "rushes ingest, known file": lambda: run([PROGRAM, "ingest", film, "--no-ocr", "--data", data]),
            "sha256sum": lambda: run(["sha256sum", film]),
            "ffprobe": lambda: run(["ffprobe", "-v", "error", "-show_streams", "-show_format", film]),
        }, runs=measure.RUNS * 5)
    print("\n## Answers\n\n| | wall, median | lowest | highest |\n| --- | --- | --- | --- |")
    for name, runs in costs.items():
        ms = sorted(c.wall * 1000 for c in runs)
        print(f"| {name} | {statistics.median(ms):.0f} ms | {ms[0]:.0f} ms | {ms[-1]:.0f} ms |")
    for ours in ("rushes probe", "rushes doctor"):
        print(f"wall, {ours} / ffprobe: **{measure.ratio([c.wall for c in costs[ours]], [c.wall for c in costs['ffprobe']]):.2f}**"
              " (aim: under 50 ms)")


main()
