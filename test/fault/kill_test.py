"""kill -9 of the whole program at every durable step, and at random times: the next run goes on where it stopped.

    kill_test.py          a part of the steps: every kind of step, and some of each
    kill_test.py --all    every single step, twice
"""
import os
import random
import shutil
import signal
import sys
import time

import faulty
import rushes
from faulty import check_one_video, check_sound, film, run, tap
from kill_steps import some_steps

ALL = "--all" in sys.argv
KILLED = -signal.SIGKILL
STEPS_MAX = 5000


def killed_at(n):
    """A library whose ingest was killed at its n-th step, and whether it was: there may be fewer steps."""
    data = rushes.library()
    done = run("ingest", "--data", data, film(), env={"RUSHES_FAULT": f"kill:{n}"}, want=None)
    if done.code == rushes.OK:
        return data, False
    tap.equal(done.code, KILLED, f"status of kill:{n} ({done})")
    return data, True


def then_work(n):
    data, killed = killed_at(n)
    when = f"kill:{n}, then work"
    before = faulty.Rows(data)
    if not before.there:
        os.makedirs(data, exist_ok=True)
    if killed and before.there:
        run("work", "--drain", "--data", data)
        rows = check_sound(data, when)
        if before.promised():
            check_one_video(data, when, before.completed())
        else:
            tap.equal(rows.count("videos"), 0, f"{when}: videos of an upload that had not all bytes")
    run("ingest", "--data", data, film())
    check_one_video(data, when + ", then ingest", before.completed())
    shutil.rmtree(data)
    return killed


def then_ingest(n):
    data, killed = killed_at(n)
    before = faulty.Rows(data)
    run("ingest", "--data", data, film())
    check_one_video(data, f"kill:{n}, then ingest", before.completed())
    shutil.rmtree(data)
    return killed


def test_killed_at_a_step_work_or_the_next_ingest_finishes_it():
    if ALL:
        raise tap.Skip("the next test does every step")
    steps = some_steps(faulty.points_of_an_ingest())
    faulty.reference()
    jobs = [(lambda n=n: then_work(n)) if i % 2 else (lambda n=n: then_ingest(n)) for i, n in enumerate(steps)]
    killed = faulty.in_parallel(jobs)
    print(f"# {len(steps)} of {steps[-1]} steps, {sum(killed)} kills")
    assert sum(killed) >= len(steps) - 4, "the steps of an ingest are not the same every time"


def every_step(then):
    faulty.points_of_an_ingest()
    faulty.reference()
    n, kills = 1, 0
    while True:
        killed = faulty.in_parallel([lambda k=k: then(k) for k in range(n, n + 8)])
        kills += sum(killed)
        if not all(killed):
            break
        n += 8
        assert n < STEPS_MAX, "no ingest came to its end"
    print(f"# {kills} steps, each killed once")
    assert kills > 100


def test_killed_at_every_step_work_finishes_it():
    if not ALL:
        raise tap.Skip("runs with --all")
    every_step(then_work)


def test_killed_at_every_step_the_next_ingest_finishes_it():
    if not ALL:
        raise tap.Skip("runs with --all")
    every_step(then_ingest)


def test_work_that_is_killed_at_a_step_is_finished_by_the_next():
    points = faulty.points_of_an_ingest()
    faulty.reference()
    # Killed once as soon as the video is there, so that work has all of it to do; then work is killed in turn.
    first = points.index("queue.claim")

    def one(n):
        data, killed = killed_at(first)
        assert killed, "the ingest came to its end"
        before = faulty.Rows(data)
        assert before.promised()
        done = run("work", "--drain", "--data", data, env={"RUSHES_FAULT": f"kill:{n}"}, want=None)
        between = faulty.Rows(data)
        run("work", "--drain", "--data", data)
        check_one_video(data, f"work kill:{n}", between.completed())
        shutil.rmtree(data)
        return done.code == KILLED

    steps = range(1, len(points), 1 if ALL else 12)
    killed = faulty.in_parallel([lambda n=n: one(n) for n in steps])
    print(f"# {sum(killed)} kills of work")
    assert sum(killed) > len(steps) / 3


def test_killed_from_outside_at_a_random_time():
    faulty.reference()
    dice = random.Random(20261120)
    begin = time.monotonic()
    run("ingest", "--data", rushes.library(), film())
    takes = time.monotonic() - begin

    def one(i):
        data = rushes.library()
        process = rushes.start("ingest", "--data", data, film())
        try:  # ends early when the program does: the moment of the kill is what is tested, nothing is waited for
            process.wait(timeout=delays[i])
        except rushes.subprocess.TimeoutExpired:
            pass
        if i % 2:
            rushes.kill_group(process)
        else:
            process.kill()  # its children must notice by themselves
        done = rushes.finish(process)
        before = faulty.Rows(data)
        if i % 3 == 0 and before.there:
            run("work", "--drain", "--data", data)
            check_sound(data, f"killed after {delays[i]:.3f} s, then work")
        run("ingest", "--data", data, film())
        check_one_video(data, f"killed after {delays[i]:.3f} s", before.completed())
        shutil.rmtree(data)
        return done.code == KILLED

    rounds = 100 if ALL else 16
    delays = [dice.uniform(0, takes) for _ in range(rounds)]
    killed = faulty.in_parallel([lambda i=i: one(i) for i in range(rounds)])
    print(f"# {sum(killed)} of {rounds} were killed in time")
    assert sum(killed) > rounds / 3


tap.main(globals())
