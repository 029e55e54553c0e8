"""MaskTheFace and unmask on the same pictures, on one core: how long they take and how good the masks are.

    python benchmarks/against_masktheface.py CHECKOUT --source CELEBA [--limit 400] [--rounds 3]

CHECKOUT is a clone of github.com/aqeelanwar/MaskTheFace; nothing in it is written. Its own requirements have to be
there beside dlib and OpenCV: pip install dotmap imutils tqdm requests, here or in the environment of --python.
Its 68-point model is the file that unmask uses.

Speed: each run is a process of its own that finds the landmarks, draws a mask per picture and writes JPEG (unmask
also the map and the clean picture); the two take turns. Given are the whole process, and what comes after the first
pictures (unmask's first chunk, the same for both) without any start. unmask draws from its default recipe,
MaskTheFace from --kinds; "random" is its own choice, which blacks out or smears two faces of nine and takes longer.

Quality: the same pictures once more without loss, of both the same kinds of masks, unmask's worn properly. Maps are
what each program used as opacity. Halo: pixels from 2 px outside the border of a map (>= 128) to 1 px inside,
straps left out, that are brighter or darker than both the clean pixel and the mask nearby; the contact shadow that
unmask draws is darker than both on purpose. Coverage: share of the lower face that is in the map and changed, for
two hulls of points. Points and pose are unmask's for both.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mask_looks import U8, Look, look, print_looks

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.dataset.build import CHUNK_PICTURES
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.faces.dlib_models import model_file
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.sources.celeba import PICTURE_FOLDER
from unmask.datagen.sources.open_source import open_source

MODEL = "shape_predictor_68_face_landmarks.dat"
RUNNER = Path(__file__).with_name("run_masktheface.py")
# The same kinds in both; not MaskTheFace's gas masks and blacked-out faces.
KINDS = "surgical, surgical_blue, surgical_green, N95, KN95, cloth"
FAMILIES = "surgical,n95_cup,kn95,cloth"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
OURS = """
import json, sys, time
from pathlib import Path
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
source, out, families = sys.argv[1:]
exact = {"families": tuple(families.split(",")), "pins": ("worn=proper",), "layers": True}
given = exact if families else {"format": "jpg"}
marks = []
options = BuildOptions(source, Path(out), workers=1, **given)
build(options, lambda told: marks.append((told.done, time.perf_counter(), time.process_time())))
done, clock, processor = marks[1]
print(json.dumps([done, time.perf_counter() - clock, time.process_time() - processor]))
"""


@dataclass(frozen=True)
class Run:
    """What one process took, milliseconds a picture of the clock and of the processor."""

    whole: float
    whole_cpu: float
    running: float
    running_cpu: float
    crashed: int = 0


class Contest:
    """Both programs on one set of pictures; everything lies in one temporary folder."""

    def __init__(self, work: Path, checkout: Path, source: str, limit: int, python: str) -> None:
        self.work, self.python = work, python  # python runs MaskTheFace
        opened = open_source(source, limit=limit)
        self.aligned = opened.kind == "celeba"
        self.jpg, self.png = self._folder("jpg"), self._folder("png")
        for index, face in enumerate(opened.faces):
            data = face.read_bytes()
            if data[:2] != b"\xff\xd8":
                raise ArgumentError("source", f"{face.name}: pictures have to be JPEG")
            (self.jpg / f"{index:06d}.jpg").write_bytes(data)
            _write(self.png / f"{index:06d}.png", decode_picture(data).image_rgb)
        self.pictures = len(opened.faces)
        self.skip = min(CHUNK_PICTURES, self.pictures // 2)
        self.checkout = self._stage(checkout)

    def _folder(self, name: str) -> Path:
        # the name of CelebA's folder tells unmask that the faces are aligned
        folder = self.work / name / (PICTURE_FOLDER if self.aligned else "pictures")
        folder.mkdir(parents=True)
        return folder

    def _stage(self, checkout: Path) -> Path:
        """Links to the checkout, and the model where MaskTheFace looks for it: the checkout stays as it is."""
        stage = self.work / "checkout"
        (stage / "dlib_models").mkdir(parents=True)
        for path in checkout.resolve().iterdir():
            if path.name != "dlib_models":
                (stage / path.name).symlink_to(path)
        (stage / "dlib_models" / MODEL).symlink_to(Path(model_file(MODEL)).resolve())
        return stage

    def ours(self, out: Path, families: str = "") -> Run:
        """Build a dataset from the JPEG files: as it comes, to JPEG, or only these families, to PNG."""
        source = self.jpg.parent if self.aligned else self.jpg
        return self._time([sys.executable, "-c", OURS, str(source), str(out), families])

    def theirs(self, folder: Path, kinds: str = KINDS, maps: Path | None = None) -> Run:
        """Mask a folder; the result lies beside it under its name and ``_masked``."""
        given = [str(self.checkout), str(folder), "--kinds", kinds, "--skip", str(self.skip)]
        return self._time([self.python, str(RUNNER), *given, *(["--maps", str(maps)] if maps else [])])

    def _time(self, command: list[str]) -> Run:
        clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD)  # noqa: S603
        wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            who = "unmask" if OURS in command else "MaskTheFace"
            raise UserError(f"{who} does not run (--help says what it needs): {last}")
        first, running, running_cpu, *crashed = json.loads(done.stdout.splitlines()[-1])
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        whole, rest = 1000 / self.pictures, 1000 / (self.pictures - first)
        return Run(wall * whole, busy * whole, running * rest, running_cpu * rest, *crashed)

    def speed(self, rounds: int, kinds: str) -> None:
        """Print what a picture takes, round by round, and the medians."""
        results: list[tuple[Run, Run]] = []
        for index in range(rounds):
            out = self.work / f"speed{index}"
            if index % 2:
                theirs, ours = self.theirs(self.jpg, kinds), self.ours(out)
            else:
                ours, theirs = self.ours(out), self.theirs(self.jpg, kinds)
            results.append((ours, theirs))
        print(f"{'ms a picture':34s}{'unmask':>10s}{'MaskTheFace':>14s}{'ratio':>9s}   ratio in each round")
        for name, title in (
            ("whole", "whole process, clock"),
            ("whole_cpu", "whole process, processor"),
            ("running", f"after {self.skip} pictures, clock"),
            ("running_cpu", f"after {self.skip} pictures, processor"),
        ):
            pairs = [(getattr(ours, name), getattr(theirs, name)) for ours, theirs in results]
            one, other, ratio, each = summary(pairs)
            print(f"{title:34s}{one:10.1f}{other:14.1f}{ratio:8.2f}x   {' '.join(f'{r:.2f}' for r in each)}")

    def quality(self) -> None:
        """Draw every picture once more without loss and print how the masks look."""
        data, maps = self.work / "data", self.work / "maps"
        maps.mkdir()
        self.ours(data, FAMILIES)
        crashed = self.theirs(self.png, maps=maps).crashed
        rows = list(iterate_manifest(data / "manifest.csv"))
        masked = {path.name[:6]: path for path in Path(f"{self.png}_masked").iterdir()}
        missing, statuses = self.pictures - len(masked), Counter(row.status for row in rows)
        found = Counter(row.landmark_source for row in rows if row.status == "ok")
        print(f"\npictures without a mask, of {self.pictures}: unmask {len(rows) - statuses['ok']}", end=", ")
        print(f"MaskTheFace {missing} ({crashed} of them would have ended its run)")
        print(f"unmask's landmarks: {', '.join(f'{name} {count}' for name, count in found.most_common())}")
        table = LandmarkTable.read(data / "landmarks.csv")
        looks: list[tuple[Look, Look]] = []
        for row in rows:
            faces = table.get(row.source, row.source_sha256) or []
            stem = row.source[:6]
            if row.status == "ok" and len(faces) == 1 and stem in masked:
                clean = _read(self.png / f"{stem}.png")
                straps = _read(data / "layers" / f"{row.key}.png")[..., 1] > 0
                ours = look(clean, _read(data / row.masked), _gray(data / row.map), faces[0].points, straps)
                alpha = _gray(maps / f"{stem}.png")
                looks.append((ours, look(clean, _read(masked[stem]), alpha, faces[0].points)))
        if looks:
            print()
            print_looks(("unmask", "MaskTheFace"), looks)


def summary(pairs: list[tuple[float, float]]) -> tuple[float, float, float, list[float]]:
    """Medians of ours and theirs, median of the ratios theirs by ours, and the ratios round by round."""
    ratios = [theirs / ours for ours, theirs in pairs]
    ours, theirs = np.median(pairs, axis=0)
    return float(ours), float(theirs), float(np.median(ratios)), ratios


def _read(path: Path) -> U8:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def _gray(path: Path) -> U8:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def _write(path: Path, image_rgb: U8) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])


def main() -> None:
    """Run every measurement and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="clone of MaskTheFace")
    parser.add_argument("--source", required=True, help="CelebA folder, or folder of JPEG pictures")
    parser.add_argument("--limit", type=int, default=400, help="pictures (default: 400)")
    parser.add_argument("--rounds", type=int, default=3, help="speed: runs of each (default: 3)")
    parser.add_argument("--kinds", default=KINDS, help=f"speed: MaskTheFace's --code, or: random ({KINDS})")
    parser.add_argument("--python", default=sys.executable, help="Python that runs MaskTheFace (this one)")
    given = parser.parse_args()
    if given.limit < 20 or given.rounds < 0:
        parser.error("--limit: at least 20, --rounds: at least 0")
    if not (given.checkout / "mask_the_face.py").is_file():
        parser.error(f"checkout: {given.checkout}: no mask_the_face.py in it")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the processes of both inherit it
    try:
        with tempfile.TemporaryDirectory() as folder:
            contest = Contest(Path(folder), given.checkout, given.source, given.limit, given.python)
            if given.rounds:
                contest.speed(given.rounds, given.kinds)
            contest.quality()
    except UserError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
