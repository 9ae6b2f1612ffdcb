"""Memory of the one pass: under a limit at 1080p, and the same for ten minutes as for one."""
import measure
from measure import PROGRAM, run


def main():
    measure.machine()
    short, long = measure.footage(60), measure.footage(600)
    with measure.workdir() as folder:
        def ingest(film):
            return run([PROGRAM, "ingest", film, "--no-ocr", "--data", measure.fresh(folder, "data")])

        costs = measure.in_turn({"1 minute": lambda: ingest(short), "10 minutes": lambda: ingest(long)}, runs=1)
    peak = {name: runs[0].largest_mb for name, runs in costs.items()}
    print("\n## Peak memory of the largest process, 1080p30\n")
    for name, mb in peak.items():
        print(f"{name}: **{mb:.0f} MB** (aim: under 400)")
    print(f"10 minutes / 1 minute: **{peak['10 minutes'] / peak['1 minute']:.2f}** (aim: flat)")


main()
