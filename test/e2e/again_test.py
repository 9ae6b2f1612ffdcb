"""The second time: a file that the library knows, and what was said or could not be done the first time."""
import os
import subprocess

import rushes
from rushes import FAILED, INPUT, LIMIT, USAGE, clip, ingest, library, run, tap


def jobs(data, video):
    return run("jobs", "list", "--video", video, "--data", data, "--json").json()


# ---- ingest again

def test_a_stage_that_was_skipped_is_done_when_it_is_wanted():
    data = library()
    film = rushes.clip_with_words()
    first = ingest(data, film, "--no-ocr")["video"]
    assert [j for j in first["jobs"] if j["skipped"]], first["jobs"]
    second = ingest(data, film)
    tap.equal((second["duplicate"], second["video"]["video_id"]), (True, first["video_id"]))
    assert second["stages_redone"] >= 1, second
    tap.equal(second["video"]["state"], "indexed")
    text = next(j for j in second["video"]["jobs"] if j["stage"] == "read_text")
    if text["skipped"] and "switched off" not in text["note"]:
        raise tap.Skip(f"text is not read here: {text['note']}")
    tap.equal(text["skipped"], False)
    hits = run("search", "harbour", "--data", data, "--json").json()["hits"]
    tap.equal([h["video_id"] for h in hits], [first["video_id"]])
    third = ingest(data, film)
    tap.equal((third["stages_redone"], third["edited"]), (0, False))
    rushes.verify_is_sound(data)


def test_what_is_said_of_a_known_file_is_taken_over():
    data = library()
    film = clip(seconds=2)
    first = ingest(data, film, "--title", "Before", "--tags", "old")["video"]
    said = ["--title", "Quayside", "--tags", "heron,reed", "--description", "dusk", "--notes", "tripod", "--batch", "B7"]
    second = ingest(data, film, *said)
    tap.equal((second["duplicate"], second["edited"], second["video"]["title"]), (True, True, "Quayside"))
    tap.equal((second["video"]["tags"], second["video"]["state"]), (["heron", "reed"], "indexed"))
    for word in ("quayside", "heron", "dusk"):
        hits = run("search", word, "--data", data, "--json").json()["hits"]
        tap.equal([h["video_id"] for h in hits], [first["video_id"]], word)
    tap.equal(run("search", "in:tag", "old", "--data", data, "--json").json()["hits"], [])
    tap.equal(ingest(data, film, *said)["edited"], False, "said again")
    sidecar = rushes.new_path("sidecar.json")
    run("get", first["video_id"], "sidecar", "--data", data, "-o", sidecar)
    with open(sidecar, encoding="utf-8") as f:
        text = f.read()
    for word in ("Quayside", "heron", "dusk", "tripod", "B7"):
        assert word in text, f"{word} is not in the sidecar: {text}"
    rushes.verify_is_sound(data)


def test_a_failed_video_that_is_done_now_is_no_duplicate():
    data = library()
    film = clip(seconds=3)
    run("ingest", "--data", data, "--limit.frames", "10", film, want=LIMIT)
    done = run("ingest", "--data", data, film)
    assert "already" not in done.out and "indexed" in done.out, done
    run("ingest", "--data", data, "--limit.frames", "10", clip(seconds=2), want=LIMIT)
    again = ingest(data, clip(seconds=2))
    tap.equal((again["duplicate"], again["resumed"], again["video"]["state"]), (False, True, "indexed"))


# ---- jobs

def test_jobs_are_chosen_by_state_video_and_number():
    data = library()
    videos = [ingest(data, clip(seconds=s), "--no-ocr")["video"]["video_id"] for s in (1, 2)]
    every = run("jobs", "list", "--data", data, "--json").json()
    tap.equal({j["video_id"] for j in jobs(data, videos[0])}, {videos[0]})
    tap.equal(len(jobs(data, videos[0])) + len(jobs(data, videos[1])), len(every))
    tap.equal(run("jobs", "list", "--state", "pending", "--data", data, "--json").json(), [])
    tap.equal(len(run("jobs", "list", "--state", "completed", "--data", data, "--json").json()), len(every))
    few = run("jobs", "list", "--limit", "2", "--data", data)
    tap.equal([line.split()[0] for line in few.lines()[:2]], [j["job_id"] for j in every[:2]])
    assert "more" in few.lines()[2], few
    for bad in (["--state", "x"], ["--limit", "0"], ["--limit", "x"]):
        run("jobs", "list", *bad, "--data", data, want=USAGE)
    run("jobs", "stats", "--limit", "3", "--data", data, want=USAGE)
    done = run("jobs", "cancel", every[0]["job_id"], "--data", data, want=FAILED)
    assert "ended already" in done.err, done


