"""The library: ingest, search, get, jobs, verify, rebuild."""
import glob
import os
import re
import shutil
import sqlite3

import rushes
from rushes import FAILED, INPUT, OK, clip, ingest, library, run, tap


def shown(data, video_id):
    return run("videos", "show", video_id, "--data", data, "--json").json()


def job_marks(data):
    """What changes when a stage is run again."""
    listed = run("jobs", "list", "--data", data, "--json").json()
    jobs = listed["jobs"] if isinstance(listed, dict) else listed
    return sorted((j.get("job_id") or j.get("id"), j["attempt"]) for j in jobs)


def told_kinds():
    """The kinds of files that 'rushes get --help' names."""
    text = run("get", "--help").out
    return re.search(r"KIND is one of: ([a-z_ \n]+)\.", text).group(1).split()


_one = {}


def one():
    """A library with one video, made once; tests that change it take a copy."""
    if not _one:
        data = library()
        result = ingest(data, clip(seconds=6, name="evening walk.mp4"), "--title", "Evening walk", "--tags",
                        "zoetrope,river bank", "--description", "along the quayside", "--sample.keep")
        _one.update(data=data, id=result["video"]["video_id"], result=result)
    return _one["data"], _one["id"]


def copy_of_one():
    data, video = one()
    copy = rushes.new_path("data")
    shutil.copytree(data, copy)
    return copy, video


# ---- ingest

def test_ingest_makes_everything_and_says_so():
    one()
    result = _one["result"]
    video = result["video"]
    tap.equal(video["state"], "indexed")
    tap.equal(video["title"], "Evening walk")
    tap.equal(video["frame_count"], 150)
    tap.equal((video["width"], video["height"]), (320, 180))
    tap.equal(result["duplicate"], False)
    tap.equal(len(video["shots"]), 1)
    tap.equal(video["shots"][0]["end_frame"], 150)
    kinds = {o["kind"] for o in video["objects"]}
    missing = set(told_kinds()) - kinds
    assert not missing, f"no {sorted(missing)} among {sorted(kinds)}"
    for job in video["jobs"]:
        tap.equal(job["state"], "done" if job["state"] == "done" else "completed", f"stage {job['stage']}")


def test_ingest_prints_what_it_found_for_people():
    data = library()
    done = run("ingest", "--data", data, clip(seconds=2))
    assert "indexed" in done.out and "shots" in done.out, done


def test_a_second_ingest_is_recognised_without_decoding():
    data, video = copy_of_one()
    before = job_marks(data)
    again = ingest(data, clip(seconds=6, name="evening walk.mp4"))
    tap.equal(again["duplicate"], True)
    tap.equal(again["video"]["video_id"], video)
    tap.equal(job_marks(data), before, "jobs")
    other_name = rushes.new_path("renamed.mp4")
    shutil.copy(clip(seconds=6, name="evening walk.mp4"), other_name)
    tap.equal(ingest(data, other_name)["duplicate"], True, "a copy under another name")


def test_the_second_ingest_of_a_damaged_path_does_not_need_the_media_child():
    # The same bytes again, while a decoder could not even start: proof that nothing was decoded.
    data, video = copy_of_one()
    again = ingest(data, clip(seconds=6, name="evening walk.mp4"), "--child.memory", "128M", "--limit.frames", "1")
    tap.equal((again["duplicate"], again["video"]["video_id"]), (True, video))


def test_several_files_with_one_bad_take_the_good_ones_and_fail():
    data = library()
    bad = rushes.new_path("bad.mp4")
    with open(bad, "wb") as f:
        f.write(b"this is a text, not a film\n" * 50)
    run("ingest", "--data", data, clip(seconds=2), bad, clip(seconds=3), want=INPUT)
    listed = run("videos", "list", "--data", data, "--json").json()
    tap.equal(sorted(v["state"] for v in listed if v["state"] == "indexed"), ["indexed", "indexed"])
    rushes.verify_is_sound(data)


def test_two_ingests_of_the_same_file_at_once_give_one_video():
    data = library()
    path = clip(seconds=5)
    both = [rushes.start("ingest", "--data", data, "--json", path) for _ in range(2)]
    done = [rushes.finish(p) for p in both]
    for d in done:
        tap.equal(d.code, OK, str(d))
    ids = {d.json()["video"]["video_id"] for d in done}
    tap.equal(len(ids), 1, "videos")
    tap.equal([v["state"] for v in run("videos", "list", "--data", data, "--json").json()], ["indexed"])
    rushes.verify_is_sound(data)


