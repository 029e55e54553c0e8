"""Memory of ``unmask-run`` over many pictures: ``python benchmarks/run_memory.py [--pictures 2000]``.

The pictures are drawn faces with masks, each with its own bytes. The job runs in its own process,
which notes its resident size after every picture; the medians of the first and of the last hundred are printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions

FACES, PART = 48, 100
JOB = """
import json, re, sys
from pathlib import Path
from unmask.model.run.job import run_job
from unmask.model.run.options import RunOptions
pictures, out, aligned = sys.argv[1:]
sizes = []
def note(done, total, first):
    sizes.append(int(re.search("VmRSS:\\\\s+(\\\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3)
run_job(RunOptions((Path(pictures),), Path(out), preset="fidelity", device="cpu", aligned=aligned == "yes"), note)
print(json.dumps(sizes))
"""


def main() -> None:
    """Print the megabytes of the first and of the last hundred pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--side", type=int, default=128, help="their width in pixels (default: 128)")
    parser.add_argument("--photos", action="store_true", help="look for faces in them, instead of --aligned")
    arguments = parser.parse_args()
    if arguments.pictures < 2 * PART:
        parser.error(f"--pictures must be at least {2 * PART}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(
            BuildOptions("demo", folder / "made", seed=1, limit=FACES, size=(arguments.side, arguments.side))
        )
        pictures = many_pictures(folder / "made/masked", folder / "pictures", arguments.pictures)
        aligned = "no" if arguments.photos else "yes"
        command = [sys.executable, "-c", JOB, str(pictures), str(folder / "out"), aligned]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        sizes = json.loads(done.stdout.splitlines()[-1])
    first, last = (statistics.median(part) for part in (sizes[:PART], sizes[-PART:]))
    print(
        f"{len(sizes)} pictures: first {PART} {first:.0f} MB, last {PART} {last:.0f} MB ({last - first:+.0f})"
    )
    marks = range(0, len(sizes), max(1, len(sizes) // 8))
    print("resident size, MB: " + ", ".join(f"{mark}: {sizes[mark]:.0f}" for mark in marks))


def many_pictures(made: Path, out: Path, count: int) -> Path:
    """Write so many pictures: those of a folder again and again, a little brighter or darker each time."""
    out.mkdir()
    images = [cv2.imread(str(path)) for path in sorted(made.iterdir())]
    for number in range(count):
        image = cv2.add(images[number % len(images)], number // len(images) % 40)
        cv2.imwrite(str(out / f"{number:05d}.png"), image)
    return out


if __name__ == "__main__":
    main()