# ---- search, for people

def test_what_terminals_obey_is_not_printed():
    data = library()
    video = ingest(data, clip(seconds=2), "--title", "t", "--description", "plume \x1b]0;owned\x07 \x7f \u009b31m end")
    hits = run("search", "plume", "--data", data).out
    assert "plume" in hits, hits
    for bad in "\x1b\x07\x7f\u009b":
        assert bad not in hits, f"{bad!r} in {hits!r}"
    snippet = run("search", "plume", "--data", data, "--json").json()["hits"][0]["evidence"][0]["snippet"]
    assert "\u009b31m" in snippet, f"JSON is exact: {snippet!r} of {video['video']['video_id']}"


def test_a_query_without_a_word_says_so():
    data = library()
    ingest(data, clip(seconds=2))
    for query in ("-harbour", "*", '"'):
        done = run("search", "--data", data, "--", query)
        assert "no word" in done.out, f"{query}: {done}"
    run("search", "x", "--cursor", "", "--data", data, want=USAGE)


# ---- shots as others read them

def test_shot_numbers_can_be_given_to_cut():
    film = rushes.new_path("two.mp4")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i",
                  "gradients=s=320x180:r=25:d=3:c0=0x081020:c1=0x203060:speed=0.01", "-filter_complex",
                  "[0][1]concat=n=2,format=yuv420p", film)
    text = run("ingest", "--no-ocr", "--data", library(), film).out
    assert "frames 0-50" in text and "frames 50-125" in text, text
    assert [line for line in text.splitlines() if line.split()[:1] == ["0"]], f"no shot 0: {text}"
    out = rushes.new_path("out.mp4")
    told = run("cut", film, "--from", "f0", "--to", "f50", "-o", out).out
    assert "frames 0-50" in told, told


def test_otio_names_the_file_as_a_url():
    film = os.path.join(os.path.dirname(rushes.new_path("x")), "Größe 100%.mp4")
    os.link(clip(seconds=2), film)
    timeline = run("shots", os.path.basename(film), "--format", "otio", cwd=os.path.dirname(film)).json()
    tap.equal(timeline["name"], "Größe 100%.mp4")
    url = timeline["tracks"]["children"][0]["children"][0]["media_reference"]["target_url"]
    tap.equal(url, "file://" + os.path.realpath(os.path.dirname(film)) + "/Gr%C3%B6%C3%9Fe%20100%25.mp4")


def test_edl_of_a_variable_rate_counts_time():
    # 2 s at 25 a second, then 2 s at 5 a second: the last frame ends at 4 s, whatever the number of frames
    film = rushes.new_path("vfr.mkv")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4", "-vf", "select='lt(t,2)+not(mod(n,5))'", "-fps_mode",
                  "vfr", "-c:v", "libx264", "-preset", "veryfast", film)
    info = run("probe", film).json()
    edl = run("shots", film, "--format", "edl").out
    last = [line for line in edl.splitlines() if " V " in line][-1].split()[-1]
    hours, minutes, seconds, frames = map(int, last.split(":"))
    assert hours == minutes == 0 and abs(seconds + frames / 25 - 4) < 0.5, f"{last} of {info}"


# ---- places

def test_a_bad_temporary_folder_is_named():
    for command in (["frames", clip(seconds=2)], ["cut", clip(seconds=2), "-o", rushes.new_path("o.mp4")]):
        done = run(*command, env={"TMPDIR": "/no/such/folder"}, want=(FAILED, INPUT))
        said = [line for line in done.err.splitlines() if line.startswith("rushes: ")][0]
        assert "/no/such/folder" in said and "clip.mp4" not in said, said
    run("videos", "list", "--data", "", want=USAGE)


def test_a_full_temporary_folder_is_named():
    mount = os.path.dirname(rushes.new_path("x"))
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", mount],
                                           capture_output=True).returncode != 0:
        raise tap.Skip("no small file system can be mounted here")
    try:
        film = clip(seconds=2)
        with open(os.path.join(mount, "filler"), "wb") as f:
            f.write(b"x" * 4096)
        for command in (["frames", film], ["cut", film, "--to", "1", "-o", rushes.new_path("o.mp4")]):
            done = run(*command, env={"TMPDIR": mount}, want=FAILED)
            said = [line for line in done.err.splitlines() if line.startswith("rushes: ")][0]
            assert mount in said and "clip.mp4" not in said, said
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


tap.main(globals())
