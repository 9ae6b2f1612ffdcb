"""The command line on one file, and its manners: help, usage, exit codes, forms of output."""
import csv
import io
import json
import os
import random
import subprocess

import rushes
from rushes import FAILED, INPUT, LIMIT, OK, USAGE, clip, run, tap

COMMANDS = ["ingest", "search", "videos", "get", "probe", "frames", "shots", "cut", "reframe", "track", "work", "jobs", "verify", "rebuild",
            "doctor"]


def rows(done):
    return list(csv.DictReader(io.StringIO(done.out)))


# ---- help and usage

def test_help_lists_every_command():
    for args in (["help"], ["--help"], ["-h"]):
        text = run(*args).out
        for name in COMMANDS:
            assert f"  {name} " in text, f"{name} is not in 'rushes {args[0]}'"


def test_every_command_that_help_lists_is_known_here():
    listed = [line.split()[0] for line in run("help").lines() if line.startswith("  ") and line[2:3].islower()]
    unknown = set(listed) - set(COMMANDS) - {"rushes"}
    assert not unknown, f"commands without a test: {unknown}"


def test_every_command_has_help_of_its_own():
    for name in COMMANDS:
        for args in ([name, "--help"], ["help", name]):
            text = run(*args).out
            assert text.startswith(f"usage: rushes {name}"), f"{args}: {text[:80]!r}"
            assert "--json" in text, f"{name}: no --json"


def test_help_of_settings_names_flag_and_default():
    text = run("help", "settings").out
    assert "proxy.height" in text and "480" in text


def test_version_is_the_one_of_the_build():
    with open(os.path.join(rushes.ROOT, "meson.build"), encoding="utf-8") as f:
        version = f.read().split("version: '", 1)[1].split("'", 1)[0]
    for args in (["version"], ["--version"]):
        tap.equal(run(*args).out.strip(), f"rushes {version}")


def test_wrong_usage_is_status_2_and_one_sentence():
    path = clip()
    table = [
        [], ["no-such-command"], ["probe"], ["probe", "--no-such-option", path], ["probe", path, path],
        ["shots", path, "--format", "xml"], ["shots", path, "--threshold", "-3"], ["shots", path, "--detector", "x"],
        ["cut", path], ["cut", path, "--from", "nonsense", "-o", rushes.new_path("o.mp4")], ["search"],
        ["ingest"], ["videos", "frobnicate"], ["get", "x"], ["help", "no-such-command"], ["--proxy.height", "12", "doctor"],
        ["--proxy.heigth", "480", "doctor"], ["search", "x", "--limit", "0"],
    ]
    for args in table:
        done = run(*args, want=USAGE)
        text = done.err or done.out  # without any argument the help is the answer
        assert text.strip(), f"{args}: says nothing"
        assert "rushes" in text, f"{args}: {text!r}"


def test_errors_as_json_have_category_sentence_and_next_step():
    done = run("probe", "--json", "/no/such/file.mp4", want=INPUT)
    error = done.json()["error"]
    for key in ("code", "category", "message", "next"):
        assert error[key], f"{key} is empty in {error}"
    tap.equal(error["code"], "not_found")
    told = [line for line in done.err.splitlines() if not line.startswith("time=")]
    tap.equal(told, [], "what is said beside the JSON and the log")


def test_a_full_output_is_a_failure():
    with open("/dev/full", "wb") as full:
        done = run("frames", clip(), want=None, stdout=full)
    assert done.code == FAILED, done


def test_a_reader_that_leaves_early_is_not_a_failure():
    process = rushes.start("frames", clip(seconds=40, size="192x64", audio=False))
    process.stdout.close()
    code = process.wait(rushes.DEADLINE_S)
    process.stderr.close()
    assert code in (0, -13), f"status {code}"


def test_settings_come_from_flag_environment_and_file():
    path = clip(seconds=4)
    run("probe", path, "--limit.duration", "1s", want=LIMIT)
    run("probe", path, env={"RUSHES_LIMIT_DURATION": "1s"}, want=LIMIT)
    run("probe", path, "--limit.duration", "1m", env={"RUSHES_LIMIT_DURATION": "1s"})
    config = rushes.new_path("rushes.conf")
    with open(config, "w", encoding="utf-8") as f:
        f.write("# a comment\nlimit.duration = 1s\n")
    run("probe", path, env={"RUSHES_CONFIG": config}, want=LIMIT)
    with open(config, "a", encoding="utf-8") as f:
        f.write("no.such.setting = 1\n")
    done = run("probe", path, env={"RUSHES_CONFIG": config}, want=USAGE)
    assert "3" in done.err, f"the line is not named: {done}"


# ---- probe, frames, shots

def test_probe_tells_what_ffprobe_tells():
    path = clip(seconds=4)
    info = run("probe", path).json()
    text = json.dumps(info)
    for word in ("h264", "aac", "320", "180", "48000"):
        assert word in text, f"{word} is not in {text}"
    run("probe", path, "--json").json()


def test_frames_are_those_that_ffprobe_lists():
    for path in (clip(), clip(fps="30000/1001", extra=("-bf", "3")), clip(extra=("-bf", "0"), name="clip.mkv"),
                 clip(fps="24", audio=False, name="clip.mov")):
        got = rows(run("frames", path))
        want = rushes.ffprobe(path, "-select_streams", "v:0", "-show_frames", "-show_entries",
                              "frame=best_effort_timestamp,key_frame")["frames"]
        tap.equal(len(got), len(want), f"frames of {os.path.basename(path)}")
        for g, w in zip(got, want):
            tap.equal(int(g["pts"]), int(w["best_effort_timestamp"]), f"pts of frame {g['frame']}")
            tap.equal(int(g["key"]), int(w["key_frame"]), f"key flag of frame {g['frame']}")
        tap.equal([int(g["frame"]) for g in got], list(range(len(want))), "numbers")


