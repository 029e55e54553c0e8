"""Recompute the generic face (`GENERIC_POINTS`) from a folder of aligned CelebA pictures.

    python benchmarks/fit_generic_face.py CELEBA [--every 5]

Alternates two least-squares problems until the shape stands still: the weak-perspective pose of every picture
given the shape, and the shape given every pose, with left and right tied together (structure from motion under
orthography, after Tomasi & Kanade 1992, with a symmetric mean shape). Prints the table and each point's residual.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.face_model import GENERIC_POINTS
from unmask.datagen.render.jitter import MIRRORED_POINTS
from unmask.datagen.sources.open_source import open_source

F64 = NDArray[np.float64]
RIGID = np.arange(17, 68)
MIRROR = MIRRORED_POINTS


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
    parser.add_argument("source", help="aligned CelebA folder")
    parser.add_argument("--every", type=int, default=5, help="use every n-th picture (default 5)")
    options = parser.parse_args()
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
