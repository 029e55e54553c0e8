"""Which CelebA attributes a drawn face has: drawn together, so that they fit each other."""

from collections.abc import Callable, Mapping

import numpy as np

ATTRIBUTE_NAMES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)

HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
FACIAL_HAIR = ("5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")
# Of this share of the light-to-dark range of tones, 0 being lightest, comes skin that CelebA calls pale.
PALE_BELOW = 0.1

_Chance = Callable[[float], bool]


def draw_person_attributes(
    rng: np.random.Generator, skin: float, male: bool, groomed: float
) -> dict[str, bool]:
    """Draw what stays the same between pictures of one person.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the draws come from.
    skin : float
        Skin tone from 0 (lightest) to 1 (darkest).
    male : bool
        Whether the person is a man.
    groomed : float
        Place 0..1 in the range of make-up or of facial hair, so that a caller can spread people over it.

    Returns
    -------
    dict of str to bool
        All forty names of ``ATTRIBUTE_NAMES``; those that belong to one picture are still False.
    """
    has = dict.fromkeys(ATTRIBUTE_NAMES, False)

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    has["Male"] = male
    has["Young"] = chance(0.68)
    has["Pale_Skin"] = skin < PALE_BELOW
    _draw_features(has, chance)
    _draw_head_hair(has, rng, skin)
    if has["Male"]:
        _draw_facial_hair(has, groomed)
        has["Bushy_Eyebrows"] = chance(0.35)
    else:
        has["Heavy_Makeup"] = groomed < 0.42
        has["Wearing_Lipstick"] = has["Heavy_Makeup"] or chance(0.35)
        has["Arched_Eyebrows"] = chance(0.45)
        has["Bushy_Eyebrows"] = not has["Arched_Eyebrows"] and chance(0.08)
    has["No_Beard"] = not any(has[name] for name in FACIAL_HAIR)
    has["Rosy_Cheeks"] = skin < 0.6 and chance(0.55 if has["Heavy_Makeup"] else 0.12)
    has["Eyeglasses"] = chance(0.12 if has["Young"] else 0.25)
    has["Attractive"] = has["Young"] and not (has["Chubby"] or has["Big_Nose"]) and chance(0.7)
    return has


def _draw_features(has: dict[str, bool], chance: _Chance) -> None:
    has["Chubby"] = chance(0.16)
    has["Double_Chin"] = has["Chubby"] and chance(0.55)
    has["Oval_Face"] = not has["Chubby"] and chance(0.33)
    has["Big_Nose"] = chance(0.35 if has["Male"] else 0.15)
    has["Pointy_Nose"] = not has["Big_Nose"] and chance(0.35)
    has["Big_Lips"] = chance(0.25)
    has["Narrow_Eyes"] = chance(0.15)
    has["Bags_Under_Eyes"] = chance(0.15 if has["Young"] else 0.5)


def _draw_head_hair(has: dict[str, bool], rng: np.random.Generator, skin: float) -> None:
    older_man = has["Male"] and not has["Young"]
    has["Bald"] = bool(has["Male"] and rng.random() < (0.25 if older_man else 0.1))
    if has["Bald"]:
        return
    grey = 0.5 if not has["Young"] else 0.0
    blond = 0.0 if skin > 0.55 else 0.28
    shares = np.array([0.26 + 0.9 * skin, blond, 0.4 * (1.0 - 0.8 * skin), grey, 0.08 * (1.0 - skin)])
    choice = int(rng.choice(len(shares), p=shares / shares.sum()))
    if choice < len(HAIR_COLOURS):  # the last choice is auburn, which CelebA has no name for
        has[HAIR_COLOURS[choice]] = True
    wavy = rng.random() < (0.25 if has["Male"] else 0.5)
    has["Wavy_Hair"] = bool(wavy)
    has["Straight_Hair"] = bool(not wavy and rng.random() < 0.75)
    has["Receding_Hairline"] = bool(rng.random() < (0.45 if older_man else 0.06 * has["Male"]))
    bangs = 0.1 if has["Male"] else 0.36
    has["Bangs"] = bool(not has["Receding_Hairline"] and rng.random() < bangs)


def _draw_facial_hair(has: dict[str, bool], groomed: float) -> None:
    kinds: tuple[tuple[str, ...], ...] = (
        (),
        ("5_o_Clock_Shadow",),
        ("Mustache",),
        ("Goatee",),
        ("Goatee", "Mustache"),
        ("Mustache", "Sideburns"),  # a full beard, as CelebA's annotators put it
        ("Sideburns",),
    )
    upper_ends = np.cumsum((0.38, 0.14, 0.08, 0.08, 0.1, 0.14))
    for name in kinds[int(np.searchsorted(upper_ends, groomed, side="right"))]:
        has[name] = True
    if has["Bald"] and has["Sideburns"]:
        has["Sideburns"] = False
        has["5_o_Clock_Shadow"] = not has["Mustache"]


def draw_picture_attributes(rng: np.random.Generator, person: dict[str, bool]) -> dict[str, bool]:
    """Draw what changes from picture to picture, for a person of :func:`draw_person_attributes`.

    Returns
    -------
    dict of str to bool
        All forty names, the person's own included.
    """
    has = dict(person)

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    has["Smiling"] = chance(0.5)
    has["Mouth_Slightly_Open"] = chance(0.62 if has["Smiling"] else 0.22)
    has["High_Cheekbones"] = chance(0.75 if has["Smiling"] else 0.12)
    has["Wearing_Hat"] = chance(0.09)
    if has["Wearing_Hat"]:
        has["Bangs"] = has["Receding_Hairline"] = False
    if has["Male"]:
        has["Wearing_Necktie"] = chance(0.28)
    else:
        has["Wearing_Earrings"] = chance(0.38)
        has["Wearing_Necklace"] = chance(0.3)
    has["Blurry"] = chance(0.06)
    return has


def settle(drawn: Mapping[str, bool], pinned: Mapping[str, bool]) -> dict[str, bool]:
    """Return ``drawn`` with ``pinned`` put in and what contradicts it taken out.

    A pinned name keeps its value, also where two pinned names contradict each other.
    """
    has = {**drawn, **pinned}
    groups = (
        HAIR_COLOURS,
        ("Straight_Hair", "Wavy_Hair"),
        ("Big_Nose", "Pointy_Nose"),
        ("Bangs", "Receding_Hairline"),
    )
    for name, value in pinned.items():
        if value:
            rivals = {rival for group in groups if name in group for rival in group}
            rivals.update(_EXCLUDED_BY.get(name, ()))
            has.update(dict.fromkeys(rivals - set(pinned), False))
    if pinned.get("No_Beard") is False and not any(has[name] for name in FACIAL_HAIR):
        has["5_o_Clock_Shadow"] = True
    if "No_Beard" not in pinned:
        has["No_Beard"] = not any(has[name] for name in FACIAL_HAIR)
    return has


_ON_HAIR = (*HAIR_COLOURS, "Straight_Hair", "Wavy_Hair", "Bangs", "Receding_Hairline")
_EXCLUDED_BY: dict[str, tuple[str, ...]] = {
    "Bald": (*_ON_HAIR, "Sideburns"),
    "No_Beard": FACIAL_HAIR,
    "Wearing_Hat": ("Bangs", "Receding_Hairline"),
    **dict.fromkeys(_ON_HAIR, ("Bald",)),
}
