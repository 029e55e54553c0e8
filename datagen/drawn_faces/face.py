"""Parameters of a drawn face: what a generator decides before anything is painted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unmask.datagen.common.rng import generator

from .attributes import ATTRIBUTE_NAMES, draw_person_attributes, draw_picture_attributes, settle

FACES_PER_PERSON = 2

Colour = tuple[float, float, float]

# sRGB, light to dark, in steps of equal weight.
_SKIN_TONES = (
    (242, 209, 189),
    (234, 194, 169),
    (223, 178, 149),
    (211, 161, 128),
    (186, 134, 101),
    (152, 104, 76),
    (118, 79, 57),
    (88, 59, 45),
)
_IRIS_COLOURS = ((96, 62, 38), (74, 48, 32), (112, 88, 52), (98, 124, 142), (92, 116, 90), (122, 132, 136))
_HAIR_BASES = {
    "Black_Hair": (40, 33, 31),
    "Blond_Hair": (206, 168, 112),
    "Brown_Hair": (104, 70, 47),
    "Gray_Hair": (168, 165, 162),
    "": (136, 66, 38),
}


@dataclass(frozen=True)
class HeadShape:
    """Shape of one person's head, as factors of the mean (1) or offsets from it (0, in pixels)."""

    face_width: float
    jaw_width: float
    chin_width: float
    chin_length: float
    forehead: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    brow_height: float
    brow_arch: float
    brow_thickness: float
    nose_width: float
    nose_length: float
    nose_tip: float
    mouth_width: float
    lip_fullness: float
    ear_size: float
    neck_width: float


@dataclass(frozen=True)
class Look:
    """Colours and surface of one person: sRGB 0..255, strengths 0..1."""

    skin: Colour
    lips: Colour
    iris: Colour
    hair: Colour
    brow: Colour
    age: float
    blemish: float
    hair_style: str
    hair_volume: float
    hair_wave: float
    part: float
    frame: str


@dataclass(frozen=True)
class Shot:
    """One picture: pose in radians, light as a unit vector, expression 0..1, surroundings."""

    yaw: float
    pitch: float
    roll: float
    shift: tuple[float, float]
    zoom: float
    smile: float
    open: float
    blink: float
    gaze: tuple[float, float]
    light: tuple[float, float, float]
    hardness: float
    exposure: float
    warmth: float
    backdrop: tuple[Colour, Colour, Colour]
    clothes: Colour
    accent: Colour
    hat: str
    blur: float
    grain: float
    noise_seed: int


@dataclass(frozen=True)
class FaceParams:
    """Everything that decides the pixels of one drawn face."""

    index: int
    identity: int
    attributes: tuple[tuple[str, bool], ...]
    shape: HeadShape
    look: Look
    shot: Shot

    def has(self, name: str) -> bool:
        """Return whether the face has the CelebA attribute ``name``."""
        return dict(self.attributes)[name]


