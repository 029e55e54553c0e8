"""Runs MaskTheFace unchanged on a folder of pictures: what `against_masktheface.py` starts in a process of its own.

    python benchmarks/run_masktheface.py CHECKOUT FOLDER --kinds "surgical, N95" [--skip 64] [--maps DIR]

Masked pictures lie in FOLDER_masked. Changed at run time, never in its files: names that numpy has dropped are
given back, folders are read in order, its choice of kinds has a seed, OpenCV has one thread, and a face on which it
fails costs that picture instead of all that follow. With --maps the opacity that it computes and throws away is
kept. Imports nothing of unmask: the start is MaskTheFace's own. The last line printed is JSON: pictures left out of
the running time, its seconds of the clock and of the processor, pictures on which it failed.
"""

import argparse
import json
import os
import random
import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np


class Watched:
    """MaskTheFace's two functions, one per picture and one per face, with an eye on time, failures and maps."""

    def __init__(self, theirs: ModuleType, skip: int, maps: Path | None) -> None:
        self.mask_image, self.mask_face = theirs.mask_image, theirs.mask_face
        theirs.mask_image, theirs.mask_face = self.one_picture, self.one_face
        self.skip, self.maps, self.map_path = skip, maps, Path()
        self.begun = self.failed = 0
        self.clock = self.processor = 0.0
        self.opacity: Any = 0

    def one_picture(self, path: str, args: argparse.Namespace) -> Any:
        """Mask one picture; nothing is written for one on which it fails."""
        if self.begun == self.skip:
            self.clock, self.processor = time.perf_counter(), time.process_time()
        self.begun += 1
        self.map_path, self.opacity = Path(path).with_suffix(".png"), 0
        try:
            return self.mask_image(path, args)
        except Exception as error:  # any: what it does not foresee is IndexError, cv2.error, LinAlgError
            self.failed += 1
            print(f"{path}: {error!r}", file=sys.stderr)
            return [], [], [], None

    def one_face(self, *given: Any, **named: Any) -> Any:
        """Mask one face and keep the opacity of the picture's masks so far."""
        drawn, opacity = self.mask_face(*given, **named)
        if self.maps is not None:
            self.opacity = np.maximum(self.opacity, opacity)
            cv2.imwrite(str(self.maps / self.map_path.name), self.opacity)
        return drawn, opacity

    def told(self) -> str:
        """What the parent reads."""
        clock, processor = time.perf_counter() - self.clock, time.process_time() - self.processor
        return json.dumps([self.skip, clock, processor, self.failed])


def in_order() -> None:
    """Let `os.walk` give files sorted: which kind of mask a picture gets hangs on it."""
    walk = os.walk

    def sorted_walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        for path, folders, files in walk(top):
            yield path, sorted(folders), sorted(files)

    os.walk = sorted_walk  # type: ignore[assignment]


def main() -> None:
    """Mask the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", required=True, help="what it takes as --code, or: random")
    parser.add_argument("--skip", type=int, default=0, help="pictures left out of the running time")
    parser.add_argument("--maps", type=Path, help="folder for the opacity of the masks")
    given = parser.parse_args()
    folder, maps = given.folder.resolve(), given.maps and given.maps.resolve()
    if maps is not None:
        maps.mkdir(parents=True, exist_ok=True)  # cv2.imwrite says nothing of a folder that is not there
    os.chdir(given.checkout)  # it reads its templates and its model relative to its own folder
    sys.path.insert(0, str(Path.cwd()))
    for name, kind in (("int", int), ("float", float), ("bool", bool), ("object", object)):
        if name not in vars(np):
            setattr(np, name, kind)
    cv2.setNumThreads(1)
    random.seed(0)  # MaskTheFace draws from the global generator
    in_order()
    from utils import aux_functions

    watched = Watched(aux_functions, given.skip, maps)
    flag = "--mask_type" if given.kinds == "random" else "--code"
    sys.argv = ["mask_the_face.py", "--path", str(folder), flag, given.kinds]
    runpy.run_path("mask_the_face.py", run_name="__main__")
    print(watched.told())


if __name__ == "__main__":
    main()
