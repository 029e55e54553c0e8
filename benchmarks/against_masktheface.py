"""MaskTheFace and unmask on the same pictures, on one core: how long they take and how good the masks are.

    python benchmarks/against_masktheface.py CHECKOUT --source CELEBA [--limit 400] [--rounds 3]

CHECKOUT is a clone of github.com/aqeelanwar/MaskTheFace; nothing in it is written. Its own requirements have to be
there beside dlib and OpenCV: pip install dotmap imutils tqdm requests, here or in the environment of --python.
Its 68-point model is the file that unmask uses.

Speed: each run is a process of its own that finds the landmarks, draws a mask per picture and writes JPEG (unmask
also the map and the clean picture); the two take turns. "Whole" is the process from start to end, "running" leaves
out the start and the first pictures (unmask's first chunk), the same ones for both.

Quality: the same pictures once more without loss, unmask's masks worn properly. Maps are what each program used
as opacity. Halo: pixels within 2 px of the border of a map (>= 128), straps left out, that are brighter or darker than
both the clean pixel and the mask nearby. A contact shadow, which unmask draws, is darker than both. Coverage: share
of the lower face (hull of jaw points 2-14 and nose points 27-35) that is in the map and changed, frontal
and turned (|yaw| > 25 degrees). Points and pose are unmask's for both.
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
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.dataset.build import CHUNK_PICTURES
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.faces.dlib_models import model_file
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.pose import estimate_pose
from unmask.datagen.render.quality import LOWER_FACE
from unmask.datagen.sources.celeba import PICTURE_FOLDER
from unmask.datagen.sources.open_source import open_source

U8 = NDArray[np.uint8]
Points = NDArray[np.float32]
MODEL = "shape_predictor_68_face_landmarks.dat"
RUNNER = Path(__file__).with_name("run_masktheface.py")
KINDS = "surgical, surgical_blue, surgical_green, N95, KN95, cloth"  # not gas masks, not faces blacked out
OPAQUE = 128
RIM_PX = 2
REACH_PX = 5  # from a pixel of the rim to the inside of the mask, whose colours bound it
HALO_LEVELS = 16
TURNED_DEG = 25.0
NEEDED_COVER = 0.8
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
OURS = """
import json, sys, time
from pathlib import Path
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
source, out, format, pins = sys.argv[1:]
marks = []
options = BuildOptions(
    source, Path(out), format=format, layers=format == "png", pins=tuple(pins.split()), workers=1
)
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


@dataclass(frozen=True)
class Look:
    """How the mask of one picture looks: halo in grey levels at each pixel of the rim, cover 0..1, yaw in degrees."""

    brighter: U8
    darker: U8
    cover: float
    yaw: float


class Contest:
    """Both programs on one set of pictures; everything lies in one temporary folder."""

    def __init__(self, work: Path, checkout: Path, source: str, limit: int, python: str) -> None:
        self.work, self.python = work, python
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

    def ours(self, out: Path, kind: str = "jpg", pins: str = "") -> Run:
        """Build a dataset from the JPEG files."""
        source = self.jpg.parent if self.aligned else self.jpg
        return self._time([sys.executable, "-c", OURS, str(source), str(out), kind, pins])

    def theirs(self, folder: Path, maps: Path | None = None) -> Run:
        """Mask a folder; the result lies beside it under its name and ``_masked``."""
        given = [str(self.checkout), str(folder), "--kinds", KINDS, "--skip", str(self.skip)]
        return self._time([self.python, str(RUNNER), *given, *(["--maps", str(maps)] if maps else [])])

    def _time(self, command: list[str]) -> Run:
        clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD)  # noqa: S603
        wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UserError(f"{'unmask' if OURS in command else 'MaskTheFace'} does not run: {last}")
        first, running, running_cpu, *crashed = json.loads(done.stdout.splitlines()[-1])
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        whole, rest = 1000 / self.pictures, 1000 / (self.pictures - first)
        return Run(wall * whole, busy * whole, running * rest, running_cpu * rest, *crashed)

    def speed(self, rounds: int) -> None:
        """Print what a picture takes, round by round, and the medians."""
        results: list[tuple[Run, Run]] = []
        for index in range(rounds):
            out = self.work / f"speed{index}"
            if index % 2:
                theirs, ours = self.theirs(self.jpg), self.ours(out)
            else:
                ours, theirs = self.ours(out), self.theirs(self.jpg)
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
        self.ours(data, "png", "worn=proper")
        crashed = self.theirs(self.png, maps).crashed
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
            _print_looks(*zip(*looks, strict=True))


