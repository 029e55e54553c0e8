"""Recompute the generic face (`GENERIC_POINTS`) from aligned CelebA pictures, or the taut skin over it.

    python benchmarks/fit_generic_face.py CELEBA [--every 5]
    python benchmarks/fit_generic_face.py --skin datagen/render/skin_radius.npy

Alternates two least-squares problems until the shape stands still: the weak-perspective pose of every picture
given the shape, and the shape given every pose, with left and right tied together (structure from motion under
orthography, after Tomasi & Kanade 1992, with a symmetric mean shape). Prints the table and each point's residual.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.face_model import (
    AZIMUTHS,
    CENTRE,
    ELEVATIONS,
    GENERIC_POINTS,
    STEP_DEG,
    directions,
)
from unmask.datagen.render.jitter import MIRRORED_POINTS
from unmask.datagen.sources.open_source import open_source

F64 = NDArray[np.float64]
RIGID = np.arange(17, 68)
MIRROR = MIRRORED_POINTS
# Where the 68 points say nothing: cheeks, front of the chin, under the chin, forehead, in front of the ears.
# Placed by eye on the fitted points, one side; mirrored below.
SKIN_POINTS = np.array(
    [
        *[(0.62, -0.40, -0.27), (0.62, -0.85, -0.33), (0.88, -0.65, -0.58), (0.75, -1.15, -0.60)],
        *[(0.14, -1.68, -0.14), (0.25, -1.90, -0.75), (0.55, -1.72, -0.95), (0.85, -1.40, -1.10)],
        *[(0.00, 0.85, -0.05), (0.55, 0.75, -0.28), (0.95, 0.55, -0.75), (1.17, 0.00, -1.25)],
        *[(1.13, -0.65, -1.30), (1.00, -1.20, -1.30)],
    ],
    np.float64,
)
SMOOTH_DEG = 5.0  # cloth bridges hollows: sigma of the blur over directions


def skin_radii() -> F64:
    """Distance from the head's centre to the blurred convex hull, float64 (elevations, azimuths), IOD."""
    hull = ConvexHull(np.concatenate([GENERIC_POINTS, SKIN_POINTS, SKIN_POINTS * [-1, 1, 1]]))
    normal, offset = hull.equations[:, :3], hull.equations[:, 3]
    ray = directions(*np.meshgrid(AZIMUTHS, ELEVATIONS))
    # A ray leaves a convex body through the first face plane that it meets.
    rate = ray @ normal.T
    gap = -(offset + normal @ CENTRE)
    reach = np.where(rate > 1e-9, gap / np.maximum(rate, 1e-9), np.inf).min(axis=-1)
    return gaussian_filter(np.minimum(reach, 2.5), SMOOTH_DEG / STEP_DEG, mode="nearest")


def measure(source: str, every: int) -> F64:
    """Dlib's points on every n-th picture, y turned up, float64 (pictures, 68, 2)."""
    finder = LandmarkFinder()
    found = []
    for face in open_source(source).faces[::every]:
        image = decode_picture(face.read_bytes()).image_rgb
        found += [marks.points for marks in finder.find(image, aligned=True)[:1]]
    return np.array(found, np.float64) * [1.0, -1.0]


def pose(points: F64, shape: F64) -> tuple[F64, F64]:
    """Camera rows (2, 3) and the points in units of the shape, (68, 2), for one picture."""
    model, seen = shape[RIGID], points[RIGID]
    centred = model - model.mean(0)
    affine = np.linalg.lstsq(centred, seen - seen.mean(0), rcond=None)[0].T
    left, singular, right = np.linalg.svd(affine, full_matrices=False)
    rows, scale = left @ right, singular.mean()
    return rows, (points - seen.mean(0)) / scale + rows @ model.mean(0)


def refit(points: F64, shape: F64) -> tuple[F64, F64]:
    """One round: all poses, then the symmetric shape; returns the shape and the residual of each point."""
    rows, seen = (np.array(part) for part in zip(*(pose(p, shape) for p in points), strict=True))
    mirror = np.diag([-1.0, 1.0, 1.0])
    normal = np.einsum("fij,fik->jk", rows, rows)
    right = np.einsum("fij,fpi->pj", rows, seen)
    both = normal + mirror @ normal @ mirror
    new = np.linalg.solve(both, (right + right[MIRROR] @ mirror)[..., None])[..., 0]
    new -= new[27] * [0.0, 1.0, 1.0]
    new /= np.linalg.norm(new[36:42].mean(0) - new[42:48].mean(0))
    error = seen - np.einsum("fij,pj->fpi", rows, new)
    return new, np.sqrt((error**2).sum(-1).mean(0))


def main() -> None:
    """Print the refitted table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", help="aligned CelebA folder")
    parser.add_argument("--skin", metavar="FILE", help="write the table of the taut skin there instead")
    parser.add_argument("--every", type=int, default=5, help="use every n-th picture (default 5)")
    options = parser.parse_args()
    if options.skin:
        np.save(options.skin, skin_radii())
        return
    if options.source is None:
        parser.error("SOURCE or --skin is needed")
    points, shape = measure(options.source, options.every), GENERIC_POINTS
    for _ in range(60):
        shape, residual = refit(points, shape)
    print(f"{len(points)} pictures; residual in IOD: jaw {residual[:17].mean():.3f}, "
          f"eyes and nose {residual[27:48].mean():.3f}, mouth {residual[48:].mean():.3f}")  # fmt: skip
    print(f"largest change against GENERIC_POINTS: {np.abs(shape - GENERIC_POINTS).max():.4f} IOD")
    for index, (x, y, z) in enumerate(shape):
        print(f"{index:2d}  ({x:.3f}, {y:.3f}, {z:.3f})")


if __name__ == "__main__":
    main()
