"""What the fault tests share: fault points, what a library holds, and what must be true of it after any accident.

The program must be built with -Dfaults=true for those that plan a fault; others run on any build.
"""
import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import rushes  # noqa: E402
from rushes import OK, run, tap  # noqa: E402

STAGES = {"upload_validate", "media_pass", "read_text", "publish"}
QUICK = {"RUSHES_QUEUE_BACKOFF": "0s"}  # a failed attempt is repeated at once
WORKERS = max(1, min(4, os.cpu_count() or 1))
_film = []


def film():
    """A clip of one second with sound: small, so that hundreds of runs are bearable."""
    if not _film:
        path = rushes.new_path("film.mp4")
        rushes.ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v",
                      "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", path)
        _film.append(path)
    return _film[0]


def variant(n):
    """The same film as other content: players pass over the box at its end."""
    with open(film(), "rb") as f:
        data = f.read()
    note = b"variant %d" % n
    return data + (8 + len(note)).to_bytes(4, "big") + b"free" + note


def points_of_an_ingest():
    """Names of the fault points that a whole ingest passes, in order; skips where the program has none."""
    log, data = rushes.new_path("points"), rushes.library()
    run("ingest", "--data", data, film(), env={"RUSHES_FAULT_LOG": log})
    if not os.path.exists(log):
        raise tap.Skip("the program is built without fault points (-Dfaults=true)")
    with open(log) as f:
        return f.read().split()


def in_parallel(jobs):
    """Runs calls a few at a time; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(job) for job in jobs]
    return [f.result() for f in futures]


class Rows:
    """What the database says, read beside the program."""

    def __init__(self, data):
        path = os.path.join(data, "rushes.db")
        self.there = os.path.exists(path)
        if not self.there:
            self.tables = {}
            return
        db = sqlite3.connect(path, timeout=30)
        try:
            self.integrity = [row[0] for row in db.execute("PRAGMA integrity_check")]
            self.foreign = list(db.execute("PRAGMA foreign_key_check"))
            names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            self.tables = {}
            for name in names & {"videos", "scenes", "texts", "objects", "uploads", "processing_jobs"}:
                cursor = db.execute(f"SELECT * FROM {name}")
                columns = [c[0] for c in cursor.description]
                self.tables[name] = [dict(zip(columns, row)) for row in cursor]
        finally:
            db.close()

    def count(self, table):
        return len(self.tables.get(table, ()))

    def completed(self):
        """Stages that are done, and when: what must not be done again."""
        return {j["stage"]: (j["job_id"], j["attempt"], j["finished_at"])
                for j in self.tables.get("processing_jobs", ()) if j["state"] == "completed"}

    def promised(self):
        """Is the video safe with us, so that it must come to its end without the file?"""
        return bool(self.count("videos")) or any(u["state"] in ("received", "done")
                                                 for u in self.tables.get("uploads", ()))


_reference = []


def reference():
    """Rows of an ingest that nothing disturbed."""
    if not _reference:
        data = rushes.library()
        run("ingest", "--data", data, film())
        _reference.append(Rows(data))
    return _reference[0]


def object_names(rows):
    """Keys of objects without what differs between two libraries."""
    video = rows.tables["videos"][0]["video_id"]
    return sorted(o["object_key"].replace(video, "VIDEO") for o in rows.tables["objects"])


def files_below(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def check_sound(data, when):
    """Nothing half-written, nothing left over: whatever the library holds."""
    rows = Rows(data)
    if rows.there:
        tap.equal(rows.integrity, ["ok"], f"{when}: integrity")
        tap.equal(rows.foreign, [], f"{when}: references")
        done = run("verify", "--data", data, "--now", "--json", want=None)
        assert done.code == OK, f"{when}: not sound: {done}"
    left = os.listdir(os.path.join(data, "scratch")) if os.path.isdir(os.path.join(data, "scratch")) else []
    tap.equal(left, [], f"{when}: scratch")
    return rows


def check_one_video(data, when, done_before=None, uploads=1, dead_letters=False):
    """The film is in the library once and whole; what had been finished was not done again."""
    rows = check_sound(data, when)
    tap.equal([v["state"] for v in rows.tables["videos"]], ["indexed"], f"{when}: videos")
    jobs = [j for j in rows.tables["processing_jobs"] if j["state"] != "failed" or not dead_letters]
    tap.equal(sorted((j["stage"], j["state"]) for j in jobs), sorted((s, "completed") for s in STAGES),
              f"{when}: jobs")
    for stage, mark in (done_before or {}).items():
        tap.equal(rows.completed()[stage], mark, f"{when}: finished stage {stage}")
    for table in ("scenes", "texts", "objects"):
        tap.equal(rows.count(table), reference().count(table), f"{when}: rows of {table}")
    tap.equal(object_names(rows), object_names(reference()), f"{when}: objects")
    ended = [u["state"] for u in rows.tables["uploads"] if u["state"] not in ("failed", "aborted")]
    assert 1 <= len(ended) <= uploads and set(ended) == {"done"}, f"{when}: uploads {ended}"
    tap.equal(len(files_below(os.path.join(data, "objects"))), rows.count("objects"), f"{when}: files")


def sentence_of(done):
    """The lines for people on standard error."""
    return [line for line in done.err.splitlines() if line.strip() and not line.startswith("time=")]


def check_sentence(done, when):
    lines = sentence_of(done)
    assert lines and lines[0].startswith("rushes: "), f"{when}: no sentence: {done}"
    assert len(lines) <= 3, f"{when}: too many lines: {done}"
    return lines[0]