def test_frames_as_json_say_the_same_as_csv():
    path = clip()
    data = run("frames", path, "--json").json()
    table = rows(run("frames", path))
    tap.equal([f["pts"] for f in data["frames"]], [int(r["pts"]) for r in table])


def two_shots():
    path = rushes.new_path("two.mp4")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i",
                  "gradients=s=320x180:r=25:d=3:c0=0x081020:c1=0x203060:speed=0.01", "-filter_complex",
                  "[0][1]concat=n=2,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", path)
    return path


def test_shots_finds_the_cut_in_every_format():
    path = two_shots()
    for detector in ("content", "adaptive"):
        table = rows(run("shots", path, "--detector", detector))
        tap.equal([(int(r["start_frame"]), int(r["end_frame"])) for r in table], [(0, 50), (50, 125)], detector)
        tap.equal(list(table[0]), ["shot", "start_frame", "end_frame", "start_seconds", "end_seconds"])
        tap.equal(table[1]["start_seconds"], "2.000000")
    data = run("shots", path, "--format", "json").json()
    tap.equal([s["start_frame"] for s in data["shots"]], [0, 50])
    timeline = run("shots", path, "--format", "otio").json()
    tap.equal(timeline["OTIO_SCHEMA"], "Timeline.1")
    edl = run("shots", path, "--format", "edl").out
    assert "TITLE:" in edl and "00:00:02:00" in edl, edl


# ---- cut

def test_cuts_are_exact_to_the_frame():
    random.seed(7)
    kinds = [clip(), clip(fps="30000/1001", extra=("-bf", "3", "-g", "30")), clip(extra=("-bf", "0"), name="clip.mkv")]
    for path in kinds:
        table = rows(run("frames", path))
        for _ in range(4):
            a = random.randrange(0, len(table) - 2)
            b = random.randrange(a + 1, len(table))
            out = rushes.new_path("cut.mp4")
            run("cut", path, "--from", f"f{a}", "--to", f"f{b}", "-o", out)
            tap.equal(rushes.frame_numbers(out), list(range(a, b)), f"frames [{a}, {b}) of {os.path.basename(path)}")


def test_a_cut_by_times_takes_the_frames_from_the_first_up_to_the_second():
    path = clip()
    out = rushes.new_path("cut.mp4")
    run("cut", path, "--from", "1.0", "--to", "0:02.0", "-o", out)
    tap.equal(rushes.frame_numbers(out), list(range(25, 50)))
    streams = {s["codec_type"]: s for s in rushes.ffprobe(out, "-show_streams")["streams"]}
    assert abs(float(streams["audio"]["duration"]) - 1.0) < 0.05, streams["audio"]["duration"]
    tap.equal(float(streams["video"]["start_time"]), 0.0, "start")


def test_cuts_that_meet_lose_and_repeat_nothing():
    path = clip()
    frames = []
    for a, b in (("0", "1.013"), ("1.013", "2.5"), ("2.5", None)):
        out = rushes.new_path("part.mp4")
        run("cut", path, "--from", a, *(("--to", b) if b else ()), "-o", out)
        frames += rushes.frame_numbers(out)
    tap.equal(frames, list(range(100)))


def test_a_cut_that_can_not_be_made_leaves_nothing_behind():
    path = clip()
    folder = os.path.dirname(rushes.new_path("x"))
    out = os.path.join(folder, "out.mp4")
    run("cut", path, "--from", "3", "--to", "2", "-o", out, want=USAGE)
    run("cut", path, "--from", "900", "-o", out, want=USAGE)
    run("cut", path, "--from", "1", "-o", os.path.join(folder, "no", "such", "out.mp4"), want=USAGE)
    run("cut", path, "--from", "0", "-o", out, preexec=rushes.limit_file_size(4096), want=(FAILED, LIMIT))
    tap.equal(os.listdir(folder), [])


def test_a_cut_onto_its_own_input_is_refused():
    path = clip()
    with open(path, "rb") as f:
        before = f.read()
    run("cut", path, "--from", "1", "-o", path, want=USAGE)
    with open(path, "rb") as f:
        assert f.read() == before, "the input was changed"


# ---- doctor

def test_doctor_says_what_is_active():
    text = run("doctor", cwd=os.path.dirname(rushes.new_path("x"))).out
    assert text.strip()
    data = run("doctor", "--json", cwd=os.path.dirname(rushes.new_path("x"))).json()
    assert data, "empty"


def test_commands_on_one_file_make_no_library():
    folder = os.path.dirname(rushes.new_path("x"))
    path = clip()
    for args in (["probe", path], ["frames", path], ["shots", path], ["doctor"], ["help"]):
        run(*args, cwd=folder)
    tap.equal(os.listdir(folder), [])
    for args in (["search", "x"], ["videos", "list"], ["verify"]):
        done = run(*args, cwd=folder, want=None)
        assert done.code != OK, f"without a library: {done}"
        tap.equal(os.listdir(folder), [], str(args))


def test_nothing_is_printed_to_standard_error_by_a_good_run():
    path = clip()
    for args in (["probe", path], ["frames", path], ["shots", path], ["doctor"]):
        done = subprocess.run([rushes.PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              env=rushes.environment(), cwd=os.path.dirname(rushes.new_path("x")))
        tap.equal(done.stderr, b"", f"standard error of {args[0]}")


tap.main(globals())