def test_names_of_any_language_and_shape_are_taken():
    data = library()
    names = ["Größe über alles.mp4", "映画の一日.mp4", "فيلم قصير.mp4", "फ़िल्म.mp4", "фильм №1.mp4", "🎬🎞.mp4",
             "a'b\"c$(d)`e`;f.mp4", "line\nbreak.mp4", "x" * 240 + ".mp4", "-leading-dash.mp4", "e\u0301galité.mp4"]
    source = clip(seconds=1, audio=False)
    for i, name in enumerate(names):
        folder = os.path.dirname(rushes.new_path("x"))
        path = os.path.join(folder, name)
        with open(source, "rb") as f, open(path, "wb") as g:
            g.write(f.read() + b"\0\0\0\x0cfree%04d" % i)  # a box that says nothing: other bytes, the same film
        run("ingest", "--data", data, "--json", "--no-ocr", "--", name, cwd=folder)
    listed = run("videos", "list", "--data", data, "--json").json()
    # A line break has no place in a name that is shown.
    want = [n.replace("\n", "\ufffd") for n in names]
    tap.equal(sorted(v["filename"] for v in listed), sorted(want))
    run("videos", "list", "--data", data)


def test_bytes_that_are_no_utf8_in_a_name_do_no_harm():
    data = library()
    path = rushes.new_path("x").encode() + b"\xff\xfe.mp4"
    shutil.copy(clip(seconds=1, audio=False).encode(), path)
    run("ingest", "--data", data, "--no-ocr", "--json", path).json()
    run("videos", "list", "--data", data, "--json").json()


# ---- search

def test_search_finds_titles_tags_and_descriptions():
    data, video = one()
    for words in ("evening", "Zoetrope", "quayside", "river bank"):
        result = run("search", "--data", data, "--json", words).json()
        hits = result["hits"]
        assert hits and hits[0]["video_id"] == video, f"{words}: {result}"
    assert "Evening walk" in run("search", "--data", data, "quayside").out


def test_nothing_relevant_is_an_answer():
    data, _ = one()
    done = run("search", "--data", data, "--json", "xylophone")
    tap.equal(done.json()["hits"], [])
    assert "Nothing found" in run("search", "--data", data, "xylophone").out


def test_any_words_are_a_query():
    data, _ = one()
    for words in ('"', "'", "* OR AND NOT", "a\"b", ")(", "--", "evening\x01", "ü" * 3000, "NEAR(", "col:val", "%_\\"):
        run("search", "--data", data, "--json", "--", words).json()


def test_words_on_screen_are_found_where_they_are_shown():
    data = library()
    result = ingest(data, rushes.clip_with_words("HARBOUR LIGHTS"), "--title", "untitled")
    skipped = [j for j in result["video"]["jobs"] if j.get("skipped")]
    if skipped:
        raise tap.Skip(f"text is not read here: {skipped[0].get('note')}")
    result = run("search", "--data", data, "--json", "harbour").json()
    assert result["hits"], f"not found; texts: {result}"
    hit = result["hits"][0]
    start = float(hit["start_seconds"])
    assert 2.9 <= start <= 4.2, f"shown from 3 s on, found at {start}"
    assert "HARBOUR" in str(hit), hit


# ---- get

def test_get_gives_files_that_are_what_they_say():
    data, video = one()
    out = {}
    for kind in told_kinds():
        out[kind] = rushes.new_path(kind)
        run("get", video, kind, "--data", data, "-o", out[kind])
        assert os.path.getsize(out[kind]) > 0, kind
    with open(out["original"], "rb") as a, open(clip(seconds=6, name="evening walk.mp4"), "rb") as b:
        assert a.read() == b.read(), "the original came back changed"
    proxy = {s["codec_type"]: s for s in rushes.ffprobe(out["proxy"], "-show_streams")["streams"]}
    tap.equal((proxy["video"]["codec_name"], proxy["audio"]["codec_name"]), ("h264", "aac"))
    tap.equal(proxy["video"]["height"], 180, "never scaled up: height")
    tap.equal(proxy["video"]["avg_frame_rate"], "10/1")
    for kind in [k for k in out if k in ("thumb", "poster", "sprites", "samples") or k.startswith("shot")]:
        with open(out[kind], "rb") as f:
            tap.equal(f.read(3), b"\xff\xd8\xff", f"{kind} begins as a JPEG does:")
    poster = rushes.ffprobe(out["poster"], "-f", "mjpeg", "-show_streams")["streams"][0]
    tap.equal((poster["width"], poster["height"]), (320, 180))
    with open(out["vtt"], encoding="utf-8") as f:
        text = f.read()
    assert text.startswith("WEBVTT") and "#xywh=" in text and "-->" in text, text[:200]
    audio = rushes.ffprobe(out["audio"], "-show_streams")["streams"][0]
    tap.equal((audio["codec_name"], audio["sample_rate"], audio["channels"]), ("pcm_s16le", "16000", 1))


def test_a_black_start_still_gets_a_good_poster():
    path = rushes.new_path("black.mp4")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=5", "-vf", "fade=in:d=1.5,format=yuv420p", "-c:v", "libx264",
                  "-preset", "veryfast", path)
    data = library()
    video = ingest(data, path, "--no-ocr")["video"]["video_id"]
    light = {}
    for kind in ("thumb", "poster"):
        picture = rushes.new_path("picture.jpg")
        run("get", video, kind, "--data", data, "-o", picture)
        light[kind] = rushes.mean_light(picture)
    assert light["thumb"] < 5, f"the first frame is black, its thumb has {light['thumb']:.0f}"
    assert light["poster"] > 60, f"a poster as dark as {light['poster']:.0f}"


