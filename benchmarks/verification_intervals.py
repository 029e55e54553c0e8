"""Do the intervals of `unmask-eval verify` keep their word where pairs share people.

    python benchmarks/verification_intervals.py [REPEATS]

Simulated embeddings: people are points, some of them harder to know again than others, and five pictures of each
lie around them. Printed: the share of nominal 95 % intervals that hold what a population of 3,000 people gives,
with people drawn as the command does, and as if every pair stood by itself.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from unmask.model.verification.curve import Curve, draw_weights, measure

F64, Index = NDArray[np.float64], NDArray[np.intp]
PEOPLE, EACH, SIZE, STRANGERS, FOLDS, DRAWS = (40, 74, 200), 5, 16, 3000, 10, 500


def draw(rng: np.random.Generator, people: int, strangers: int) -> tuple[F64, Index, Index]:
    """Similarities of all pairs of one person and of some of two, and who is in both pictures of each."""
    spread = 0.55 * np.exp(0.3 * rng.normal(size=(people, 1, 1)))
    faces = rng.normal(size=(people, 1, SIZE)) + spread * rng.normal(size=(people, EACH, SIZE))
    faces /= np.linalg.norm(faces, axis=2, keepdims=True)
    one, two = np.triu_indices(EACH, 1)
    own = (faces[:, one] * faces[:, two]).sum(axis=2).ravel()
    who = np.repeat(np.arange(people), len(one))
    left, right = rng.integers(0, people, (2, strangers))
    right = np.where(left == right, (right + 1) % people, right)
    first, second = rng.integers(0, EACH, (2, strangers))
    others = (faces[left, first] * faces[right, second]).sum(axis=1)
    return np.concatenate([own, others]), np.concatenate([who, left]), np.concatenate([who, right])


def curve_of(found: tuple[F64, Index, Index], people: int, *, weighted: str) -> Curve:
    """Measure simulated pairs, with people, pairs or nothing drawn again."""
    values, left, right = found
    same = left == right
    folds = np.minimum(left, right) * FOLDS // people
    if not weighted:
        return measure(values, same, folds, None, people)
    if weighted == "people":
        return measure(values, same, folds, draw_weights(left, right, same, people, DRAWS), people)
    alone = np.arange(len(values))
    weights = draw_weights(alone, alone, np.ones(len(values), bool), len(values), DRAWS)
    return measure(values, same, folds, weights, len(values))


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = np.random.default_rng(0)
    truth = curve_of(draw(rng, 3000, 300_000), 3000, weighted="").numbers()
    print("true:", ", ".join(f"{name} {value.value:.4f}" for name, value in truth.items()), flush=True)
    for people in PEOPLE:
        held = {(weighted, name): 0 for weighted in ("people", "pairs") for name in truth}
        for _ in range(repeats):
            found = draw(rng, people, STRANGERS)
            for weighted in ("people", "pairs"):
                for name, value in curve_of(found, people, weighted=weighted).numbers().items():
                    held[weighted, name] += value.low <= truth[name].value <= value.high
        for name in truth:
            shares = (held[weighted, name] / repeats for weighted in ("people", "pairs"))
            print(f"{people:4d} people  {name:18s} {next(shares):8.1%} {next(shares):8.1%}", flush=True)


if __name__ == "__main__":
    main()
