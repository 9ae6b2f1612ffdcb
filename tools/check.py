"""The steps of ./check, which see. Builds what is to be tested, runs the tests of each build, adds the counts up."""
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time

# A green run that ran next to nothing is a red one. Raised as tests are added; --fast runs about half of them.
LEAST_CASES = {"--fast": 400, "": 650, "--slow": 650}

# Tests with several threads in one process: they run under the thread sanitizer too. A pattern that no longer names a
# test is an error, so that a renamed test does not drop out.
THREADED = ["base/chan", "base/log", "queue/*", "pipeline/*"]

SANITIZED_SLOWER = 4  # times the time limits, under sanitizers on a machine that does other things too


class Check:
    def __init__(self, mode, verbose):
        self.mode = mode
        self.verbose = verbose
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.skips = []
        self.began = time.monotonic()

    def fail(self, what):
        print(f"check: {what}", flush=True)
        self.failed += 1
        self.failures.append(what)

    def skip(self, what):
        print(f"check: skipped: {what}", flush=True)
        self.skipped += 1
        self.skips.append(what)

    def title(self, text):
        print(f"== {text}  [{time.monotonic() - self.began:.0f} s]", flush=True)

    def build(self, kind, *targets):
        self.title(f"build: {kind}")
        if subprocess.run(["bash", "tools/build", "--quiet", kind, *targets]).returncode != 0:
            self.fail(f"the {kind} build does not build")
            return False
        return True

    def tests(self, title, folder, *options):
        self.title(title)
        with tempfile.NamedTemporaryFile(mode="r", prefix="rushes-check-") as summary:
            command = [sys.executable, "-B", "tools/run-tests", folder, "--summary", summary.name, *options]
            if self.verbose:
                command.append("-v")
            status = subprocess.run(command).returncode
            text = summary.read()
        if not text:
            self.fail(f"{title}: the runner did not finish")
            return
        told = json.loads(text.splitlines()[-1])
        self.passed += told["passed"]
        self.failed += told["failed"]
        self.skipped += told["skipped"]
        self.failures += [f"{title}: {name}" for name in told["failed_names"]]
        self.skips += told["skips"]
        if told["programs"] == 0:
            self.fail(f"{title}: no test was run")
        elif status != 0 and told["failed"] == 0:
            self.fail(f"{title}: not every test was run")

    def close(self):
        least = LEAST_CASES[self.mode]
        if self.passed + self.failed + self.skipped < least:
            self.fail(f"only {self.passed + self.failed + self.skipped} test cases were run, {least} are known to be there")
        if self.skips:
            print(f"== skipped ({len(self.skips)})")
            for what in self.skips[:40]:
                print(f"  {what}")
            if len(self.skips) > 40:
                print(f"  … and {len(self.skips) - 40} more")
        if self.failures:
            print("== failed")
            for what in self.failures:
                print(f"  {what}")
        print(f"took {time.monotonic() - self.began:.0f} s")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def introspect(folder):
    done = subprocess.run(["meson", "introspect", "--tests", folder], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def thread_sanitizer_prefix():
    """What to put in front of a program so that the thread sanitizer starts here, or None where it can not.

    It wants its own part of the address space; kernels that scatter more than it expects need that switched off."""
    with tempfile.TemporaryDirectory() as folder:
        probe = os.path.join(folder, "probe")
        made = subprocess.run(["gcc", "-fsanitize=thread", "-x", "c", "-", "-o", probe], text=True,
                              input="int main(void) { return 0; }\n", capture_output=True)
        if made.returncode != 0:
            return None
        for prefix in ([], ["setarch", "-R"]):
            if subprocess.run([*prefix, probe], capture_output=True).returncode == 0:
                return prefix
    return None


def threaded(check):
    prefix = thread_sanitizer_prefix()
    if prefix is None:
        check.skip("the thread sanitizer does not start on this machine")
        return
    # The list of tests is the same in every build folder; the release one is there already.
    known = introspect("build")
    names, targets = [], set()
    for pattern in THREADED:
        found = [t for t in known if fnmatch.fnmatch(t["name"], pattern)]
        if not found:
            check.fail(f"no threaded test is named like '{pattern}' (tools/check.py)")
        for test in found:
            names += ["--name", test["name"]]
            targets.add(os.path.relpath(test["cmd"][0], os.path.abspath("build")))
    if targets and check.build("tsan", *sorted(targets)):
        check.tests("threaded tests, thread sanitizer", "build-tsan", *names, "--slower", str(SANITIZED_SLOWER),
                    "--wrap=" + " ".join(prefix))


def main():
    mode = "--fast" if "--fast" in sys.argv else "--slow" if "--slow" in sys.argv else ""
    check = Check(mode, "-v" in sys.argv)
    slow = [] if mode == "--slow" else ["--no-suite", "slow"]

    if check.build("release"):
        if mode == "--fast":
            check.tests("all tests, release build", "build", "--no-suite", "bench", *slow)
        else:
            check.tests("source", "build", "--suite", "source")
            check.tests("black-box tests, release build", "build", "--suite", "e2e", *slow)
    if mode != "--fast":
        if check.build("check"):
            check.tests("all tests, address and undefined sanitizers", "build-check", "--no-suite", "source",
                        "--no-suite", "bench", *slow, "--slower", str(SANITIZED_SLOWER))
        threaded(check)
    if mode == "--slow":
        check.title("fuzzers")
        if subprocess.run(["bash", "tools/fuzz", "--seconds", "60"]).returncode == 0:
            check.passed += 1
        else:
            check.fail("a fuzzer found something")
    return check.close()


if __name__ == "__main__":
    sys.exit(main())
