"""Where results are written: -o of get and cut, standard output, and what stays when a run is ended."""
import os
import signal
import stat
import subprocess
import threading

import rushes
from rushes import FAILED, OK, USAGE, clip, ingest, library, run, tap

_one = {}


def one():
    if "data" not in _one:
        data = library()
        _one.update(data=data, id=ingest(data, clip(seconds=3))["video"]["video_id"])
    return _one["data"], _one["id"]


def long_film():
    """One that takes a while to cut, and that no pipe holds."""
    if "film" not in _one:
        _one["film"] = rushes.new_path("long.mp4")
        rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=24", "-c:v", "libx264", "-preset", "ultrafast",
                      _one["film"])
    return _one["film"]


def content(path):
    with open(path, "rb") as f:
        return f.read()


def new_folder():
    return os.path.dirname(rushes.new_path("x"))


def both(out):
    """get and cut with that output, as lists of arguments."""
    data, video = one()
    return [["get", video, "original", "--data", data, "-o", out], ["cut", clip(seconds=3), "--to", "1", "-o", out]]


# ---- what is there under the name

def test_get_writes_straight_into_a_pipe():
    folder = new_folder()
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(content(pipe)), daemon=True)
    reader.start()
    run(*both(pipe)[0])
    reader.join(rushes.DEADLINE_S)
    assert got and got[0] == content(clip(seconds=3)), "not the bytes of the original"
    assert stat.S_ISFIFO(os.stat(pipe).st_mode), "the pipe was replaced"
    tap.equal(os.listdir(folder), ["pipe"])


def test_cut_refuses_a_pipe_and_leaves_it():
    folder = new_folder()
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    done = run(*both(pipe)[1], want=USAGE)
    assert pipe in done.err, done
    assert stat.S_ISFIFO(os.stat(pipe).st_mode), "the pipe was replaced"
    tap.equal(os.listdir(folder), ["pipe"])


def test_devices_stay_devices():
    run(*both("/dev/null")[0])
    run(*both("/dev/null")[1], want=USAGE)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode), "/dev/null was replaced"


def test_a_link_stays_and_its_target_is_written():
    for i in range(2):
        for there in (True, False):
            folder = new_folder()
            link, target = os.path.join(folder, "link.mp4"), os.path.join(folder, "target.mp4")
            if there:
                with open(target, "wb") as f:
                    f.write(b"old")
            os.symlink("target.mp4", link)
            run(*both(link)[i])
            assert os.path.islink(link), "the link was replaced"
            assert os.path.getsize(target) > 1000
            tap.equal(sorted(os.listdir(folder)), ["link.mp4", "target.mp4"])


def test_an_output_that_can_not_be_is_told_before_the_work():
    folder = new_folder()
    for out in (".", "", "/nonexist/x.mp4", folder, os.path.join(folder, "new/"), clip(seconds=3) + "/below"):
        for args in both(out):
            done = run(*args, want=USAGE)
            said = [line for line in done.err.splitlines() if line.startswith("rushes: ")][0]
            assert "output" in said and "clip.mp4:" not in said, f"-o {out!r}: {said!r}"
            tap.equal(os.listdir(folder), [])
    # nothing is read of the film: one that would take long is refused at once, one that is missing too
    done = run("cut", "/no/such/film.mp4", "-o", "/nonexist/x.mp4", want=USAGE)
    assert "output" in done.err, done


def test_cut_writes_mp4_only_under_names_that_say_so():
    folder = new_folder()
    for name in ("x.mkv", "x.webm", "x.avi", "x.mp4.gif"):
        done = run("cut", clip(seconds=3), "--to", "1", "-o", os.path.join(folder, name), want=USAGE)
        assert ".mp4" in done.err, done
    tap.equal(os.listdir(folder), [])
    for name in ("x.mp4", "x.M4V", "x.mov", "no-ending"):
        run("cut", clip(seconds=3), "--to", "0.5", "-o", os.path.join(folder, name))
    tap.equal(len(os.listdir(folder)), 4)


# ---- ended runs

def test_a_killed_or_interrupted_cut_leaves_nothing():
    film = long_film()
    for sig in (signal.SIGKILL, signal.SIGINT):
        folder = new_folder()
        process = rushes.start("cut", film, "--from", "0", "-o", os.path.join(folder, "out.mp4"))

        def writes():
            """The output is open: an unnamed file in that folder, or a named one."""
            if process.poll() is not None:
                return True
            fds = f"/proc/{process.pid}/fd"
            try:
                return any(os.readlink(os.path.join(fds, fd)).startswith(folder) for fd in os.listdir(fds))
            except OSError:
                return False

        rushes.wait_for("the cut to write", writes)
        assert process.poll() is None, "it was over before it could be ended"
        os.kill(process.pid, sig)
        done = rushes.finish(process)
        assert done.code != OK, done
        tap.equal(os.listdir(folder), [], f"after {sig!r}")


# ---- what get gives is what was stored

def test_get_never_gives_a_damaged_file_as_a_good_one():
    data = library()
    video = ingest(data, clip(seconds=2))["video"]["video_id"]
    good = content(clip(seconds=2))
    paths = [os.path.join(d, n) for d, _, names in os.walk(os.path.join(data, "objects")) for n in names]
    path = next(p for p in paths if os.path.getsize(p) == len(good))
    for bad in (good[:-1], good[:500] + bytes([good[500] ^ 1]) + good[501:], good + b"x"):
        os.chmod(path, 0o644)
        with open(path, "wb") as f:
            f.write(bad)
        folder = new_folder()
        done = run("get", video, "original", "--data", data, "-o", os.path.join(folder, "x"), want=FAILED)
        assert "rushes verify" in done.err and "storage" in done.err, done
        tap.equal(os.listdir(folder), [])
        with open(os.devnull, "wb") as null:
            run("get", video, "original", "--data", data, stdout=null, want=FAILED)


# ---- standard output

def test_get_ends_quietly_when_the_reader_has_enough():
    data = library()
    film = long_film()
    assert os.path.getsize(film) > 1 << 20, "fits into a pipe"
    video = ingest(data, film, "--no-ocr")["video"]["video_id"]
    process = rushes.start("get", video, "original", "--data", data)
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    tap.equal((process.wait(rushes.DEADLINE_S), err), (OK, b""))


def test_closed_standard_descriptors_do_no_harm():
    data, video = one()
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        out = rushes.new_path("out.mp4")
        done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", rushes.PROGRAM, "get", video, "original", "--data",
                               data, "-o", out, "--json"], env=rushes.environment(), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=rushes.DEADLINE_S)
        # what can not be told is a failure, and goes into no file that was opened meanwhile
        tap.equal(done.returncode, FAILED if ">&- " in closed + " " and closed != "2>&-" else OK, f"{closed}: {done}")
        assert content(out) == content(clip(seconds=3)), f"{closed}: not the bytes of the original: {done}"
        rushes.verify_is_sound(data)


tap.main(globals())
