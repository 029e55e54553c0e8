"""How well do the masks of a built dataset sit.

    python benchmarks/fit.py OUT

For masks worn properly: the share of faces whose lower face (convex hull of jaw points 2-14 and nose points 27-35)
is covered to at least 80 % by the map (>= 128), frontal and turned (|yaw| > 13 degrees), by family. Cups, half-face
respirators and small cuts are not made to cover it: "full cut" is all templates that are. For all masks: the share
of faces with an eye covered (more than a tenth of its polygon). Read from the maps on disk and landmarks.csv, not
from what the renderer said of itself.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.masks.template import load_templates

LOWER_FACE = np.concatenate([np.arange(2, 15), np.arange(27, 36)])
EYES = (np.arange(36, 42), np.arange(42, 48))
TURNED_DEG = 13.0


def share(opaque: NDArray[np.bool_], points: NDArray[np.float32]) -> float:
    """Share of the convex hull of points, inside the picture, that is opaque."""
    area = np.zeros(opaque.shape, np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return float((opaque & (area > 0)).sum() / max(int(area.sum()), 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a dataset built at the source's own size")
    out = parser.parse_args().out
    table = LandmarkTable.read(out / "landmarks.csv")
    full = {template.name for template in load_templates().templates if template.least_cover >= 0.8}
    proper: dict[tuple[str, bool], list[float]] = {}
    eyes = []
    for row in iterate_manifest(out / "manifest.csv"):
        faces = table.get(row.source, row.source_sha256) or []
        if row.status != "ok" or row.faces != 1 or len(faces) != 1:
            continue
        opaque = cv2.imread(str(out / row.map), cv2.IMREAD_GRAYSCALE) >= 128
        points = faces[0].points
        eyes.append(max(share(opaque, points[eye]) for eye in EYES) > 0.1)
        if row.worn == "proper":
            turned = abs(float(row.yaw)) > TURNED_DEG
            covered = share(opaque, points[LOWER_FACE])
            for group in (row.family, "all", *(["full cut"] if row.template in full else [])):
                proper.setdefault((group, turned), []).append(covered)
    print(f"{len(eyes)} faces; an eye covered: {np.mean(eyes):.2%}")
    print(f"{'worn properly':18s} {'frontal: faces, >= 80 %, median':>34s} {'turned':>26s}")
    groups = sorted({group for group, _ in proper} - {"all", "full cut"})
    for group in [*groups, "full cut", "all"]:
        cells = []
        for turned in (False, True):
            covered = np.array(proper.get((group, turned), [np.nan]))
            cells.append(f"{len(covered):6d} {np.mean(covered >= 0.8):7.1%} {np.median(covered):6.2f}")
        print(f"{group:18s} {cells[0]:>34s} {cells[1]:>26s}")


if __name__ == "__main__":
    main()
