"""Hands: flat on the face, as a fist, with one or two fingers up, and around a thing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from .canvas import F32, Canvas, Solid
from .look import Look
from .solids import Points, limb, smooth

# Left to right: little finger to index, where the thumb is at +u. Lengths of adult hands over the distance of
# the eyes (about 63 mm): a hand is 1.3 IOD wide and its middle finger as long.
_KNUCKLES = ((-0.42, -1.12), (-0.16, -1.32), (0.12, -1.40), (0.40, -1.30))
_LENGTHS = (0.90, 1.16, 1.26, 1.10)
_RADII = (0.125, 0.145, 0.152, 0.148)
_PHALANGES = (0.46, 0.30, 0.24)
_FLUSH = np.array([1.10, 0.93, 0.93], np.float32)  # fingertips and knuckles are redder
_NAIL = np.array([1.18, 1.10, 1.12], np.float32)
_CREASE = 0.28
_ARM_IOD = 9.0
_FADE_IOD = 0.6  # over which the palm gives way to the forearm

Chains = list[tuple[Points, Sequence[float]]]


@dataclass(frozen=True)
class Wrist:
    """Where the forearm begins, its radius there, and how far it goes sideways for each IOD away."""

    place: tuple[float, float]
    radius: float
    slant: float = 0.0

    def at(self, distance: float) -> tuple[float, float]:
        """Return the middle of the forearm at a distance from the wrist."""
        return self.place[0] + self.slant * distance, self.place[1] + distance


def draw_hand(canvas: Canvas, look: Look) -> None:
    """Draw the back of a hand whose fingers lie on the face; the origin is at the knuckles."""
    rng = look.generator()
    origin = (0.0, 1.35 + float(rng.uniform(-0.5, 0.3)))
    spread, fan = float(rng.uniform(0.5, 9)), float(rng.uniform(-6, 6))
    _draw_thumb(canvas, look, origin, float(rng.uniform(0, 25)))
    palm: Chains = [
        ([origin, (origin[0] + u * 0.9, origin[1] + v + 0.12)], [0.32, 0.22]) for u, v in _KNUCKLES
    ]
    _draw_palm(canvas, look, rng, palm, Wrist(origin, 0.42), tendons=True)
    for number, (u, v) in enumerate(_KNUCKLES):
        angle = fan + spread * (number - 1.5)
        length = _LENGTHS[number] * float(rng.uniform(0.86, 1.02))
        _draw_finger(canvas, look, (origin[0] + u, origin[1] + v), angle, length, _RADII[number])


def draw_fist(canvas: Canvas, look: Look) -> None:
    """Draw a loose fist, folded fingers towards the camera; the origin is on them."""
    rng = look.generator()
    _draw_folded(canvas, look, rng, range(4))


def draw_fingers(canvas: Canvas, look: Look) -> None:
    """Draw a hand with its index finger up, or two fingers; the origin is near the tip."""
    rng = look.generator()
    low = float(rng.uniform(1.0, 1.5))
    raised = 2 if rng.random() < 0.35 else 1
    for number in range(4 - raised, 4):
        u = -0.42 + 0.28 * number
        angle = float(rng.uniform(-7, 7)) + (5 if number == 3 else -5) * (raised - 1)
        length = float(rng.uniform(1.25, 1.5))
        chain = _bent((u, low + 0.1), angle, length, float(rng.uniform(-4, 4)))
        _paint_finger(canvas, look, chain, 0.155, nail=bool(rng.random() < 0.3), fade=0.0)
    _draw_folded(canvas, look, rng, range(4 - raised), low)


def draw_grip_behind(canvas: Canvas, look: Look, rng: Generator, edge: float, low: float) -> None:
    """Draw what of a gripping hand is behind the thing: arm and palm, to the right of its edge."""
    palm: Chains = [
        ([(edge + 0.1, low - 0.35), (edge + 0.18, low + 0.3)], [0.28, 0.34]),
        ([(edge + 0.18, low + 0.3), (edge + 0.42, low + 0.75)], [0.34, 0.36]),
    ]
    wrist = Wrist((edge + 0.42, low + 0.75), 0.38, slant=float(rng.uniform(0.06, 0.3)))
    _draw_palm(canvas, look, rng, palm, wrist)


def draw_grip(canvas: Canvas, look: Look, rng: Generator, edge: float, low: float, reach: float) -> None:
    """Draw the four fingers of a gripping hand in front of the thing, from its right edge to ``reach``."""
    lean = float(rng.uniform(-0.12, 0.08))
    for number in (3, 2, 1, 0):  # the little finger is lowest, and behind
        v = low - 0.42 + 0.29 * (3 - number)
        tip = reach + float(rng.uniform(-0.06, 0.06)) + (0.0, 0.0, 0.04, 0.14)[3 - number]
        knuckle = edge + 0.18 - 0.05 * abs(number - 1.5)
        middle = (knuckle + tip) / 2
        chain: Points = [(knuckle, v), (middle, v + lean * 0.4), (tip, v + lean)]
        _paint_finger(canvas, look, chain, _RADII[number] * 0.97, nail=bool(tip < edge - 0.3), fade=0.12)


def _raise_tendons(back: Solid | None) -> None:
    """Tilt the normals of the back of a hand over its four tendons and beside its knuckles."""
    if back is None:
        return
    wave = np.sin(back.window.u * np.float32(2 * np.pi / 0.28))
    strength = 0.16 * np.clip(back.along * 1.4 - 0.3, 0, 1)
    back.normal[..., 0] += (strength * wave * back.normal[..., 2]).astype(np.float32)
    back.normal[...] /= np.linalg.norm(back.normal, axis=-1, keepdims=True)


def _draw_palm(
    canvas: Canvas, look: Look, rng: Generator, chains: Chains, wrist: Wrist, *, tendons: bool = False
) -> None:
    """Draw forearm, palm and sleeve; the palm fades into the forearm, so that no seam is seen."""
    end = wrist.at(_ARM_IOD)
    arm = limb(
        canvas, [([wrist.place, end], [wrist.radius, wrist.radius * 1.9])], softness=0.05, roundness=1.4
    )
    _paint_skin(canvas, arm, look)
    stub = ([wrist.place, wrist.at(_FADE_IOD * 1.5)], [wrist.radius * 0.95, wrist.radius * 1.05])
    palm = limb(canvas, [*chains, stub], softness=0.09, roundness=2.0)
    if palm is not None:
        if tendons:
            _raise_tendons(palm)
        beyond = palm.window.v - np.float32(wrist.place[1])
        _paint_skin(canvas, palm, look, shade=0.4, opacity=1 - smooth(beyond / np.float32(_FADE_IOD)))
    start, folds = float(rng.uniform(0.3, 2.2)), float(rng.uniform(0, 6))
    if rng.random() < 0.65:
        _draw_sleeve(canvas, look, wrist, start, folds)


def _draw_sleeve(canvas: Canvas, look: Look, wrist: Wrist, start: float, folds: float) -> None:
    ends = [wrist.at(start), wrist.at(_ARM_IOD)]
    sleeve = limb(canvas, [(ends, [wrist.radius * 1.22, wrist.radius * 2.2])], softness=0.05, roundness=1.3)
    if sleeve is None:
        return
    v, across = sleeve.window.v, sleeve.across
    wave = 0.05 * np.sin(v * 9 + 3 * across) + 0.11 * np.sin(v * 3.1 + 2.2 * across + folds)
    canvas.paint(sleeve, look.colour * (1 + wave[..., None]), shade=0.4, reach=0.06)


def _draw_thumb(canvas: Canvas, look: Look, origin: tuple[float, float], open_deg: float) -> None:
    cos, sin = np.cos(np.radians(open_deg)), np.sin(np.radians(open_deg))
    way = [(0.22, -0.28), (0.52, -0.72), (0.60, -1.08), (0.58, -1.38)]
    turned = [(origin[0] + u * cos - v * sin, origin[1] + u * sin + v * cos) for u, v in way]
    thumb = limb(canvas, [(turned, [0.30, 0.19, 0.165, 0.125])], softness=0.03, roundness=1.2)
    _paint_skin(canvas, thumb, look, shade=0.3)


def _draw_finger(
    canvas: Canvas, look: Look, base: tuple[float, float], angle: float, length: float, radius: float
) -> None:
    start = (base[0] * 0.92, base[1] + 0.30)
    chain = [start, *_bent(base, angle, length, 0.0)]
    _paint_finger(canvas, look, chain, radius, nail=True, fade=0.22)


def _bent(base: tuple[float, float], angle: float, length: float, bend: float) -> list[tuple[float, float]]:
    """Joints of a finger that points up, turned by degrees and bent a little more at each."""
    joints = [base]
    for share in _PHALANGES:
        turn = np.radians(angle)
        u, v = joints[-1]
        joints.append((u + float(np.sin(turn)) * share * length, v - float(np.cos(turn)) * share * length))
        angle += bend
    return joints


def _draw_folded(canvas: Canvas, look: Look, rng: Generator, fingers: range, low: float = 0.0) -> None:
    """Draw folded fingers side by side with the thumb across; ``low`` is where they are."""
    block: Chains = [
        ([(-0.3, low + 0.12), (0.3, low + 0.12)], [0.40, 0.40]),
        ([(0.0, low + 0.2), (0.05, low + 0.95)], [0.48, 0.36]),
    ]
    _draw_palm(canvas, look, rng, block, Wrist((0.05, low + 0.95), 0.38))
    for number in fingers:
        u = -0.42 + 0.28 * number
        top = low - 0.42 + 0.07 * abs(number - 2) + float(rng.uniform(-0.03, 0.03))
        chain: Points = [(u * 0.96, low + 0.24), (u, (top + low) / 2), (u * 1.02, top)]
        _paint_finger(canvas, look, chain, 0.158, nail=False, fade=0.0)
    reach = float(rng.uniform(-0.15, 0.15))
    thumb: Points = [(0.55, low + 0.62), (0.52, low + 0.28), (0.22, low + 0.2), (reach, low + 0.22)]
    _paint_skin(canvas, limb(canvas, [(thumb, [0.26, 0.2, 0.165, 0.13])], softness=0.03), look, shade=0.5)
    _paint_nail(canvas, look, thumb, 0.13)


def _paint_finger(
    canvas: Canvas, look: Look, chain: Points, radius: float, *, nail: bool, fade: float
) -> None:
    count = len(chain)
    radii = [radius * (1.06 - 0.24 * index / (count - 1)) for index in range(count)]
    finger = limb(canvas, [(chain, radii)], softness=0.02, roundness=1.15)
    if finger is None:
        return
    opacity = None
    if fade > 0:
        opacity = smooth(finger.along / np.float32(fade))
    _paint_skin(canvas, finger, look, shade=0.5, joints=range(1, count - 1), count=count, opacity=opacity)
    if nail:
        _paint_nail(canvas, look, chain, radii[-1])


def _paint_nail(canvas: Canvas, look: Look, chain: Points, radius: float) -> None:
    if look.gloved:
        return
    (u0, v0), (u1, v1) = chain[-2:]
    length = max(float(np.hypot(u1 - u0, v1 - v0)), 1e-6)
    du, dv = (u1 - u0) / length * radius, (v1 - v0) / length * radius
    ends: Points = [(u1 - 0.35 * du, v1 - 0.35 * dv), (u1 + 0.25 * du, v1 + 0.25 * dv)]
    canvas.paint(
        limb(canvas, [(ends, [0.52 * radius, 0.5 * radius])], softness=0.01, roundness=3.0),
        np.minimum(look.skin * _NAIL, 1),
        gloss=0.10,
        shade=0.12,
        reach=0.02,
    )


def _paint_skin(
    canvas: Canvas,
    solid: Solid | None,
    look: Look,
    *,
    shade: float = 0.0,
    joints: range | None = None,
    count: int = 0,
    opacity: F32 | None = None,
) -> None:
    """Paint a part of the hand: uneven colour, redder joints and tips, creases across the joints."""
    if solid is None:
        return
    if look.gloved:
        canvas.paint(solid, look.skin, gloss=0.05, shade=shade, opacity=opacity)
        return
    u, v = solid.window.u, solid.window.v
    mottled = 1 + 0.05 * np.sin(7.3 * u + 1.1) * np.sin(6.1 * v + 0.4) + 0.03 * np.sin(19 * u - 13 * v)
    mottled += 0.025 * np.sin(47 * u + 3 * np.sin(31 * v)) * np.sin(53 * v + 2 * np.sin(29 * u))
    albedo = look.skin * mottled[..., None].astype(np.float32)
    if joints is not None:
        at = solid.along * np.float32(count - 1)
        red = np.clip((solid.along - np.float32(0.82)) / np.float32(0.18), 0, 1)
        for joint in joints:
            off = at - np.float32(joint)
            red = np.maximum(red, 0.6 * np.exp(-((off / np.float32(0.3)) ** 2)))
            folds = sum(
                np.exp(-(((off - np.float32(place)) / np.float32(0.05)) ** 2))
                for place in (-0.12, 0.02, 0.14)
            )
            albedo = albedo * (1 - np.float32(_CREASE * 0.5) * folds * (1 - solid.across**2))[..., None]
        albedo = albedo * (1 + (_FLUSH - 1) * red[..., None])
    canvas.paint(solid, albedo.astype(np.float32), gloss=0.05, shade=shade, opacity=opacity)
