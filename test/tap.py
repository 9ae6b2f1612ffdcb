"""Tests written in Python that speak TAP: functions named test_*, one point each.

    import tap
    def test_something(): tap.equal(1 + 1, 2)
    tap.main(globals())

A test fails by an exception (assert, tap.equal …), skips by raising tap.Skip("why"). RUSHES_TEST=part picks tests.
"""
import os
import sys
import traceback


class Skip(Exception):
    pass


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what} is {got!r}, wanted {want!r}")


def main(names):
    only = os.environ.get("RUSHES_TEST", "")
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and callable(f) and only in n]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for i, (name, test) in enumerate(tests, 1):
        label = name[len("test_"):].replace("_", " ")
        try:
            test()
            print(f"ok {i} - {label}", flush=True)
        except Skip as why:
            print(f"ok {i} - {label} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} - {label}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            sys.stdout.flush()
    sys.exit(1 if failed else 0)
