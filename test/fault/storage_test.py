"""Disks that are full, folders that can not be written, files that change or go: real ones, no fault points needed."""
import contextlib
import os
import shutil
import subprocess
import threading

import faulty
import rushes
from faulty import QUICK, check_one_video, check_sentence, check_sound, film, run, tap

MB = 1 << 20


@contextlib.contextmanager
def small_disk(size):
    """A file system of that many bytes of its own; only root can make one."""
    folder = os.path.dirname(rushes.new_path("x"))
    if os.geteuid() != 0 or not shutil.which("mount"):
        raise tap.Skip("only root can mount a small disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if made.returncode != 0:
        raise tap.Skip("no file systems can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def test_file_that_can_not_fit_is_refused_before_it_is_copied():
    with small_disk(2 * MB) as disk:
        big = rushes.new_path("big.mp4")
        with open(big, "wb") as f:
            f.truncate(40 * MB)
        data = os.path.join(disk, "data")
        done = run("ingest", "--data", data, big, want=rushes.FAILED)
        said = check_sentence(done, "no room")
        assert "is full: 41.9 MB needed," in said and " free." in said, said
        check_sound(data, "no room")
        tap.equal(faulty.Rows(data).count("uploads"), 0, "uploads that were begun")


def fill(disk, size, data):
    """An ingest on a disk of that size; what must hold then, and after room was made."""
    remount(disk, f"size={size}")
    done = run("ingest", "--data", data, film(), env=QUICK, want=None)
    when = f"a disk of {size // 1024} kB"
    assert done.code in (rushes.OK, rushes.FAILED), f"{when}: {done}"
    if done.code == rushes.FAILED:
        said = check_sentence(done, when)
        assert "full" in said or "storage" in said, f"{when}: {said}"
    remount(disk, f"size={64 * MB}")
    run("ingest", "--data", data, film(), env=QUICK)
    check_one_video(data, f"{when}, then room", dead_letters=True)
    return done.code == rushes.FAILED


def test_disk_that_fills_up_at_any_point():
    faulty.reference()
    failed = []
    with small_disk(64 * MB) as disk:
        for i, size in enumerate(range(64 * 1024, 6600 * 1024, 272 * 1024)):
            data = os.path.join(disk, f"data{i}")
            failed.append(fill(disk, size, data))
            shutil.rmtree(data)
    print(f"# {sum(failed)} of {len(failed)} sizes were too small")
    assert sum(failed) > 3 and not all(failed)


def test_read_only_disk():
    faulty.reference()
    with small_disk(64 * MB) as disk:
        data = os.path.join(disk, "data")
        run("ingest", "--data", data, film())
        other = os.path.join(os.path.dirname(film()), "other.mp4")
        with open(other, "wb") as f:
            f.write(faulty.variant(1))
        remount(disk, "ro")
        try:
            done = run("ingest", "--data", data, other, want=rushes.FAILED)
            check_sentence(done, "read-only disk")
            done = run("ingest", "--data", os.path.join(disk, "new"), other, want=rushes.FAILED)
            check_sentence(done, "read-only disk, new library")
        finally:
            remount(disk, "rw")
        check_one_video(data, "after the disk was read-only")
        run("ingest", "--data", data, other)
        check_sound(data, "written again")


def open_to_all(path):
    """Lets another user come as far as path."""
    while path.startswith(rushes._dir):
        os.chmod(path, 0o755)
        path = os.path.dirname(path)


def test_folder_without_permission():
    folder = os.path.dirname(rushes.new_path("x"))
    path = os.path.join(folder, "film.mp4")
    shutil.copy(film(), path)
    open_to_all(path)
    data = os.path.join(folder, "data")
    preexec = None
    if os.geteuid() == 0:
        preexec = rushes.drop_privileges
    else:
        os.chmod(folder, 0o555)
    try:
        done = run("ingest", "--data", data, path, want=None, preexec=preexec, cwd="/")
    except (PermissionError, subprocess.SubprocessError):
        raise tap.Skip("another user can not reach the program here") from None
    finally:
        os.chmod(folder, 0o755)
    tap.equal(done.code, rushes.INPUT, str(done))
    check_sentence(done, "no permission")
    assert not os.path.exists(data), "something was written"


def test_data_folder_that_is_a_file():
    path = rushes.new_path("data")
    with open(path, "w") as f:
        f.write("mine")
    done = run("ingest", "--data", path, film(), want=None)
    assert done.code != rushes.OK, done
    check_sentence(done, "data is a file")
    with open(path) as f:
        tap.equal(f.read(), "mine", "the file")


def test_file_that_grows_while_it_is_read():
    data, path = rushes.library(), rushes.new_path("growing.mp4")
    with open(path, "wb") as f:
        f.truncate(64 * MB)
    stop = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as f:
            while not stop.wait(0.001):
                f.write(b"more")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        done = run("ingest", "--data", data, path, want=rushes.FAILED)
    finally:
        stop.set()
        writer.join()
    said = check_sentence(done, "growing")
    assert "changed while it was being read" in said, said
    rows = check_sound(data, "growing")
    tap.equal(rows.count("videos"), 0, "videos")
    tap.equal(rows.count("objects"), 0, "objects")


def test_one_file_of_many_has_gone():
    data, gone = rushes.library(), rushes.new_path("gone.mp4")
    done = run("ingest", "--data", data, gone, film(), want=rushes.INPUT)
    assert "There is no file" in check_sentence(done, "gone"), done
    check_one_video(data, "the other file")


def test_lost_and_damaged_objects_are_mended():
    data = rushes.library()
    run("ingest", "--data", data, film())
    derived = [p for p in faulty.files_below(os.path.join(data, "objects", "derived"))]
    for path in derived[::2]:
        os.remove(path)
    for path in derived[1::2]:
        os.chmod(path, 0o644)
        with open(path, "r+b") as f:
            f.write(b"\xff" * 7)
    done = run("verify", "--data", data, "--json", want=rushes.FAILED)
    found = done.json()
    tap.equal(found["problems"]["missing"] + found["problems"]["damaged"], len(derived), "findings")
    run("verify", "--data", data, "--repair")
    run("work", "--drain", "--data", data)
    rows = check_sound(data, "mended")
    # made again by the same stages from the same original: the same bytes under the same names
    tap.equal(faulty.object_names(rows), faulty.object_names(faulty.reference()) + ["sidecars/VIDEO/000003.json"],
              "objects")


def test_lost_original_is_healed_by_the_file():
    data = rushes.library()
    run("ingest", "--data", data, film())
    original = faulty.files_below(os.path.join(data, "objects", "originals"))[0]
    os.remove(original)
    run("verify", "--data", data, "--repair", want=rushes.FAILED)  # a loss is said once
    tap.equal([v["state"] for v in faulty.Rows(data).tables["videos"]], ["failed"], "state after repair")
    check_sound(data, "original lost")
    run("ingest", "--data", data, film())
    rows = check_sound(data, "healed")
    tap.equal([v["state"] for v in rows.tables["videos"]], ["indexed"], "state after healing")
    assert os.path.exists(original)


def test_damaged_original_is_healed_by_the_file():
    data = rushes.library()
    run("ingest", "--data", data, film())
    original = faulty.files_below(os.path.join(data, "objects", "originals"))[0]
    os.chmod(original, 0o644)
    with open(original, "r+b") as f:
        f.seek(1000)
        f.write(b"rot")
    run("verify", "--data", data, "--repair", want=rushes.FAILED)
    run("ingest", "--data", data, film())
    rows = check_sound(data, "healed")
    tap.equal([v["state"] for v in rows.tables["videos"]], ["indexed"], "state after healing")
    with open(original, "rb") as a, open(film(), "rb") as b:
        assert a.read() == b.read(), "the original is not the file"


def test_interrupted_upload_is_ended_by_repair():
    data = rushes.library()
    points = faulty.points_of_an_ingest()
    first = points.index("store.write") + 1
    done = run("ingest", "--data", data, film(), env={"RUSHES_FAULT": f"kill:{first}"}, want=None)
    assert done.code < 0, done
    found = run("verify", "--data", data, "--json", want=rushes.FAILED).json()
    tap.equal((found["problems"]["upload"], found["problems"]["scratch"]), (1, 1), "upload, scratch")
    run("verify", "--data", data, "--repair")
    rows = check_sound(data, "repaired")
    tap.equal([u["state"] for u in rows.tables["uploads"]], ["failed"], "upload")
    run("ingest", "--data", data, film())
    check_one_video(data, "after repair")


def test_database_made_again_from_the_store():
    data = rushes.library()
    run("ingest", "--data", data, film(), "--title", "Täglich", "--tags", "a,b", "--notes", "n")
    before = faulty.Rows(data)
    for name in os.listdir(data):
        if name.startswith("rushes.db"):
            os.remove(os.path.join(data, name))
    run("rebuild", "--data", data)
    after = check_sound(data, "rebuilt")
    forget = {"updated_at", "revision", "text_id", "created_at", "worker_id"}
    for table in ("videos", "scenes", "texts", "objects"):
        def plain(rows):
            return sorted(str(sorted((k, v) for k, v in row.items() if k not in forget)) for row in rows.tables[table])
        tap.equal(plain(after), plain(before), f"rows of {table}")
    done = run("search", "Täglich", "--data", data, "--json")
    assert after.tables["videos"][0]["video_id"] in done.out, done


tap.main(globals())
