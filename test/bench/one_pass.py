"""The one pass (everything but reading words) against the ffmpeg command: the proxy alone, and the usual chain."""
import os

import measure
from measure import PROGRAM, run

FF = ["ffmpeg", "-v", "error", "-nostdin", "-y"]


def main():
    measure.machine()
    film = measure.footage(60)
    with measure.workdir() as folder:
        out = [os.path.join(folder, n) for n in ("proxy.mp4", "thumb.jpg", "audio.wav", "frame%05d.jpg")]
        proxy = [*FF, "-i", film, "-vf", "scale=-2:480", "-r", "10", "-c:v", "libx264", "-crf", "28", "-c:a", "aac", out[0]]
        chain = [proxy,
                 [*FF, "-i", film, "-frames:v", "1", "-vf", "scale=320:-2", out[1]],
                 [*FF, "-i", film, "-vn", "-ar", "16000", "-ac", "1", out[2]],
                 [*FF, "-i", film, "-an", "-vf", "scdet", "-f", "null", "-"],
                 [*FF, "-i", film, "-an", "-vf", "select=not(mod(n\\,5)),scale=1280:-2", "-fps_mode", "vfr", "-q:v", "3",
                  out[3]],
                 ["sha256sum", film]]

        def ours():
            return run([PROGRAM, "ingest", film, "--no-ocr", "--data", measure.fresh(folder, "data")])

        costs = measure.in_turn({"rushes ingest": ours, "ffmpeg, proxy only": lambda: run(proxy),
                                 "ffmpeg, the chain": lambda: run(*chain)})
        measure.table("One pass over 60 s of 1080p30", costs, "rushes ingest",
                      {"ffmpeg, proxy only": 1.0, "ffmpeg, the chain": 0.45})


main()