def draw_params(index: int, seed: int = 0, pinned: Mapping[str, bool] | None = None) -> FaceParams:
    """Draw the parameters of demo face ``index``: two neighbouring indices are one person.

    Parameters
    ----------
    index : int
        Number of the face, from 0.
    seed : int
        Another seed gives other people.
    pinned : mapping of str to bool, optional
        Attributes that are given instead of drawn; they, too, decide shape and colours.

    Raises
    ------
    ValueError
        When ``index`` is negative or ``pinned`` has a name that CelebA does not have.
    """
    pinned = pinned or {}
    unknown = sorted(set(pinned) - set(ATTRIBUTE_NAMES))
    if unknown:
        raise ValueError(f"no such attribute of CelebA: {', '.join(unknown)}")
    if index < 0:
        raise ValueError(f"index of a demo face must not be negative, got {index}")
    identity = index // FACES_PER_PERSON
    rng = generator(seed, f"demo-person-{identity}", 0, "face")
    # Stratified over neighbouring people, so that even a handful of faces spans the tones.
    skin = ((identity * 0.618 + rng.uniform(0.0, 0.25)) % 1.0) ** 1.15
    # One woman and one man in every pair of people, either one first.
    pair = generator(seed, f"demo-pair-{identity // 2}", 0, "face")
    male = (identity % 2 == 1) == bool(pair.random() < 0.5)
    if "Pale_Skin" in pinned:
        skin = 0.03 if pinned["Pale_Skin"] else max(skin, 0.25)
    groomed = (identity // 2 * 0.7549 + rng.uniform(0.0, 0.12)) % 1.0
    person = settle(draw_person_attributes(rng, skin, male, groomed), pinned)
    shape = _draw_shape(rng, person)
    look = _draw_look(rng, person, skin)
    shot_rng = generator(seed, f"demo-{index}", 0, "face")
    has = settle(draw_picture_attributes(shot_rng, person), pinned)
    return FaceParams(index, identity + 1, tuple(has.items()), shape, look, _draw_shot(shot_rng, has))


def _draw_shape(rng: np.random.Generator, has: dict[str, bool]) -> HeadShape:
    male, chubby, oval = has["Male"], has["Chubby"], has["Oval_Face"]

    def near(centre: float, spread: float) -> float:
        return centre + spread * float(np.clip(rng.standard_normal(), -1.8, 1.8))

    return HeadShape(
        face_width=near(1.0 + 0.05 * chubby - 0.035 * oval, 0.022),
        jaw_width=near(1.0 + 0.03 * male - 0.02 * (not male) + 0.06 * chubby - 0.03 * oval, 0.025),
        chin_width=near(1.0 + 0.12 * male - 0.08 * (not male) + 0.1 * chubby, 0.06),
        chin_length=near(1.5 * male - 1.2 * (not male) + 1.5 * oval, 1.5),
        forehead=near(1.0, 0.04),
        eye_size=near(1.02 + 0.05 * (not male) + 0.05 * has["Attractive"], 0.03),
        eye_height=near(1.1 - 0.3 * has["Narrow_Eyes"] + 0.08 * (not male) - 0.08 * (not has["Young"]), 0.07),
        eye_tilt=near(0.2 + 0.3 * (not male), 0.6),
        brow_height=near(0.3 * (not male) - 0.6 * male + 0.6 * has["Arched_Eyebrows"], 0.7),
        brow_arch=near(1.0 + 0.6 * has["Arched_Eyebrows"] - 0.25 * male, 0.12),
        brow_thickness=near(0.85 + 0.3 * male + 0.5 * has["Bushy_Eyebrows"], 0.08),
        nose_width=near(1.0 + 0.06 * male + 0.2 * has["Big_Nose"] - 0.1 * has["Pointy_Nose"], 0.05),
        nose_length=near(0.8 * has["Big_Nose"] + 0.5 * has["Pointy_Nose"], 0.9),
        nose_tip=near(1.0 + 0.3 * has["Big_Nose"] - 0.28 * has["Pointy_Nose"], 0.06),
        mouth_width=near(0.96 + 0.04 * male, 0.035),
        lip_fullness=near(0.95 + 0.08 * (not male) + 0.38 * has["Big_Lips"] + 0.08 * has["Attractive"], 0.09),
        ear_size=near(1.0 + 0.08 * male + 0.08 * (not has["Young"]), 0.05),
        neck_width=near(0.92 + 0.14 * male + 0.1 * chubby, 0.03),
    )


def _draw_look(rng: np.random.Generator, has: dict[str, bool], skin: float) -> Look:
    steps = np.linspace(0.0, 1.0, len(_SKIN_TONES))
    tones = np.array(_SKIN_TONES, np.float64)
    tone = np.array([np.interp(skin, steps, tones[:, channel]) for channel in range(3)])
    tone += rng.uniform(-1.0, 1.0) * np.array([4.0, -1.0, -5.0]) * (1.0 - 0.5 * skin)
    hair_name = next((name for name in _HAIR_BASES if name and has[name]), "")
    hair = np.array(_HAIR_BASES["Brown_Hair" if has["Bald"] else hair_name], np.float64)
    hair *= rng.uniform(0.82, 1.15)
    iris = _IRIS_COLOURS[int(rng.integers(2 if skin > 0.5 else len(_IRIS_COLOURS)))]
    natural_lips = tone * 0.55 + np.array([178.0, 92.0, 88.0]) * (0.45 - 0.2 * skin) + 14.0 * skin
    painted = np.array(
        [(176, 30, 52), (196, 62, 92), (150, 34, 62), (206, 92, 96), (128, 24, 40)], np.float64
    )
    paint = painted[int(rng.integers(len(painted)))]
    lips = natural_lips if not has["Wearing_Lipstick"] else 0.22 * natural_lips + 0.78 * paint
    brow = np.minimum(hair * 0.62, tone * 0.55) if not has["Gray_Hair"] else tone * 0.25 + hair * 0.4
    return Look(
        skin=_colour(tone),
        lips=_colour(lips),
        iris=_colour(np.array(iris) * rng.uniform(0.85, 1.15)),
        hair=_colour(hair),
        brow=_colour(brow),
        age=float(rng.uniform(0.0, 0.25) if has["Young"] else rng.uniform(0.65, 1.0)),
        blemish=float(rng.uniform(0.4, 1.0)) * (0.5 if has["Attractive"] or has["Heavy_Makeup"] else 1.0),
        hair_style=_hair_style(rng, has),
        hair_volume=float(rng.uniform(0.75, 1.25)),
        hair_wave=float(rng.uniform(0.7, 1.3))
        * (1.0 if has["Wavy_Hair"] else 0.3 * (not has["Straight_Hair"])),
        part=float(rng.uniform(-1.0, 1.0)),
        frame=("round", "square", "rimless")[int(rng.integers(3))],
    )


def _hair_style(rng: np.random.Generator, has: dict[str, bool]) -> str:
    if has["Bald"]:
        return "bald"
    men = {"parted": 0.34, "short": 0.2, "swept": 0.2, "buzz": 0.12, "curly": 0.08, "long": 0.06}
    women = {"long": 0.5, "bob": 0.18, "tied": 0.16, "curly": 0.1, "short": 0.06}
    shares = men if has["Male"] else women
    style = list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]
    if style == "curly" and not has["Wavy_Hair"]:
        return "short" if has["Male"] else "long"
    return "short" if style == "buzz" and (has["Bangs"] or has["Wavy_Hair"]) else style