def test_samples_are_let_go_unless_they_are_to_be_kept():
    data = library()
    video = ingest(data, clip(seconds=2))["video"]
    assert "samples" not in {o["kind"] for o in video["objects"]}, video["objects"]
    run("get", video["video_id"], "samples", "--data", data, "-o", rushes.new_path("x"), want=INPUT)
    rushes.verify_is_sound(data)


def test_every_fifth_frame_is_kept_as_a_sample():
    data, video = one()
    pack = rushes.new_path("samples.mjpeg")
    run("get", video, "samples", "--data", data, "-o", pack)
    tap.equal(rushes.frame_numbers(pack), list(range(0, 150, 5)))


def test_get_of_what_is_not_there_is_a_plain_failure():
    data, video = one()
    run("get", video, "no-such-kind", "--data", data, "-o", rushes.new_path("x"), want=INPUT)
    run("get", "no-such-video", "poster", "--data", data, "-o", rushes.new_path("x"), want=INPUT)
    run("videos", "show", "../../etc/passwd", "--data", data, want=INPUT)


# ---- jobs, work

def test_jobs_are_listed_and_shown():
    data, _ = one()
    listed = run("jobs", "list", "--data", data, "--json").json()
    jobs = listed["jobs"] if isinstance(listed, dict) else listed
    assert len(jobs) >= 3, jobs
    one_job = run("jobs", "show", jobs[0].get("job_id") or jobs[0].get("id"), "--data", data, "--json").json()
    tap.equal(one_job["stage"], jobs[0]["stage"])
    run("jobs", "show", "no-such-job", "--data", data, want=INPUT)


def test_work_with_nothing_to_do_ends_at_once():
    data, _ = copy_of_one()
    run("work", "--drain", "--data", data)


# ---- verify, rebuild

def objects(data):
    return sorted(p for p in glob.glob(os.path.join(data, "objects", "**"), recursive=True) if os.path.isfile(p))


def test_verify_finds_a_missing_derived_object_and_makes_it_again():
    data, video = copy_of_one()
    poster = next(o for o in shown(data, video)["objects"] if o["kind"] == "poster")
    before = run("get", video, "poster", "--data", data, want=OK).code
    tap.equal(before, OK)
    victims = [p for p in objects(data) if os.path.getsize(p) == poster["size_bytes"]]
    assert victims, "the poster is not found in objects/"
    for path in victims:
        os.remove(path)
    done = run("verify", "--data", data, "--json", want=FAILED)
    assert "missing" in done.out, done
    run("verify", "--repair", "--data", data, want=None)
    run("work", "--drain", "--data", data)
    rushes.verify_is_sound(data)
    run("get", video, "poster", "--data", data, "-o", rushes.new_path("poster.jpg"))


def test_verify_finds_a_changed_original_and_does_not_call_it_sound():
    data, video = copy_of_one()
    original = next(o for o in shown(data, video)["objects"] if o["kind"] == "original")
    path = next(p for p in objects(data) if os.path.getsize(p) == original["size_bytes"])
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(original["size_bytes"] // 2)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    done = run("verify", "--data", data, "--json", want=FAILED)
    assert "damaged" in done.out, done


def test_verify_finds_and_removes_what_nobody_names():
    data, _ = copy_of_one()
    path = os.path.join(os.path.dirname(objects(data)[0]), "stray")
    with open(path, "wb") as f:
        f.write(b"left behind")
    done = run("verify", "--now", "--data", data, want=None)
    run("verify", "--now", "--repair", "--data", data, want=None)
    rushes.verify_is_sound(data)
    assert done.code in (OK, FAILED), done


def test_rebuild_makes_the_database_again_from_the_objects():
    data, video = copy_of_one()
    before = shown(data, video)
    for path in glob.glob(os.path.join(data, "rushes.db*")):
        os.remove(path)
    report = run("rebuild", "--data", data, "--json").json()
    tap.equal(report["restored"], 1)
    after = shown(data, video)
    for key in ("video_id", "state", "title", "filename", "checksum_sha256", "size_bytes", "duration_seconds", "width",
                "height", "frame_count", "tags", "shots", "texts", "media"):
        tap.equal(after[key], before[key], key)
    tap.equal(sorted(o["key"] for o in after["objects"]), sorted(o["key"] for o in before["objects"]), "objects")
    hits = run("search", "--data", data, "--json", "quayside").json()["hits"]
    tap.equal([h["video_id"] for h in hits], [video])
    tap.equal(run("rebuild", "--data", data, "--json").json()["restored"], 0, "restored by a second run")
    rushes.verify_is_sound(data)


def test_the_database_passes_its_own_check():
    data, _ = one()
    db = sqlite3.connect(os.path.join(data, "rushes.db"))
    tap.equal(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
    tap.equal(db.execute("PRAGMA foreign_key_check").fetchall(), [])
    db.close()


tap.main(globals())
