"""rushes track as a user runs it: scores on real sequences, forms of input and output, and what is wrong with them.

The scores need the shared sequences and scorer, and numpy and scipy for the latter; they skip without.
"""
import importlib.util
import os
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import rushes  # noqa: E402
from rushes import INPUT, LIMIT, OK, USAGE, run, tap  # noqa: E402

SHARED = os.environ.get("RUSHES_TEST_SHARED") or os.path.join(rushes.ROOT, "..", "shared")
SEQUENCES = {"MOT17-02": 30, "MOT17-05": 14, "MOT17-09": 30, "TUD-Campus": 25}  # frames a second
# HOTA, MOTA, IDF1 of the published program with its own settings, whatever the sequence's rate
PUBLISHED = {"MOT17-02": (49.59, 67.91, 58.23), "MOT17-05": (64.80, 79.24, 81.17), "MOT17-09": (69.12, 86.52, 82.98)}


# ---- scores

_scorer = []


def scorer():
    if not _scorer:
        path = os.path.join(SHARED, "tools", "motscore.py")
        if not os.path.exists(path):
            raise tap.Skip("no scorer: shared/tools/motscore.py")
        try:
            spec = importlib.util.spec_from_file_location("motscore", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        except ImportError as error:
            raise tap.Skip(f"the scorer needs numpy and scipy: {error}") from None
        _scorer.append(module)
    return _scorer[0]


def sequence(name):
    folder = os.path.join(SHARED, "mot", name)
    if not os.path.exists(folder):
        raise tap.Skip(f"no sequence: shared/mot/{name}")
    return os.path.join(folder, "det", "det.txt"), os.path.join(folder, "gt", "gt.txt")


def truth(name):
    gt = scorer().load(sequence(name)[1])  # skips where numpy is absent
    import numpy
    if name.startswith("MOT"):
        return gt
    ones = numpy.ones((len(gt), 1))  # MOT15 form: no class, every row counts
    return numpy.hstack([gt[:, :6], ones, ones, ones])


def score(name, *options, every=1):
    """What the scorer says, of every Nth frame."""
    score.out = out = rushes.new_path("out.txt")
    run("track", "--input", sequence(name)[0], "--output", out, "--every", str(every), *options)
    gt, found = truth(name), scorer().load(out)
    gt = gt[(gt[:, 0] - 1) % every == 0]
    return scorer().score(scorer().frames(gt, found))


def test_plain_mode_scores_as_published():
    for name, (hota, mota, idf1) in PUBLISHED.items():
        got = score(name, "--plain")
        print(f"# {name} HOTA {got['hota']:.2f} MOTA {got['mota']:.2f} IDF1 {got['idf1']:.2f}")
        for what, want in (("hota", hota), ("mota", mota), ("idf1", idf1)):
            assert got[what] >= want - 0.1, f"{name}: {what} is {got[what]:.2f}, published {want}"


def test_an_independent_program_says_the_same():
    scorer()  # skips where numpy or scipy is absent
    for name in SEQUENCES:
        ours, theirs = rushes.new_path("ours.txt"), rushes.new_path("theirs.txt")
        det = sequence(name)[0]
        run("track", "--plain", "--input", det, "--output", ours)
        subprocess.run([sys.executable, "-B", os.path.join(HERE, "numpy_tracker.py"), det, theirs], check=True,
                       stdout=subprocess.DEVNULL)
        rows = []
        for path in (ours, theirs):
            with open(path, encoding="utf-8") as f:
                rows.append({(r[0], tuple(round(v, 2) for v in r[2:6])): r[1] for r in parsed(f.read())})
        tap.equal(set(rows[0]), set(rows[1]), f"boxes of {name}")
        pairs = {(i, rows[1][box]) for box, i in rows[0].items()}
        tap.equal(len(pairs), len({a for a, _ in pairs}), f"{name}: numbers of ours that two of theirs have")
        tap.equal(len(pairs), len({b for _, b in pairs}), f"{name}: numbers of theirs that two of ours have")


def test_the_default_is_better_than_plain_everywhere():
    for every, least in ((1, 2), (5, 5)):
        gains = []
        for name, fps in SEQUENCES.items():
            rate = ("--fps", str(fps))
            plain, full = (score(name, *rate, *more, every=every)["hota"] for more in (("--plain",), ()))
            print(f"# every {every}: {name} HOTA {plain:.2f} plain, {full:.2f} by default")
            assert full >= plain - 0.2, f"{name}, every {every}: {plain:.2f} plain, {full:.2f} by default"
            gains.append(full - plain)
        mean = sum(gains) / len(gains)
        assert mean >= least, f"every {every}: {mean:.2f} better on average, wanted {least}"


def test_two_runs_give_the_same_bytes():
    for name in SEQUENCES:
        for options in ([], ["--plain"], ["--with", "link,reupdate"]):
            a, b = rushes.new_path("a.txt"), rushes.new_path("b.txt")
            for out in (a, b):
                run("track", "--input", sequence(name)[0], "--output", out, *options)
            with open(a, "rb") as f, open(b, "rb") as g:
                assert f.read() == g.read(), f"{name} {options}: two runs differ"


# ---- forms

def write(text):
    path = rushes.new_path("det.txt")
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def walk(frames, missing=(), step=1, score=0.9):
    return "".join(f"{f},-1,{100 + 3 * f},50,40,100,{score}\n" for f in range(1, frames + 1, step) if f not in missing)


def parsed(text):
    return [[float(c) for c in line.split(",")] for line in text.splitlines()]


def test_paths_go_to_standard_output_or_a_file():
    path, out = write(walk(20)), rushes.new_path("out.txt")
    text = run("track", "--input", path).out
    said = run("track", "--input", path, "--output", out).out
    assert "1 objects, 20 boxes in 20 frames" in said, said
    with open(out, encoding="utf-8") as f:
        tap.equal(f.read(), text)
    rows = parsed(text)
    tap.equal([r[0] for r in rows], list(range(1, 21)), "frames")
    tap.equal({r[1] for r in rows}, {1.0}, "ids")
    tap.equal({len(r) for r in rows}, {10}, "columns")


def test_gaps_are_filled_but_not_in_plain_mode():
    path = write(walk(40, missing=range(15, 25)))
    tap.equal(len(parsed(run("track", "--input", path).out)), 40)
    tap.equal(len(parsed(run("track", "--input", path, "--without", "fill").out)), 30)
    tap.equal(len(parsed(run("track", "--input", path, "--plain").out)), 30)
    tap.equal(len(parsed(run("track", "--input", path, "--plain", "--with", "fill").out)), 40)


def test_sampled_frames_are_known_by_their_numbers():
    # 30 pixels a sample, three quarters of a width, is a walk when five frames lie between
    path = write("".join(f"{f},-1,{100 + 6 * f},50,40,100,0.9\n" for f in range(1, 100, 5)))
    rows = parsed(run("track", "--input", path).out)
    tap.equal([r[0] for r in rows], list(range(1, 100, 5)))
    tap.equal(len({r[1] for r in rows}), 1, "objects")


def test_every_takes_every_nth_frame():
    rows = parsed(run("track", "--input", write(walk(50)), "--every", "7").out)
    tap.equal([r[0] for r in rows], [1, 8, 15, 22, 29, 36, 43, 50])


def test_json_tells_the_paths_by_object():
    path = write(walk(11, missing=(4,)) + "".join(f"{f},-1,700,50,40,100,0.7\n" for f in range(5, 12)))
    objects = run("track", "--json", "--input", path).json()
    tap.equal(sorted(objects), ["obj_001", "obj_002"])
    one = objects["obj_001"]
    tap.equal((one["start_frame"], one["end_frame"], one["duration_frames"]), (0, 10, 10))
    tap.equal([f["frame"] for f in one["frames"]], list(range(11)))
    tap.equal(one["avg_confidence"], 0.9)
    tap.equal(one["frames"][3]["confidence"], 0)
    tap.equal(one["frames"][5]["timestamp"], 0.17)
    tap.equal(one["frames"][10]["timestamp"], 0.33)
    assert set(one["frames"][0]["bbox"]) == {"x", "y", "width", "height"}
    tap.equal(objects["obj_002"]["start_frame"], 4)


def test_frames_far_apart_are_no_labour():
    rows = parsed(run("track", "--input", write("1,-1,2,3,40,50,0.9\n2,-1,2,3,40,50,0.9\n1000000,-1,2,3,40,50,0.9\n")).out)
    tap.equal([r[0] for r in rows], [1, 2])


# ---- what is wrong

def test_an_empty_file_has_nobody_in_it():
    for text in ("", "\n", "# nothing\n"):
        tap.equal(run("track", "--input", write(text)).out, "")
        tap.equal(run("track", "--json", "--input", write(text)).json(), {})


def test_wrong_lines_are_named():
    for text, word in (("1,-1,2,3,4\n", "Line 1"), (walk(3) + "4,-1,x,3,40,50,1\n", "Line 4"), (b"\x00\xff\xfe", "Line 1"),
                       (walk(2) + "3,99999999999999999999,2,3,40,50\n", "Line 3"), ("1,-1,nan,3,4,5\n", "Line 1")):
        out = rushes.new_path("out.txt")
        done = run("track", "--input", write(text), "--output", out, want=INPUT)
        assert word in done.err, f"{text!r}: {done}"
        assert not os.path.exists(out), f"{text!r} left a file"


def test_boxes_that_are_none_are_left_out_and_counted():
    text = walk(10) + "5,-1,1,1,0,10,0.9\n6,-1,1,1,10,-10,0.9\n7,-1,1e300,1,10,10,0.9\n"
    out = rushes.new_path("out.txt")
    said = run("track", "--input", write(text), "--output", out).out
    assert "3 boxes were left out" in said, said
    assert "1 objects" in said, said


def test_other_programs_files_are_read():
    plain = run("track", "--input", write(walk(20))).out
    for text in (walk(20).replace("\n", "\r\n"), "\ufeff# from elsewhere\n" + walk(20).replace(",", " , "),
                 "".join(reversed(walk(20).splitlines(True)))):
        tap.equal(run("track", "--input", write(text)).out, plain)


def test_files_that_are_none():
    folder = os.path.dirname(rushes.new_path("x"))
    for path in ("/no/such/file", folder, "/dev/null"):
        done = run("track", "--input", path, want=INPUT)
        assert path in done.err, done
    done = run("track", "--input", write(walk(3)), "--output", "/no/such/folder/out.txt", want=None)
    assert done.code != OK and "/no/such/folder" in done.err, done


def test_devices_are_written_to_and_not_replaced():
    before = os.stat("/dev/null")
    run("track", "--input", write(walk(3)), "--output", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and os.stat("/dev/null").st_rdev == before.st_rdev


def test_wrong_options_are_usage():
    path = write(walk(3))
    for args in ([], ["--input", path, "--fps", "0"], ["--input", path, "--fps", "x"], ["--input", path, "--track-thresh", "2"],
                 ["--input", path, "--buffer", "-1"], ["--input", path, "--match-thresh", "nan"], ["--input", path, "--every", "0"],
                 ["--input", path, "--every", "1.5"], ["--input", path, "--with", "magic"], ["--input", path, "--without", ""]):
        run("track", *args, want=USAGE)


def test_every_allocation_may_fail():
    path, log = write(walk(40, missing=range(10, 20))), rushes.new_path("points")
    everything = ("track", "--input", path, "--with", "link,reupdate")
    whole = run(*everything, env={"RUSHES_FAULT": "fail@mem.try:1000000", "RUSHES_FAULT_LOG": log}).out
    if not os.path.exists(log):
        raise tap.Skip("the program is built without fault points (-Dfaults=true)")
    for n in range(1, 1000):
        done = run(*everything, env={"RUSHES_FAULT": f"fail@mem.try:{n}"}, want=None)
        if done.code == OK:
            tap.equal(done.out, whole, "output")
            break
        tap.equal(done.code, LIMIT, f"status when allocation {n} fails: {done}")
    assert n > 10, f"only {n} allocations"


tap.main(globals())
