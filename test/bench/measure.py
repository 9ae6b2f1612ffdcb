"""What the benchmarks share: running commands in turn, counting processor time with all descendants, printing ratios.

A benchmark compares with a named peer in the same run and prints the ratio; it never passes or fails on time. Runs of the
two sides alternate, so that a machine whose speed drifts slows both; the median is quoted, lowest and highest beside it.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("RUSHES_PROGRAM") or os.path.join(ROOT, "build", "rushes")
SHARED = os.environ.get("RUSHES_TEST_SHARED") or os.path.join(ROOT, "..", "shared")
CACHE = os.environ.get("RUSHES_BENCH_CACHE") or os.path.join(ROOT, "build-bench")
RUNS = int(os.environ.get("RUSHES_BENCH_RUNS", "3"))


class Cost:
    """Of one run: processor seconds of all processes, wall seconds, peak memory of the largest and of all at once."""

    def __init__(self, cpu, wall, largest_mb):
        self.cpu, self.wall, self.largest_mb = cpu, wall, largest_mb


def run(*commands):
    """Runs commands one after another as one job."""
    cpu = wall = largest = 0.0
    for command in commands:
        began = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        said = process.stderr.read()
        # wait4 counts the process and every descendant that was waited for
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode != 0:
            sys.exit(f"bench: {' '.join(map(str, command))}: status {process.returncode}\n{said.decode()[-2000:]}")
        wall += time.monotonic() - began
        cpu += usage.ru_utime + usage.ru_stime
        largest = max(largest, usage.ru_maxrss / 1024)
    return Cost(cpu, wall, largest)


def in_turn(sides, runs=RUNS):
    """sides: name -> function that does one run and returns its Cost. Returns name -> list of Cost."""
    costs = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            costs[name].append(side())
    return costs


def spread(values, unit, digits=2):
    values = sorted(values)
    return f"{statistics.median(values):.{digits}f} {unit} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"


def ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def table(title, costs, ours, aims):
    """Prints costs; aims: peer -> (figure name, most that the ratio should be)."""
    print(f"\n## {title}\n")
    print("| | processor | wall | peak memory of one process |\n| --- | --- | --- | --- |")
    for name, runs in costs.items():
        print(f"| {name} | {spread([c.cpu for c in runs], 's')} | {spread([c.wall for c in runs], 's')} | "
              f"{max(c.largest_mb for c in runs):.0f} MB |")
    print()
    for peer, aim in aims.items():
        got = ratio([c.cpu for c in costs[ours]], [c.cpu for c in costs[peer]])
        print(f"processor time, {ours} / {peer}: **{got:.2f}** (aim: at most {aim})")
    sys.stdout.flush()


def workdir():
    return tempfile.TemporaryDirectory(prefix="rushes-bench-")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    ffmpeg = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split("\n", 1)[0]
    print(f"{len(names)} x {names[0] if names else '?'}; {' '.join(ffmpeg.split()[:3])}; {RUNS} runs a side, in turn")


def footage(seconds):
    """A film of so many seconds, 1080p30, H.264 and AAC: real clips joined, else the demo's film with grain. Cached."""
    os.makedirs(CACHE, exist_ok=True)
    clips = [os.path.join(SHARED, "footage", n) for n in
             ("woman-and-dog.mp4", "shots-bikes.mp4", "sport-football-juggle.mp4", "shots-testvideo.mp4", "foreman-hevc.mp4")]
    kind = "real" if all(os.path.exists(c) for c in clips) else "drawn"
    path = os.path.join(CACHE, f"{kind}-{seconds}s.mp4")
    if os.path.exists(path):
        return path
    minute = os.path.join(CACHE, f"{kind}-60s.mp4")
    if not os.path.exists(minute):
        print(f"bench: making {minute}", file=sys.stderr)
        if kind == "drawn":
            clips = [os.path.join(CACHE, "drawn.mp4")] * 3
            subprocess.run(["bash", os.path.join(ROOT, "tools/sample-film"), clips[0]], check=True)
        inputs, graph = [], ""
        for i, clip in enumerate(clips):
            inputs += ["-i", clip]
            graph += f"[{i}:v:0]fps=30,scale=1920:1080,setsar=1,format=yuv420p{',noise=alls=6:allf=t' if kind == 'drawn' else ''}[v{i}];"
        graph += "".join(f"[v{i}]" for i in range(len(clips))) + f"concat=n={len(clips)}[v]"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, "-f", "lavfi", "-i",
                        "sine=330:r=48000,tremolo=f=3:d=0.8", "-filter_complex", graph, "-map", "[v]", "-map",
                        f"{len(clips)}:a", "-t", "60", "-c:v", "libx264", "-preset", "medium", "-crf", "20", "-g", "250",
                        "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", minute + ".part.mp4"], check=True)
        os.replace(minute + ".part.mp4", minute)
    if seconds != 60:
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", str(seconds // 60 - 1), "-i", minute,
                        "-c", "copy", path + ".part.mp4"], check=True)
        os.replace(path + ".part.mp4", path)
    return path


def fresh(folder, name):
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    return path