def summary(pairs: list[tuple[float, float]]) -> tuple[float, float, float, list[float]]:
    """Medians of ours and theirs, median of the ratios theirs by ours, and the ratios round by round."""
    ratios = [theirs / ours for ours, theirs in pairs]
    ours, theirs = np.median(pairs, axis=0)
    return float(ours), float(theirs), float(np.median(ratios)), ratios


def halo(clean: U8, masked: U8, alpha: U8, left_out: NDArray[np.bool_] | None = None) -> tuple[U8, U8]:
    """How far each pixel of a mask's rim lies above and below both its clean colour and the mask's colours nearby.

    Parameters
    ----------
    clean, masked : uint8 (h, w, 3)
    alpha : uint8 (h, w)
        The mask is where it is at least 128; the rim reaches 2 px to either side of its border.
    left_out : bool (h, w), optional
        Pixels that are not looked at.

    Returns
    -------
    tuple of two uint8 (n,)
        Grey levels of the worst channel; pixels with no inside of the mask within 5 px are left out.
    """
    square = np.ones((3, 3), np.uint8)
    opaque = (alpha >= OPAQUE).astype(np.uint8)
    inside = cv2.erode(opaque, square, iterations=RIM_PX)
    near = np.ones((2 * REACH_PX + 1,) * 2, np.uint8)
    rim = (cv2.dilate(opaque, square, iterations=RIM_PX) > inside) & (cv2.dilate(inside, near) > 0)
    if left_out is not None:
        rim &= ~left_out
    within = inside[..., None] > 0
    low = np.minimum(cv2.erode(np.where(within, masked, 255).astype(np.uint8), near), clean)
    high = np.maximum(cv2.dilate(np.where(within, masked, 0).astype(np.uint8), near), clean)
    return cv2.subtract(masked, high).max(axis=2)[rim], cv2.subtract(low, masked).max(axis=2)[rim]


def cover(clean: U8, masked: U8, alpha: U8, points: Points) -> float:
    """Share of the lower face inside the picture that is in the map (>= 128) and no longer clean."""
    area = np.zeros(alpha.shape, np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(np.rint(points[LOWER_FACE]).astype(np.int32)), 1)
    covered = (alpha >= OPAQUE) & (masked != clean).any(axis=2) & (area > 0)
    return float(covered.sum() / max(int(area.sum()), 1))


def look(clean: U8, masked: U8, alpha: U8, points: Points, left_out: NDArray[np.bool_] | None = None) -> Look:
    """Measure one picture against the 68 points of its face."""
    yaw = estimate_pose(points).yaw
    return Look(*halo(clean, masked, alpha, left_out), cover(clean, masked, alpha, points), yaw)


def _print_looks(ours: tuple[Look, ...], theirs: tuple[Look, ...]) -> None:
    print(f"\n{len(ours)} pictures with one face that both masked{'unmask':>22s}{'MaskTheFace':>14s}")
    for side in ("brighter", "darker"):
        rims = [np.concatenate([getattr(each, side) for each in looks]) for looks in (ours, theirs)]
        _line(f"rim {side} than both, mean levels", [f"{rim.mean():.2f}" for rim in rims])
        shares = [f"{(rim > HALO_LEVELS).mean():.2%}" for rim in rims]
        _line(f"  share of the rim by more than {HALO_LEVELS}", shares)
        strong = [rim[rim > HALO_LEVELS] for rim in rims]
        _line("  those: mean levels", [f"{rim.mean():.1f}" if len(rim) else "-" for rim in strong])
    for title, turned in (("frontal", False), (f"|yaw| > {TURNED_DEG:.0f}", True)):
        pairs = [(a.cover, b.cover) for a, b in zip(ours, theirs, strict=True) if _turned(a) == turned]
        if pairs:
            covers = np.array(pairs).T
            what = f"{len(pairs)} {title}: lower face covered to {NEEDED_COVER:.0%}"
            _line(what, [f"{(each >= NEEDED_COVER).mean():.1%}" for each in covers])
            _line("  median, lowest cover", [f"{np.median(each):.2f}, {each.min():.2f}" for each in covers])


def _turned(face: Look) -> bool:
    return abs(face.yaw) > TURNED_DEG


def _line(title: str, cells: list[str]) -> None:
    print(f"{title:52s}{cells[0]:>14s}{cells[1]:>14s}")


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
                contest.speed(given.rounds)
            contest.quality()
    except UserError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
