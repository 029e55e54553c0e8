"""Do intervals and p-values keep their word where pictures come in clusters.

    python benchmarks/clustered_intervals.py

Simulated scores, half of whose variance faces have in common: four variants a face, or one to nine pictures a
person. Printed: the share of nominal 95 % intervals that hold the true mean, by clusters and as if every picture
stood by itself; and how often p is below 0.05 and 0.01 where a group of faces, or of masks, is like the rest.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.model.metrics.differences import difference_ps
from unmask.model.metrics.intervals import bootstrap_means

F64 = NDArray[np.float64]
REPEATS, DRAWS, SHUFFLES = 2000, 1000, 2000
SCORES = {  # of a standard normal variable: skewed as PSNR, IoU and distances are
    "normal (PSNR)": lambda z: 28 + 3 * z,
    "1 - 0.05 log-normal (IoU)": lambda z: 1 - 0.05 * np.exp(0.8 * z),
    "log-normal(0, 0.5)": lambda z: np.exp(0.5 * z),
}


def draw(rng: np.random.Generator, clusters: NDArray[np.intp], repeats: int) -> F64:
    """Standard normal (n, repeats), with a correlation of 0.5 inside clusters."""
    common = rng.normal(size=(clusters.max() + 1, repeats))[clusters]
    return np.asarray((common + rng.normal(size=common.shape)) / np.sqrt(2), np.float64)


def true_mean(name: str) -> float:
    """Mean of a score: by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((SCORES[name](nodes) * weights).sum() / weights.sum())


def coverage(values: F64, truth: float, clusters: NDArray[np.intp] | None) -> float:
    """Share of intervals that hold the true mean."""
    found = bootstrap_means(values, clusters, draws=DRAWS)
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def main() -> None:
    """Print both tables."""
    rng = np.random.default_rng(0)
    shapes = {f"{faces} faces x 4": np.repeat(np.arange(faces), 4) for faces in (30, 100, 250)}
    shapes["100 people x 1 to 9"] = np.repeat(np.arange(100), 1 + np.arange(100) % 9)
    print(f"{'95 % intervals that hold the mean':36s} {'score':28s} by cluster  by picture")
    for shape, clusters in shapes.items():
        for name, score in SCORES.items():
            values, truth = score(draw(rng, clusters, REPEATS)), true_mean(name)
            shares = coverage(values, truth, clusters), coverage(values, truth, None)
            print(f"{shape:36s} {name:28s} {shares[0]:10.1%} {shares[1]:11.1%}", flush=True)
    print(f"\n{'p below 0.05, 0.01 without a difference':44s} {'score':28s} by cluster     by picture")
    clusters = np.repeat(np.arange(250), 4)
    groups = {
        "30 faces x 4 against 220 x 4": clusters < 30,
        "masks: 100 pictures of 1,000": rng.permutation(1000) < 100,
        "every second variant": np.arange(1000) % 2 == 0,
    }
    for title, member in groups.items():
        for name, score in SCORES.items():
            values = score(draw(rng, clusters, REPEATS))
            cells = []
            for known in (clusters, None):
                p = difference_ps(values, member[:, None], known, shuffles=SHUFFLES)[0]
                cells.append(f"{np.mean(p < 0.05):6.1%} {np.mean(p < 0.01):6.1%}")
            print(f"{title:44s} {name:28s} {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
