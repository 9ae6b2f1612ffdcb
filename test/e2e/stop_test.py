"""Stopping and killing an ingest: what was finished is kept, the next run goes on, nothing is double or left over."""
import os
import signal

import rushes
from rushes import FAILED, OK, ingest, library, run, tap


_long = []


def long_clip():
    """Long enough to be stopped in the middle."""
    if not _long:
        _long.append(rushes.new_path("long.mp4"))
        rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=960x540:r=25:d=40", "-f", "lavfi", "-i", "sine=r=48000:d=40", "-c:v",
                      "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", _long[0])
    return _long[0]


def states(data):
    if not os.path.exists(os.path.join(data, "rushes.db")):
        return []
    done = run("videos", "list", "--data", data, "--json", want=None)
    return [v["state"] for v in done.json()] if done.code == OK else []


def started(data):
    """An ingest that is in the middle of its pass."""
    process = rushes.start("ingest", "--data", data, "--json", "--queue.lease", "2s", long_clip())
    rushes.wait_for("processing", lambda: "processing" in states(data) or process.poll() is not None)
    if process.poll() is not None:
        raise tap.Skip("the ingest was over before it could be stopped")
    return process


def check_goes_on(data):
    video = ingest(data, long_clip())["video"]
    tap.equal(video["state"], "indexed")
    tap.equal(video["frame_count"], 1000)
    tap.equal(states(data), ["indexed"])
    rushes.verify_is_sound(data)


def test_sigint_stops_and_the_next_ingest_goes_on():
    for sig in (signal.SIGINT, signal.SIGTERM):
        data = library()
        process = started(data)
        process.send_signal(sig)
        done = rushes.finish(process)
        assert done.code == FAILED, f"{sig}: {done}"
        check_goes_on(data)


def test_a_kill_is_survived_by_the_next_ingest():
    data = library()
    process = started(data)
    rushes.kill_group(process)
    rushes.finish(process)
    check_goes_on(data)


def test_a_kill_is_survived_by_work():
    data = library()
    process = started(data)
    rushes.kill_group(process)
    rushes.finish(process)
    run("work", "--drain", "--data", data, "--queue.lease", "1s")
    tap.equal(states(data), ["indexed"])
    rushes.verify_is_sound(data)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def test_a_media_child_that_is_killed_fails_one_attempt_only():
    data = library()
    process = rushes.start("ingest", "--data", data, "--json", "--queue.backoff", "0s", "--queue.lease", "2s", long_clip())
    rushes.wait_for("processing", lambda: "processing" in states(data) or process.poll() is not None)
    child = rushes.wait_for("a media child", lambda: children(process.pid) or process.poll() is not None)
    if process.poll() is not None:
        raise tap.Skip("the ingest was over before its child could be killed")
    os.kill(child[0], signal.SIGKILL)
    done = rushes.finish(process)
    if done.code != OK:
        # It may leave the retry to the next run; then that one must do it.
        check_goes_on(data)
        return
    tap.equal(done.json()["video"]["state"], "indexed")
    rushes.verify_is_sound(data)


tap.main(globals())
