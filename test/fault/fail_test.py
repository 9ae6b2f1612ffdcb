"""Every durable step fails in turn, as on a full disk: a sentence, nothing half-written, and the next run works.

    fail_test.py [--all]    every step, or every kind of step and some of each
"""
import shutil
import sys

import faulty
import rushes
from faulty import QUICK, check_one_video, film, run, tap
from kill_steps import some_steps

ALL = "--all" in sys.argv


def one(n):
    data = rushes.library()
    done = run("ingest", "--data", data, film(), env={**QUICK, "RUSHES_FAULT": f"fail:{n}"}, want=None)
    when = f"fail:{n}"
    assert done.code in (rushes.OK, rushes.FAILED, rushes.LIMIT), f"{when}: {done}"
    if done.code != rushes.OK:
        said = faulty.check_sentence(done, when)
        assert "(storage)" in said or "storage" in done.err, f"{when}: not said to be the storage: {done}"
        for word in ("errno", "(null)", "ENOSPC", "Assertion"):
            assert word not in said, f"{when}: {said}"
    rows = faulty.Rows(data)
    run("ingest", "--data", data, film(), env=QUICK)
    check_one_video(data, when, {} if done.code else rows.completed())
    shutil.rmtree(data)
    return done.code != rushes.OK


def test_every_step_may_fail():
    points = faulty.points_of_an_ingest()
    faulty.reference()
    steps = range(1, len(points) + 1) if ALL else some_steps(points)
    failed = faulty.in_parallel([lambda n=n: one(n) for n in steps])
    print(f"# {len(failed)} of {len(points)} steps; {sum(failed)} ended the ingest, the others were repeated or did not matter")
    assert sum(failed) > 5


tap.main(globals())
