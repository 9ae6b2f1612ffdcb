"""Many at once on one library: the same file, different files, workers beside ingests, verify and rebuild beside all."""
import os

import faulty
import rushes
from faulty import check_one_video, check_sound, film, run, tap

AT_ONCE = 5


def test_the_same_file_by_many_makes_one_video():
    for _ in range(4):
        data = rushes.library()
        started = [rushes.start("ingest", "--data", data, film()) for _ in range(AT_ONCE)]
        for p in started:
            done = rushes.finish(p)
            tap.equal(done.code, rushes.OK, str(done))
        check_one_video(data, "many at once", uploads=AT_ONCE)  # each may have copied before it knew


def test_different_files_with_workers_beside():
    data, paths = rushes.library(), []
    for i in range(6):
        path = rushes.new_path(f"film {i}.mp4")
        with open(path, "wb") as f:
            f.write(faulty.variant(i))
        paths.append(path)
    started = [rushes.start("ingest", "--data", data, *paths[i::2]) for i in range(2)]
    started += [rushes.start("ingest", "--data", data, *reversed(paths))]
    rushes.wait_for("the library", lambda: os.path.exists(os.path.join(data, "rushes.db")))
    started += [rushes.start("work", "--drain", "--data", data) for _ in range(2)]
    looks = [run("verify", "--data", data, "--repair", "--json", want=None) for _ in range(3)]
    for p in started:
        done = rushes.finish(p)
        tap.equal(done.code, rushes.OK, str(done))
    for look in looks:  # what is at work is no damage, and must not be mended away
        found = look.json()
        for kind in ("missing", "damaged", "orphan", "database", "stuck", "unnamed"):
            tap.equal(found["problems"][kind], 0, f"{kind} while others work: {found['findings']}")
    run("work", "--drain", "--data", data)
    rows = check_sound(data, "all together")
    tap.equal(rows.count("videos"), 6, "videos")
    tap.equal({v["state"] for v in rows.tables["videos"]}, {"indexed"}, "states")
    tap.equal(len({(j["video_id"], j["stage"]) for j in rows.tables["processing_jobs"]}), 6 * len(faulty.STAGES),
              "stages")
    tap.equal(rows.count("processing_jobs"), 6 * len(faulty.STAGES), "jobs")


def test_rebuild_beside_an_ingest_adds_nothing():
    data = rushes.library()
    run("ingest", "--data", data, film())
    other = rushes.new_path("other.mp4")
    with open(other, "wb") as f:
        f.write(faulty.variant(7))
    process = rushes.start("ingest", "--data", data, other)
    for _ in range(3):
        run("rebuild", "--data", data)
    done = rushes.finish(process)
    tap.equal(done.code, rushes.OK, str(done))
    run("work", "--drain", "--data", data)
    tap.equal(check_sound(data, "rebuild beside").count("videos"), 2, "videos")


tap.main(globals())
