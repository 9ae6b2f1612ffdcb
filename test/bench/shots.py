"""Finding shots against decoding alone."""
import measure
from measure import PROGRAM, run


def main():
    measure.machine()
    film = measure.footage(60)
    costs = measure.in_turn({
        "rushes shots": lambda: run([PROGRAM, "shots", film]),
        "rushes shots, content": lambda: run([PROGRAM, "shots", film, "--detector", "content"]),
        "ffmpeg, decoding": lambda: run(["ffmpeg", "-v", "error", "-nostdin", "-i", film, "-an", "-f", "null", "-"]),
    })
    measure.table("Shots of 60 s of 1080p30", costs, "rushes shots", {"ffmpeg, decoding": 1.15})


main()
