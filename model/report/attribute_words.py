"""CelebA's attributes as people say them: "with a beard", not "without No Beard"."""

from .content import is_true

# What a face has: "with ..." and "without ...".
_THINGS = {
    "5_o_Clock_Shadow": "a five o'clock shadow",
    "Arched_Eyebrows": "arched eyebrows",
    "Bags_Under_Eyes": "bags under the eyes",
    "Bangs": "bangs",
    "Big_Lips": "big lips",
    "Big_Nose": "a big nose",
    "Black_Hair": "black hair",
    "Blond_Hair": "blond hair",
    "Brown_Hair": "brown hair",
    "Bushy_Eyebrows": "bushy eyebrows",
    "Double_Chin": "a double chin",
    "Eyeglasses": "glasses",
    "Goatee": "a goatee",
    "Gray_Hair": "grey hair",
    "Heavy_Makeup": "heavy make-up",
    "High_Cheekbones": "high cheekbones",
    "Mustache": "a moustache",
    "Narrow_Eyes": "narrow eyes",
    "Oval_Face": "an oval shape",
    "Pale_Skin": "pale skin",
    "Pointy_Nose": "a pointed nose",
    "Receding_Hairline": "a receding hairline",
    "Rosy_Cheeks": "rosy cheeks",
    "Sideburns": "sideburns",
    "Straight_Hair": "straight hair",
    "Wavy_Hair": "wavy hair",
    "Wearing_Earrings": "earrings",
    "Wearing_Hat": "a hat",
    "Wearing_Lipstick": "lipstick",
    "Wearing_Necklace": "a necklace",
    "Wearing_Necktie": "a necktie",
}
# Those that read otherwise: of a face that has it, of one that has not, and by itself.
_OTHERS = {
    "Attractive": ("called attractive", "not called attractive", "attractive"),
    "Bald": ("of bald people", "of people who are not bald", "bald"),
    "Blurry": ("that are blurred", "that are not blurred", "blurred"),
    "Chubby": ("that are chubby", "that are not chubby", "chubby"),
    "Male": ("of men", "of women", "male"),
    "Mouth_Slightly_Open": ("with an open mouth", "with a closed mouth", "open mouth"),
    "No_Beard": ("without a beard", "with a beard", "beard"),
    "Smiling": ("that are smiling", "that are not smiling", "smiling"),
    "Young": ("of young people", "of older people", "young"),
}
NEGATED = frozenset({"No_Beard"})  # which says that something is not there
_BEGINNINGS = ("of ", "that are ", "called ")
_ARTICLES = ("a ", "an ")


def attribute_phrase(name: str, group: str) -> str:
    """What follows "faces": "with a hat", "of women"; group is yes or no."""
    has = is_true(group)
    if name in _OTHERS:
        return _OTHERS[name][0 if has else 1]
    return f"{'with' if has else 'without'} {_THINGS.get(name, _plain(name))}"


def attribute_label(name: str, group: str) -> str:
    """Name a group by itself: "with a hat", "women", "not smiling"."""
    phrase = attribute_phrase(name, group)
    return next((phrase.removeprefix(word) for word in _BEGINNINGS if phrase.startswith(word)), phrase)


def attribute_title(name: str) -> str:
    """Name what a face has or is: "hat", "male"; of a negated one what is not there: "beard"."""
    if name in _OTHERS:
        return _OTHERS[name][2]
    thing = _THINGS.get(name, _plain(name))
    return next((thing.removeprefix(word) for word in _ARTICLES if thing.startswith(word)), thing)


def crossed_label(group: str) -> str:
    """Name a group of several attributes or tags: "Male yes, Young no" is "men, older people"."""
    parts = []
    for part in group.split(", "):
        name, _, value = part.rpartition(" ")
        known = (name in _THINGS or name in _OTHERS) and value in ("yes", "no")
        parts.append(attribute_label(name, value) if known else _plain(part))
    return ", ".join(parts)


def _plain(name: str) -> str:
    return name.replace("_", " ").strip()