def _draw_shot(rng: np.random.Generator, has: dict[str, bool]) -> Shot:
    yaw = float(np.clip(0.2 * rng.standard_normal(), -0.44, 0.44))
    side = rng.uniform(-0.85, 0.85)
    light = np.array([side, -rng.uniform(0.25, 0.75), rng.uniform(0.7, 1.1)])
    light /= np.linalg.norm(light)
    vivid = rng.uniform(0.05, 0.6)
    backdrop = [_tint(rng, rng.uniform(25, 225), vivid) for _ in range(3)]
    return Shot(
        yaw=yaw,
        pitch=float(np.clip(0.06 * rng.standard_normal(), -0.12, 0.12)),
        roll=float(np.clip(0.035 * rng.standard_normal(), -0.08, 0.08)),
        shift=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.8, 0.8))),
        zoom=float(rng.uniform(0.985, 1.015)),
        smile=float(rng.uniform(0.6, 1.0)) if has["Smiling"] else float(rng.uniform(-0.15, 0.15)),
        open=float(rng.uniform(0.4, 1.0)) * has["Mouth_Slightly_Open"],
        blink=float(rng.uniform(0.0, 0.16)),
        gaze=(float(np.clip(-yaw + 0.2 * rng.standard_normal(), -0.6, 0.6)), float(rng.uniform(-0.2, 0.2))),
        light=(float(light[0]), float(light[1]), float(light[2])),
        hardness=float(rng.uniform(0.45, 1.0)),
        exposure=float(rng.uniform(0.9, 1.1)),
        warmth=float(rng.uniform(-1.0, 1.0)),
        backdrop=(backdrop[0], backdrop[1], backdrop[2]),
        clothes=_tint(rng, rng.uniform(20, 215), rng.uniform(0.05, 0.65)),
        accent=_tint(rng, rng.uniform(40, 160), rng.uniform(0.2, 0.8)),
        hat=("beanie", "cap", "brim")[int(rng.integers(3))],
        blur=float(rng.uniform(1.7, 2.3) if has["Blurry"] else rng.uniform(0.3, 0.6)),
        grain=float(rng.uniform(0.8, 2.4)),
        noise_seed=int(rng.integers(2**62)),
    )


def _tint(rng: np.random.Generator, level: float, vivid: float) -> Colour:
    hue = rng.uniform(-1.0, 1.0, 3)
    return _colour(np.clip(level * (1.0 + 0.55 * vivid * (hue - hue.mean())), 4, 250))


def _colour(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Colour:
    red, green, blue = (float(value) for value in np.clip(values, 0.0, 255.0))
    return red, green, blue
