"""What ./demo shows, once everything is built: takes the film in, says what was found, searches, cuts.

    tools/demo.py PROGRAM FOLDER FILE sample|own

Uses the program as a person would; where a terminal shows colours, pictures of the shots are drawn in it.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

PROGRAM, FOLDER, FILE, KIND = sys.argv[1:5]  # relative paths stay so: commands are shown as they are run
DATA = os.path.join(FOLDER, "data")
TERMINAL = sys.stdout.isatty()
COLOUR = TERMINAL and not os.environ.get("NO_COLOR") and (
    os.environ.get("COLORTERM") in ("truecolor", "24bit") or "256" in os.environ.get("TERM", ""))
SAMPLE_WORD = "harbour"  # shown in the second shot of the sample film


def title(text):
    print(f"\n\033[1m{text}\033[0m" if TERMINAL else f"\n{text}", flush=True)


def command_line(args):
    return " ".join(shlex.quote(word) for word in [PROGRAM, *args])


def say_command(args):
    print(f"  \033[2m$ {command_line(args)}\033[0m" if TERMINAL else f"  $ {command_line(args)}", flush=True)


def rushes(*args, shown=True, quiet_errors=False):
    """Runs the program; with shown its own words are printed. Returns (status, standard output)."""
    args = [*args, "--data", DATA]
    if shown:
        say_command(args)
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL if quiet_errors else None)
    if shown:
        for line in done.stdout.splitlines():
            print("  " + line)
        sys.stdout.flush()
    return done.returncode, done.stdout


def as_json(*args):
    status, out = rushes(*args, "--json", shown=False)
    try:
        return status, json.loads(out)
    except ValueError:
        return status, {}


def get(video, kind, name):
    path = os.path.join(FOLDER, "out", name)
    status, _ = rushes("get", video, kind, "-o", path, shown=False, quiet_errors=True)
    return path if status == 0 else None


def pixels(args, width, height):
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *args, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                          stdin=subprocess.DEVNULL, capture_output=True)
    data = done.stdout[:width * height * 3]
    return data if len(data) == width * height * 3 else None


def draw_pictures(pack, shape):
    """The shots' pictures, a few across, two pixels to a character cell."""
    columns = shutil.get_terminal_size((80, 24)).columns
    across = 3
    wide = min(36, (columns - 4) // across - 1)
    tall = max(4, round(wide * shape[1] / max(shape[0], 1)) // 2 * 2)
    rows = 2
    width, height = wide * across + across - 1, tall * rows + (rows - 1) * 2
    data = pixels(["-f", "mjpeg", "-i", pack, "-vf", f"scale={wide}:{tall},tile={across}x{rows}:padding=1,"
                   f"scale={width}:{height}", "-frames:v", "1"], width, height)
    if not data:
        return
    for y in range(0, height - 1, 2):
        line = ["  "]
        for x in range(width):
            a, b = (y * width + x) * 3, ((y + 1) * width + x) * 3
            top, low = data[a:a + 3], data[b:b + 3]
            if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
                line.append("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm▀" % (*top, *low))
            else:
                line.append("\033[38;5;%dm\033[48;5;%dm▀" % (cube(top), cube(low)))
        print("".join(line) + "\033[0m")
    sys.stdout.flush()


def cube(rgb):
    r, g, b = (round(c / 51) for c in rgb)
    return 16 + 36 * r + 6 * g + b


def word_to_search(video):
    """A word that was read on screen: long, surely read; None when there was none."""
    best = None
    for text in video.get("texts", []):
        if text.get("source") in ("title", "filename", "name"):
            continue
        for word in re.findall(r"[^\W\d_]{4,}", text["text"]):
            score = text.get("confidence", 0) * min(len(word), 9)
            if best is None or score > best[0]:
                best = (score, word)
    return best[1] if best else None


def ingest():
    title("1. Take it in: check, store, one pass, read, index")
    args = ["ingest", FILE]
    if KIND == "sample":
        args += ["--title", "Sample film", "--tags", "demo,sample"]
    status, _ = rushes(*args)
    status_again, report = as_json("ingest", FILE)
    if status != 0 or status_again != 0:
        sys.exit(status or status_again)
    return report["video"]


def pictures(video):
    title("2. What it made")
    names = {"poster": "poster.jpg", "thumb": "thumb.jpg", "proxy": "proxy.mp4", "sprites": "sprites.mjpeg",
             "vtt": "sprites.vtt", "shot_pictures": "shots.mjpeg", "audio": "audio.wav"}
    paths = {kind: get(video["video_id"], kind, name) for kind, name in names.items()}
    what = {"poster": "the best frame", "proxy": "small playable copy", "sprites": "sheets for a seek bar",
            "vtt": "which tile is when", "shot_pictures": "a picture of each shot", "audio": "16 kHz mono, for speech",
            "thumb": "the first frame"}
    for kind, path in paths.items():
        if path:
            print(f"  {path:44} {what[kind]}")
    if COLOUR and paths["shot_pictures"] and video.get("width"):
        print()
        draw_pictures(paths["shot_pictures"], (video["width"], video["height"]))


def search(video):
    title("3. Search it by the words on screen")
    word = SAMPLE_WORD if KIND == "sample" else word_to_search(video)
    if word is None:
        print("  No words were read on screen in this video, so there is nothing to search for but its title and name.")
        return None
    rushes("search", word)
    _, result = as_json("search", f"video:{video['video_id']}", word)
    hits = [h for h in result.get("hits", []) if not h.get("whole_video")]
    if not hits:
        print("  (No moment was found: the word was read, but not surely enough.)")
        return None
    return float(hits[0]["start_seconds"]), float(hits[0]["end_seconds"])


def cut(video, hit):
    title("4. Cut a piece, exact to the frame")
    if not video.get("frame_count"):
        print("  There are no pictures in this file to cut.")
        return
    if hit is None:
        shots = video.get("shots") or [{"start_seconds": 0, "end_seconds": video.get("duration_seconds", 1)}]
        longest = max(shots, key=lambda s: float(s["end_seconds"]) - float(s["start_seconds"]))
        hit = float(longest["start_seconds"]), float(longest["end_seconds"])
        print("  (Its longest shot, at most five seconds of it.)")
    start = max(0.0, hit[0])
    end = max(start + 0.5, min(hit[1], start + 5))
    out = os.path.join(FOLDER, "out", "cut.mp4")
    began = time.monotonic()
    args = ["cut", FILE, "--from", f"{start:.3f}", "--to", f"{end:.3f}", "-o", out]
    say_command(args)
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        print("  " + line)
    if done.returncode == 0:
        print(f"  made in {time.monotonic() - began:.1f} s")


def next_steps(video):
    title("Try next")
    data = shlex.quote(DATA)
    player = shutil.which("mpv") or shutil.which("ffplay")
    lines = [(f"build/rushes search --data {data} 'café' " if KIND == "sample" else f"build/rushes videos list --data {data}",
              "accents do not matter" if KIND == "sample" else "all that was taken in"),
             (f"build/rushes videos show {video['video_id']} --data {data} --json", "all that is known of it"),
             (f"build/rushes shots {shlex.quote(FILE)} --format edl", "the cuts, for an editor"),
             (f"build/rushes frames {shlex.quote(FILE)} | head", "exact time of every frame"),
             (f"build/rushes verify --data {data}", "is everything sound?"),
             ("build/rushes doctor", "what this machine offers"),
             ("./demo YOUR_VIDEO.mp4", "the same with yours")]
    if player:
        lines.insert(0, (f"{os.path.basename(player)} {os.path.join(FOLDER, 'out', 'cut.mp4')}", "watch the cut"))
    width = max(len(a) for a, _ in lines)
    for command, why in lines:
        print(f"  {command:{width}}   {why}")


def main():
    os.makedirs(os.path.join(FOLDER, "out"), exist_ok=True)
    video = ingest()
    pictures(video)
    cut(video, search(video))
    next_steps(video)


if __name__ == "__main__":
    main()
