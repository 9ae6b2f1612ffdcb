"""Motion at 480p against OpenCV's background subtractors doing less: masks and their contours only, no camera, no light.

Both get the same raw frames from memory and one thread; what counts is processor time. Peers: OpenCV's MOG2 and KNN (Debian's
python3-opencv) on the same 854 x 480 frames, and on frames halved to what we look at (halving included, as in ours).
Prints ratios; never fails on time.
"""
import os
import subprocess
import sys
import tempfile

PEER = """
import sys, time, numpy, cv2
cv2.setNumThreads(1)
path, w, h, kind, half = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5] == "half"
raw = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, h * 3 // 2, w)
frames = [cv2.cvtColor(f, cv2.COLOR_YUV2BGR_I420) for f in raw[:200]]
sub = cv2.createBackgroundSubtractorMOG2(detectShadows=True) if kind == "MOG2" else cv2.createBackgroundSubtractorKNN(detectShadows=True)
kernel = numpy.ones((3, 3), numpy.uint8)
start = time.process_time()
for f in frames:
    if half:
        f = cv2.resize(f, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    mask = cv2.threshold(sub.apply(f), 200, 255, cv2.THRESH_BINARY)[1]
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    cv2.connectedComponentsWithStats(mask)
print(len(frames) / (time.process_time() - start))
"""


def source():
    shared = os.environ.get("RUSHES_TEST_SHARED", os.path.join(os.environ.get("RUSHES_SOURCE_ROOT", "."), "..", "shared"))
    clip = os.path.join(shared, "footage", "cctv-pets2009-campus.avi")
    if os.path.exists(clip):
        return "people on a campus", ["-i", clip]
    return "test pattern", ["-f", "lavfi", "-i", "testsrc2=size=854x480:rate=10"]


def peer(path, kind, size):
    done = subprocess.run(["/usr/bin/python3", "-c", PEER, path, "854", "480", kind, size], capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else None


def main():
    name, inputs = source()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "480p.yuv")
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *inputs, "-frames:v", "300", "-vf", "scale=854:480",
                        "-f", "rawvideo", "-pix_fmt", "yuv420p", path], check=True)
        line = subprocess.run([sys.argv[1], path, "854", "480"], check=True, capture_output=True, text=True).stdout
        ours = float(line.split()[2])
        print(f"motion, 854 x 480, {name}: {line.strip()} (one core; wanted: 500)")
        for kind in ("MOG2", "KNN"):
            for size in ("whole", "half"):
                rate = peer(path, kind, size)
                if rate is None:
                    print(f"OpenCV {kind}: not to be had (python3-opencv)")
                    break
                print(f"OpenCV {kind}, {size} size: {rate:.1f} per second; ours is {ours / rate:.2f} x")


if __name__ == "__main__":
    main()
