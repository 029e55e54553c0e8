"""The finder: a small fully convolutional network that sees where a picture shows faces, masked or bare.

As the `pretrained` Map Module it stands on the packaged EfficientNet-lite0, frozen, which knows the world: drawn
scenes alone would teach it about drawn scenes. A few light layers turn its features into a heat map of the faces'
middles with size, lean and exact place beside it (Zhou, Wang and Krähenbühl 2019, *Objects as Points*). It knows
face boxes of 13 to 140 pixels; a picture is shown at several sizes.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from unmask.datagen.faces.frame import FRAME_BOX, frame_scale, frame_turn_deg, similarity
from unmask.datagen.pictures.arrays import F64

from .efficientnet_lite import LITE0, LITE0_CHANNELS
from .perceptual import load_lite0_encoder
from .pretrained import make_constant

STRIDE = 8  # pixels of a cell of the answer
CENTRE = np.array([88.5, FRAME_BOX.y])  # of a face in its frame; a mirrored face has it there, too
USUAL_PX = 32.0  # width of a face box whose size is answered as 0
OUTPUTS = 6
_UNLIKELY_LOGIT = -4.0  # few cells have a face: the first steps need not learn that


class FinderNet(nn.Module):
    """Picture (n, 3, h, w) in [-1, 1] -> (n, 6, h / 8, w / 8); h and w are multiples of 16.

    Channels: logit that a face has its middle in the cell; where in units of cells, from the cell's middle (x, y);
    log2 of the face box's width in 32 pixels; cosine and sine of its lean.

    Parameters
    ----------
    width : int
        Channels of the layers that are trained.

    Raises
    ------
    UserError
        When the encoder's package is not installed or damaged.
    """

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.encoder = load_lite0_encoder(deepest=False)
        make_constant(self.encoder)
        fine, deep = LITE0_CHANNELS[2:4]
        self.deep = nn.Sequential(_entrance(deep, width), *(_Mixer(width, 5) for _ in range(3)))
        self.fine = _entrance(fine, width)
        self.both = nn.Sequential(_Mixer(width, 3), _Mixer(width, 5))
        self.head = nn.Conv2d(width, OUTPUTS, 1)
        nn.init.zeros_(self.head.weight)
        self.head.bias = nn.Parameter(torch.tensor([_UNLIKELY_LOGIT, 0, 0, 0, 1, 0]))

    @property
    def origin(self) -> dict[str, Any]:
        """What the card says of the encoder: package, and sha256 of the file in it."""
        return {"package": LITE0.package, "sha256": self.encoder.sha256}

    def forward(self, picture: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, 6, h / 8, w / 8)."""
        *_, fine, deep = self.encoder.features(picture)
        above = functional.interpolate(self.deep(deep), scale_factor=2.0, mode="nearest")
        answer: Tensor = self.head(self.both(self.fine(fine) + above))
        return answer


class _Mixer(nn.Module):
    """What neighbours say, then what channels say together, added."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        changed: Tensor = self.change(x)
        return x + changed


def _entrance(channels: int, width: int) -> nn.Module:
    # The encoder's layers are of unlike size.
    return nn.Sequential(
        nn.BatchNorm2d(channels), nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def decode(answer: Tensor, least: float, most: int) -> list[tuple[F64, float]]:
    """Return the faces that an answer of `FinderNet` to one picture tells, the best first.

    Parameters
    ----------
    answer : float32 Tensor (6, h, w)
    least : float
        Probability in [0, 1] below which there is none.
    most : int
        How many, at most.

    Returns
    -------
    list of (float64 (2, 3), float)
        Frames of aligned CelebA in pixels of the picture that the network saw, with their probabilities.
    """
    heat = answer[0].sigmoid()
    peaks = functional.max_pool2d(heat[None], 3, stride=1, padding=1)[0] == heat
    rows, columns = torch.nonzero(peaks & (heat >= least), as_tuple=True)
    order = torch.argsort(heat[rows, columns], descending=True, stable=True)[:most]
    rows, columns = rows[order], columns[order]
    scores = heat[rows, columns].tolist()
    values = answer[1:, rows, columns].T.double().cpu().numpy()
    places = np.stack([columns.cpu().numpy(), rows.cpu().numpy()], 1)
    return [(_frame(place, value), score) for place, value, score in zip(places, values, scores, strict=True)]


def _frame(cell: NDArray[np.integer], value: F64) -> F64:
    x, y, size, cosine, sine = value
    scale = USUAL_PX * 2 ** float(np.clip(size, -3, 4)) / FRAME_BOX.width
    norm = max(float(np.hypot(cosine, sine)), 1e-6) / scale
    middle = cell_middles(cell) + STRIDE * np.array([x, y])
    return similarity(float(cosine), float(sine), norm, CENTRE, middle)


def cell_middles(cells: NDArray[np.integer]) -> F64:
    """Where the middles of cells lie, in pixels of the picture: (..., 2) -> (..., 2)."""
    return np.asarray(STRIDE * cells + (STRIDE - 1) / 2, np.float64)


def encode(frame: F64) -> tuple[F64, F64]:
    """Return what the network should say of a frame: its middle (2,) in pixels; size, cosine, sine (3,)."""
    middle = frame[:, :2] @ CENTRE + frame[:, 2]
    size = np.log2(frame_scale(frame) * FRAME_BOX.width / USUAL_PX)
    turn = np.radians(frame_turn_deg(frame))
    return middle, np.array([size, np.cos(turn), np.sin(turn)])
