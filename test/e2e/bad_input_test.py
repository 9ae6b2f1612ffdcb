"""Bad input: one plain sentence, the right exit code, nothing half-written, and the next run works."""
import os
import random
import shutil
import struct
import subprocess

import rushes
from rushes import FAILED, INPUT, LIMIT, OK, USAGE, clip, ingest, library, run, tap


def written(name, data):
    path = rushes.new_path(name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def good_bytes():
    with open(clip(seconds=4), "rb") as f:
        return f.read()


def without_moov():
    data, out, at = good_bytes(), b"", 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind != b"moov":
            out += data[at:at + size]
        at += size
    return out


def noise(n, seed=3):
    return random.Random(seed).randbytes(n)


def wav(seconds=1):
    path = rushes.new_path("silence.wav")
    rushes.ffmpeg("-f", "lavfi", "-i", f"anullsrc=r=8000:cl=mono:d={seconds}", path)
    return path


# name -> (how to make it, exit codes that are right)
TABLE = {
    "empty": (lambda: written("empty.mp4", b""), (INPUT,)),
    "one byte": (lambda: written("one.mp4", b"\0"), (INPUT,)),
    "random bytes": (lambda: written("noise.mp4", noise(200_000)), (INPUT,)),
    "text renamed to mp4": (lambda: written("notes.mp4", b"Dear diary, today I filmed nothing.\n" * 400), (INPUT,)),
    "html renamed to mkv": (lambda: written("page.mkv", b"<html><body>404</body></html>" * 100), (INPUT,)),
    "a script": (lambda: written("x.mov", b"#!/bin/sh\necho hi\n" * 20), (INPUT,)),
    "a playlist that names other files": (lambda: written(
        "list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n#EXTINF:9,\nhttp://127.0.0.1:1/x\n"
        b"#EXT-X-ENDLIST\n"), (INPUT,)),
    "a concat list that names other files": (lambda: written(
        "list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n" * 10), (INPUT,)),
    "no moov": (lambda: written("nomoov.mp4", without_moov()), (INPUT,)),
    "only the first 100 bytes": (lambda: written("head.mp4", good_bytes()[:100]), (INPUT,)),
    "a picture": (lambda: picture(), (INPUT,)),
    "a zip": (lambda: written("x.mp4", b"PK\3\4" + noise(5000)), (INPUT,)),
    "a directory": (lambda: os.path.dirname(rushes.new_path("x")), (INPUT,)),
    "a missing file": (lambda: "/no/such/film.mp4", (INPUT,)),
    "a device": (lambda: "/dev/null", (INPUT,)),
    "a pipe": (lambda: pipe(), (INPUT,)),
    "a broken link": (lambda: broken_link(), (INPUT,)),
}


def picture():
    path = rushes.new_path("still.png")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1:r=1", "-frames:v", "1", path)
    return path


def pipe():
    path = rushes.new_path("pipe.mp4")
    os.mkfifo(path)
    return path


def broken_link():
    path = rushes.new_path("link.mp4")
    os.symlink("/no/such/target", path)
    return path


def check_sentence(done, name):
    # Log lines are for whoever keeps logs; what remains is for people.
    lines = [line for line in done.err.splitlines() if line.strip() and not line.startswith("time=")]
    assert lines, f"{name}: says nothing: {done}"
    assert lines[0].startswith("rushes: "), f"{name}: {lines[0]!r}"
    assert len(lines) <= 3, f"{name}: more than a sentence and a next step: {lines!r}"
    for word in ("Invalid data found", "Assertion", "(null)", "errno", "moov atom", "0x"):
        assert word not in " ".join(lines), f"{name}: '{word}' is not for people: {lines!r}"


def test_each_bad_input_is_refused_with_a_sentence_and_its_exit_code():
    data = library()
    for name, (make, codes) in TABLE.items():
        path = make()
        done = run("ingest", "--data", data, "--", path, want=None)
        assert done.code in codes, f"{name}: wanted {codes}: {done}"
        check_sentence(done, name)
    good = ingest(data, clip(seconds=2))
    tap.equal(good["video"]["state"], "indexed", "a good file afterwards")
    rushes.verify_is_sound(data)


def test_commands_on_one_file_refuse_the_same():
    for name, (make, codes) in TABLE.items():
        path = make()
        for command in (["probe", path], ["frames", path], ["shots", path],
                        ["cut", path, "--from", "0", "--to", "1", "-o", rushes.new_path("out.mp4")]):
            done = run(*command, want=None)
            if name == "a picture" and command[0] == "probe":
                continue  # telling what it is may be right
            assert done.code in codes, f"{command[0]} {name}: wanted {codes}: {done}"
            check_sentence(done, f"{command[0]} {name}")


def test_a_file_without_permission_is_refused():
    path = rushes.new_path("secret.mp4")
    shutil.copy(clip(seconds=2), path)
    os.chmod(path, 0)
    folder = os.path.dirname(rushes.new_path("x"))
    os.chmod(folder, 0o777)
    preexec = None
    if os.geteuid() == 0:
        for place in (rushes.PROGRAM, path, folder):
            while place != "/":
                place = os.path.dirname(place)
                if not os.stat(place).st_mode & 0o001:
                    preexec = "closed"
        if preexec == "closed":
            # mkdtemp made folders that only root enters: open the way, they are ours
            place = folder
            while place != "/" and os.path.basename(os.path.dirname(place)) != "tmp":
                os.chmod(place, 0o755 if place != folder else 0o777)
                place = os.path.dirname(place)
            os.chmod(place, 0o755)
        preexec = rushes.drop_privileges
    try:
        done = run("probe", path, want=None, preexec=preexec, cwd=folder)
    except (PermissionError, subprocess.SubprocessError):
        raise tap.Skip("another user can not reach the program here") from None
    tap.equal(done.code, INPUT, str(done))
    check_sentence(done, "no permission")


def test_a_truncated_film_gives_what_is_there_or_a_sentence():
    data = library()
    whole = clip(seconds=4, extra=("-movflags", "+faststart"), name="fast.mp4")
    with open(whole, "rb") as f:
        all_bytes = f.read()
    for share in (0.3, 0.6, 0.95):
        path = written(f"cut{share}.mp4", all_bytes[:int(len(all_bytes) * share)])
        done = run("ingest", "--data", data, "--json", path, want=None)
        assert done.code in (OK, INPUT), done
        if done.code == OK:
            video = done.json()["video"]
            assert 0 < video["frame_count"] < 100, f"{video['frame_count']} frames of a truncated file"
    rushes.verify_is_sound(data)


def test_damaged_films_do_no_harm():
    data = library()
    base = bytearray(good_bytes())
    rng = random.Random(11)
    for i in range(8):
        damaged = bytearray(base)
        for _ in range(1 + i * 20):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        done = run("ingest", "--data", data, "--json", "--no-ocr", written(f"damaged{i}.mp4", damaged), want=None)
        assert done.code in (OK, INPUT, LIMIT, FAILED), done
        assert done.code != FAILED or done.json(), done
    rushes.verify_is_sound(data)


def test_absurd_claims_meet_a_limit():
    # The container claims more than the pictures have: refused, or taken with the pictures' own size.
    big = written("big.mp4", patched_dimensions(65000, 65000))
    done = run("ingest", "--data", library(), "--json", big, want=None)
    assert done.code in (OK, INPUT, LIMIT), done
    if done.code == OK:
        video = done.json()["video"]
        tap.equal((video["width"], video["height"]), (320, 180), "size as decoded")
    run("ingest", "--data", library(), clip(seconds=4), "--limit.duration", "2s", want=LIMIT)
    run("ingest", "--data", library(), clip(seconds=4), "--limit.size", "1k", want=LIMIT)
    run("ingest", "--data", library(), clip(seconds=4), "--limit.pixels", "4096", want=LIMIT)
    run("ingest", "--data", library(), clip(seconds=4), "--limit.frames", "10", want=LIMIT)


def patched_dimensions(width, height):
    """The good clip, claiming another picture size in its sample description and track header."""
    data = bytearray(good_bytes())
    at = data.find(b"avc1")
    assert at > 0
    struct.pack_into(">HH", data, at + 4 + 24, width, height)
    return bytes(data)


def test_kinds_that_are_fine_are_taken():
    data = library()
    kinds = {
        "one frame": clip(seconds=0.04, audio=False, name="one.mp4"),
        "no sound": clip(seconds=2, audio=False, name="mute.mp4"),
        "a wrong extension": shutil.copy(clip(seconds=2), rushes.new_path("film.avi")),
        "no extension": shutil.copy(clip(seconds=2, fps="10"), rushes.new_path("film")),
        "odd size": odd_size(),
    }
    for name, path in kinds.items():
        video = ingest(data, path)["video"]
        tap.equal(video["state"], "indexed", name)
    rushes.verify_is_sound(data)


def odd_size():
    path = rushes.new_path("odd.mkv")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=321x179:r=25:d=2,format=yuv444p", "-c:v", "ffv1", path)
    return path


def test_sound_alone_is_taken_or_refused_with_a_sentence():
    data = library()
    done = run("ingest", "--data", data, "--json", wav(), want=None)
    assert done.code in (OK, INPUT), done
    rushes.verify_is_sound(data)


def test_a_data_folder_that_can_not_be_is_a_sentence():
    path = clip(seconds=1)
    file = written("file", b"x")
    link = broken_link()
    for data in ("/proc/nope", file, file + "/below", link):
        done = run("ingest", "--data", data, path, want=None)
        assert done.code in (FAILED, USAGE, INPUT), done
        check_sentence(done, data)
        assert data in done.err, f"the folder is not named: {done}"


def test_a_full_disk_is_a_sentence_and_the_next_run_works():
    mount = os.path.dirname(rushes.new_path("x"))
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", mount],
                                           capture_output=True).returncode != 0:
        raise tap.Skip("no small file system can be mounted here")
    try:
        data = os.path.join(mount, "data")
        path = clip(seconds=6, size="640x360", extra=("-crf", "6"))
        done = run("ingest", "--data", data, path, want=None)
        tap.equal(done.code, FAILED, str(done))
        check_sentence(done, "full disk")
        assert "storage" in done.err, done.err
        subprocess.run(["mount", "-o", "remount,size=200m", mount], check=True)
        tap.equal(ingest(data, path)["video"]["state"], "indexed")
        rushes.verify_is_sound(data)
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


tap.main(globals())
