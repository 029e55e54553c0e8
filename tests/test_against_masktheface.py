"""The comparison with MaskTheFace: what it measures, and that its runner changes nothing but what it says."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SKIN, FABRIC = 120, 160
# As MaskTheFace: a script and a module beside it, paths relative to the checkout, names numpy no longer has.
SCRIPT = """
import argparse
from utils.aux_functions import *
parser = argparse.ArgumentParser()
parser.add_argument("--path")
parser.add_argument("--code")
args = parser.parse_args()
path, _, files = os.walk(args.path).__next__()
os.makedirs(path + "_masked", exist_ok=True)
for f in files:
    images, kinds, _, _ = mask_image(path + "/" + f, args)
    for image, kind in zip(images, kinds):
        cv2.imwrite(path + "_masked/" + f.rsplit(".")[0] + "_" + kind + ".png", image)
"""
MODULE = """
import os, random
import cv2
import numpy as np
def mask_face(image, top):
    alpha = np.zeros(image.shape[:2], np.uint8)
    alpha[top : top + 2] = np.int(255)
    return image, alpha
def mask_image(path, args):
    image = cv2.imread(path)
    if image[0, 0, 0] == 0:
        raise IndexError("no chin")
    for top in (0, 4):
        image, alpha = mask_face(image, top)
    return [image], [random.choice(args.code.split(","))], [alpha], image
"""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("mask_looks")


def pasted(additive: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a plain mask on plain skin with one row of half opacity, and its alpha."""
    clean = np.full((40, 60, 3), SKIN, np.uint8)
    alpha = np.zeros((40, 60), np.uint8)
    alpha[15:] = 255
    alpha[14] = 128
    share = alpha[..., None] / 255
    blend = share * FABRIC + (1 - share) * clean
    masked = np.where((alpha == 128)[..., None] & additive, np.float64(SKIN + FABRIC / 2), blend)
    return clean, np.rint(masked).astype(np.uint8), alpha


def test_a_blended_border_has_no_halo_and_an_added_one_has(looks: ModuleType):
    brighter, darker = looks.halo(*pasted(additive=False))
    assert brighter.max() == darker.max() == 0
    assert len(brighter) == 3 * 60  # two rows outside the border and one inside
    brighter, darker = looks.halo(*pasted(additive=True))
    assert sorted(set(brighter.tolist())) == [0, SKIN + FABRIC // 2 - FABRIC]
    assert np.count_nonzero(brighter) == 60
    assert darker.max() == 0


def test_a_shadow_beside_the_mask_is_darker_than_both(looks: ModuleType):
    clean, masked, alpha = pasted(additive=False)
    masked[13] = SKIN - 30
    brighter, darker = looks.halo(clean, masked, alpha)
    assert brighter.max() == 0
    assert np.count_nonzero(darker == 30) == 60
    _, darker = looks.halo(clean, masked, alpha, np.arange(40)[:, None] + np.zeros((1, 60)) == 13)
    assert darker.max() == 0


def test_a_face_is_covered_where_the_map_is_and_the_picture_changed(looks: ModuleType):
    clean, masked, alpha = pasted(additive=False)
    square = np.array([[10, 10], [29, 10], [29, 19], [10, 19]], np.float32)  # rows 10 to 19, the mask from 14
    assert looks.cover(clean, masked, alpha, square) == 0.6
    masked[17:] = clean[17:]
    assert looks.cover(clean, masked, alpha, square) == pytest.approx(0.3)


def test_ratios_are_taken_round_by_round(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    against = importlib.import_module("against_masktheface")
    assert against.summary([(2, 8), (4, 12), (1, 10)]) == (2.0, 10.0, 4.0, [4.0, 3.0, 10.0])


def test_the_runner_goes_on_after_a_failure_and_keeps_the_maps(tmp_path: Path):
    checkout, pictures, maps = tmp_path / "checkout", tmp_path / "pictures", tmp_path / "maps"
    for folder in (checkout / "utils", pictures, maps):
        folder.mkdir(parents=True)
    (checkout / "mask_the_face.py").write_text(SCRIPT)
    (checkout / "utils" / "aux_functions.py").write_text(MODULE)
    (checkout / "utils" / "__init__.py").touch()
    for index in range(6):
        cv2.imwrite(str(pictures / f"{index}.png"), np.full((8, 6, 3), 0 if index == 2 else 9, np.uint8))
    command = [sys.executable, BENCHMARKS / "run_masktheface.py", checkout, pictures]
    command += ["--kinds", "cloth,N95", "--skip", "1", "--maps", maps]
    made = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        made.append(sorted(path.name for path in Path(f"{pictures}_masked").iterdir()))
    assert made[0] == made[1]  # the kinds, too
    assert [name[0] for name in made[0]] == ["0", "1", "3", "4", "5"]
    skipped, clock, processor, failed = json.loads(done.stdout.splitlines()[-1])
    assert (skipped, failed) == (1, 1)
    assert 0 < processor < clock + 1
    assert "2.png: IndexError('no chin')" in done.stderr
    opacity = cv2.imread(str(maps / "0.png"), cv2.IMREAD_GRAYSCALE)
    assert opacity[:, 0].tolist() == [255, 255, 0, 0, 255, 255, 0, 0]
