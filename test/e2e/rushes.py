"""What the black-box tests share: running the program, and clips made with the ffmpeg command.

RUSHES_PROGRAM names the program under test. Everything is made below TMPDIR, which the runner removes.
"""
import atexit
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test"))
import tap  # noqa: E402

PROGRAM = os.environ.get("RUSHES_PROGRAM") or os.path.join(ROOT, "build", "rushes")
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
DEADLINE_S = 240  # of one run of the program; generous, for sanitizers on a busy machine

OK, FAILED, USAGE, INPUT, LIMIT, UNAVAILABLE = range(6)  # exit codes, as documented

_dir = tempfile.mkdtemp(prefix="rushes-e2e-")
atexit.register(lambda: shutil.rmtree(_dir, ignore_errors=True))
_n = 0


def new_path(name):
    """A path that nobody used, in a folder of its own."""
    global _n
    _n += 1
    folder = os.path.join(_dir, str(_n))
    os.makedirs(folder)
    return os.path.join(folder, name)


class Done:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        return f"rushes {' '.join(map(repr, self.args))}: status {self.code}\nstdout: {self.out[-1500:]}\nstderr: {self.err[-1500:]}"

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"not JSON ({error}): {self}") from None

    def lines(self):
        return self.out.splitlines()


def environment(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUSHES_")}
    env.update(extra or {})
    return env


def run(*args, want=OK, env=None, cwd=None, stdout=subprocess.PIPE, preexec=None):
    """Runs the program to its end. want: the exit code, a tuple of them, or None for any."""
    args = [a if isinstance(a, bytes) else str(a) for a in args]
    done = subprocess.run([PROGRAM, *args], env=environment(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=DEADLINE_S, preexec_fn=preexec)
    result = Done(args, done.returncode, (done.stdout or b"").decode("utf-8", "replace"),
                  done.stderr.decode("utf-8", "replace"))
    if want is not None:
        codes = want if isinstance(want, tuple) else (want,)
        assert result.code in codes, f"wanted status {want}: {result}"
    return result


def start(*args, env=None):
    """Starts the program in the background, in a process group of its own."""
    return subprocess.Popen([PROGRAM, *map(str, args)], env=environment(env), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def finish(process):
    out, err = process.communicate(timeout=DEADLINE_S)
    return Done(process.args[1:], process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def kill_group(process, sig=signal.SIGKILL):
    try:
        os.killpg(process.pid, sig)
    except ProcessLookupError:
        pass


def wait_for(what, true, deadline_s=DEADLINE_S):
    """Asks again and again, with a deadline: for what another process does, where there is nothing to wait on."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = true()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {deadline_s} s for {what}")


# ---- clips

def ffmpeg(*args):
    done = subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, args)],
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, "ffmpeg: " + done.stderr.decode("utf-8", "replace")[-2000:]


def ffprobe(path, *args):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *args, path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.returncode == 0, "ffprobe: " + done.stderr[-2000:]
    return json.loads(done.stdout)


BITS, BLOCK = 12, 16
# The frame's number in the picture, as a row of black and white blocks, lowest bit first; waves move below it.
NUMBERED = (f"geq=lum='if(lt(Y,{BLOCK * 2})*lt(X,{BLOCK * BITS}),16+219*mod(floor(N/pow(2,floor(X/{BLOCK}))),2),"
            "110+50*sin((X+5*N)/23)*cos(Y/31))':cb=118:cr=138")
_clips = {}


def clip(seconds=4, fps="25", size="320x180", audio=True, extra=(), name="clip.mp4"):
    """A clip whose frames carry their number. Made once for the same parameters."""
    key = (seconds, fps, size, audio, tuple(extra), name)
    if key not in _clips:
        path = new_path(name)
        inputs = ["-f", "lavfi", "-i", f"color=gray:s={size}:r={fps}:d={seconds},format=yuv420p,{NUMBERED}"]
        if audio:
            inputs += ["-f", "lavfi", "-i", f"sine=440:r=48000:d={seconds}", "-c:a", "aac", "-b:a", "64k"]
        ffmpeg(*inputs, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", *extra, path)
        _clips[key] = path
    return _clips[key]


def clip_with_words(words="HARBOUR LIGHTS"):
    """Two shots; the second shows the words."""
    key = ("words", words)
    if key not in _clips:
        if not os.path.exists(FONT):
            raise tap.Skip("the DejaVu font is not installed")
        path = new_path("words.mp4")
        ffmpeg("-f", "lavfi", "-i", "gradients=s=640x360:r=25:d=3:c0=0x203060:c1=0x80a0c0:speed=0.02",
               "-f", "lavfi", "-i", "color=0x101418:s=640x360:r=25:d=3",
               "-filter_complex", f"[1]drawtext=fontfile={FONT}:text='{words}':fontcolor=white:fontsize=44:x=(w-tw)/2"
               ":y=(h-th)/2[t];[0][t]concat=n=2,format=yuv420p[v]", "-map", "[v]", "-c:v", "libx264", "-preset",
               "veryfast", path)
        _clips[key] = path
    return _clips[key]


def frame_numbers(path):
    """Reads the numbers back from every frame of a file, in order."""
    video = next(s for s in ffprobe(path, "-show_streams")["streams"] if s["codec_type"] == "video")
    width, height = video["width"], video["height"]
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough",
                           "-f", "rawvideo", "-pix_fmt", "gray", "-"], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr[-1000:]
    size = width * height
    numbers = []
    for at in range(0, len(done.stdout), size):
        row = done.stdout[at + BLOCK * width:at + (BLOCK + 1) * width]
        numbers.append(sum(1 << b for b in range(BITS) if row[b * BLOCK + BLOCK // 2] > 128))
    return numbers


def mean_light(path):
    """Of a picture, 0 to 255."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-frames:v", "1", "-vf", "scale=64:36",
                           "-f", "rawvideo", "-pix_fmt", "gray", "-"], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0 and done.stdout, done.stderr[-1000:]
    return sum(done.stdout) / len(done.stdout)


# ---- the library

def library():
    """A data folder that does not exist yet."""
    return new_path("data")


def ingest(data, path, *args, **kw):
    return run("ingest", "--data", data, "--json", *args, path, **kw).json()


def verify_is_sound(data):
    done = run("verify", "--data", data, "--now", "--json", want=None)
    assert done.code == OK, f"the library is not sound: {done}"


def drop_privileges():
    """In a child: becomes nobody, so that permissions mean something when the tests run as root."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def limit_file_size(size):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit
