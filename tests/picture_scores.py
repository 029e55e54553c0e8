"""Scores of a picture or of a part of it, one by one, by the code that evaluations use."""

import numpy as np

from unmask.model.metrics.metrics import score_regions
from unmask.model.metrics.similarity import Windowed


def psnr(picture: np.ndarray, clean: np.ndarray, where: np.ndarray | None = None) -> float:
    return _score("psnr", picture, clean, where)


def ssim(picture: np.ndarray, clean: np.ndarray, where: np.ndarray | None = None) -> float:
    return _score("ssim", picture, clean, where)


def l1(picture: np.ndarray, clean: np.ndarray, where: np.ndarray | None = None) -> float:
    return _score("l1", picture, clean, where)


def _score(name: str, picture: np.ndarray, clean: np.ndarray, where: np.ndarray | None) -> float:
    mask = np.zeros(clean.shape[:2], bool) if where is None else where
    return score_regions(picture, Windowed(clean), mask)[name if where is None else f"mask_{name}"]
