"""Prints with words: invented names, short sayings and monograms."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .tile import Frame, Print, Tile, Values, lay_once, layered, make_tile, sample, stored_tile, unit

_STARTS = (
    "Vel",
    "Orb",
    "Zan",
    "Tru",
    "Mir",
    "Kov",
    "Lun",
    "Ery",
    "Dra",
    "Qui",
    "Bry",
    "Fen",
    "Gal",
    "Hax",
    "Nev",
    "Wyn",
)
_ENDS = ("ora", "ix", "eno", "umi", "arq", "ello", "ovo", "ane", "urn", "ika", "yst", "elm", "oft", "uza")
_SAYINGS = (
    "SMILE", "HELLO", "BE KIND", "STAY WELL", "LOVE", "NO TALK", "PEACE", "2 METRES", "TEAM", "WOW", "KEEP OUT",
    "GOOD DAY", "HA HA", "MUSIC", "OK", "DREAM", "CALM", "CREW", "VOTE", "100%", "NEW", "HI!", "MMM", "ZZZ",
)  # fmt: skip
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_COMPLEX | cv2.FONT_ITALIC,
)
_TEXT_PX = 256
_TEXTS = 16


def word(rng: Generator) -> str:
    """Invented name, in capitals or not, or a short saying."""
    if rng.random() < 0.35:
        return _SAYINGS[int(rng.integers(len(_SAYINGS)))]
    name = _STARTS[int(rng.integers(len(_STARTS)))] + _ENDS[int(rng.integers(len(_ENDS)))]
    return name.upper() if rng.random() < 0.5 else name


def _letters(text: str, font: int, size: float, weight: float) -> NDArray[np.uint8]:
    """Text cut to its own box; ``size`` is its height in pixels, ``weight`` the stroke as a share of it."""
    scale = size / 22.0
    stroke = max(round(size * weight), 1)
    (width, height), base = cv2.getTextSize(text, font, scale, stroke)
    canvas = np.zeros((height + base + 2 * stroke + 4, width + 2 * stroke + 4), np.uint8)
    cv2.putText(canvas, text, (stroke + 2, height + stroke + 2), font, scale, 255, stroke, cv2.LINE_AA)
    x, y, w, h = cv2.boundingRect(canvas)
    return canvas[y : y + h, x : x + w]


def draw_text(frame: Frame, rng: Generator) -> Print:
    """One large word across the mask, or words and monograms all over it."""
    if rng.random() < 0.45:
        return _one_word(frame, rng)
    values = sample(_words(int(rng.integers(_TEXTS))), frame, frame.scale, rng.random(2))
    return Print(unit(values[..., 0]))


def _one_word(frame: Frame, rng: Generator) -> Print:
    font = FONTS[int(rng.integers(len(FONTS)))]
    letters = _letters(word(rng), font, 64, float(rng.uniform(0.08, 0.22)))
    wide, high = frame.size_iod
    largest = min(wide * 0.75, high * 0.6 * letters.shape[1] / letters.shape[0])
    width = min(largest, letters.shape[1] / 64 * (0.12 + 0.9 * frame.scale))
    room = (wide * 0.85 - width) / 2
    centre = (
        float(rng.uniform(-room, room)) * float(rng.random() < 0.5),
        high * float(rng.uniform(-0.2, 0.2)),
    )
    turn = float(rng.normal(0, 0.05)) + (frame.turn if rng.random() < 0.2 else 0.0)
    ink = letters.astype(np.float32) * np.float32(1 / 255)
    share = lay_once(ink, frame, centre, width, turn)
    if rng.random() < 0.6:
        return Print(share)
    # A border around the letters, or a plate below them, in the third colour.
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    wider = cv2.copyMakeBorder(letters, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    around = cv2.dilate(wider, ring) if rng.random() < 0.6 else np.full_like(wider, 255)
    edge = (around.astype(np.float32) * np.float32(1 / 255)) * (
        1 - wider.astype(np.float32) * np.float32(1 / 255)
    )
    third = lay_once(edge, frame, centre, width * wider.shape[1] / letters.shape[1], turn)
    return Print(layered(share, third), third=third)


@stored_tile
def _words(index: int) -> Tile:
    """Words all over: rows of one word, rows of many, or a staggered monogram."""
    rng = np.random.Generator(np.random.PCG64(20240740 + index))
    font = FONTS[int(rng.integers(len(FONTS)))]
    kind = index % 3
    wide, high = 2 * _TEXT_PX, _TEXT_PX
    canvas = np.zeros((high, wide), np.float32)
    rows = (2, 4, 2)[kind]
    fill = (0.6, 0.62, 0.7)[kind]
    name = word(rng)
    text = name[:1].upper() + chr(65 + int(rng.integers(26))) if kind == 2 else name
    for row in range(rows):
        line = _row(text if kind != 1 else "", rng, font, high / rows * fill, wide)
        top = int((row + (1 - fill) / 2) * high / rows)
        shift = (wide // 4 if row % 2 else 0) if kind != 1 else int(rng.integers(wide))
        canvas[top : top + line.shape[0]] = np.maximum(
            canvas[top : top + line.shape[0]], np.roll(line, shift, 1)
        )
    return make_tile([canvas], (2.0 * rows, float(rows)))


def _row(text: str, rng: Generator, font: int, height: float, wide: int) -> Values:
    """One periodic line: ``text`` twice or more, or different words, stretched to close without a seam."""
    weight = float(rng.uniform(0.07, 0.16))
    pieces: list[NDArray[np.float32]] = []
    total = 0
    while True:
        piece = _letters(text or word(rng), font, height, weight).astype(np.float32) / np.float32(255)
        gap = int(height * (0.5 if not text else 0.7))
        if pieces and total + piece.shape[1] + gap > wide * 1.05:
            break
        tall = int(height)
        whole = np.zeros((tall, piece.shape[1] + gap), np.float32)
        part = cv2.resize(piece, (piece.shape[1], min(tall, piece.shape[0])), interpolation=cv2.INTER_AREA)
        start = (tall - part.shape[0]) // 2
        whole[start : start + part.shape[0], : part.shape[1]] = part
        pieces.append(whole)
        total += whole.shape[1]
    if len(pieces) % 2 and text and len(pieces) > 1:
        pieces.pop()
    line: Values = cv2.resize(np.hstack(pieces), (wide, int(height)), interpolation=cv2.INTER_LINEAR)
    return line
