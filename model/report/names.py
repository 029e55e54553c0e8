"""Column names, groups and numbers of an evaluation in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass

from .content import System

MINUS, ARROWS = "\N{MINUS SIGN}", {"high": "\N{UPWARDS ARROW}", "low": "\N{DOWNWARDS ARROW}"}


@dataclass(frozen=True)
class Score:
    """How one kind of number is written.

    Attributes
    ----------
    words, unit : str
    digits : int
        After the point.
    better : str
        "high", "low", "zero" (nearest to it) or "" (unknown).
    """

    words: str
    unit: str
    digits: int
    better: str


SCORES = {
    "psnr": Score("PSNR", "dB", 2, "high"),
    "ssim": Score("SSIM", "", 4, "high"),
    "l1": Score("L1", "levels", 2, "low"),
    "perceptual": Score("perceptual distance", "", 4, "low"),
    "identity": Score("identity distance", "", 3, "low"),
    "iou": Score("IoU", "", 4, "high"),
    "dice": Score("Dice", "", 4, "high"),
    "precision": Score("precision", "", 4, "high"),
    "recall": Score("recall", "", 4, "high"),
    "boundary_f": Score("boundary F", "", 4, "high"),
    "area_error": Score("area error", "", 4, "zero"),
    "abs_area_error": Score("area error without sign", "", 4, "low"),
    "kid": Score("KID", "", 4, "low"),
}
_REGIONS = {"mask": "in the mask", "box": "in the box"}
_KINDS = {  # kind of group -> (heading, how a sentence begins)
    "attribute": ("Attribute of the face", "faces with"),
    "family": ("Mask family", "mask family"),
    "template": ("Mask template", "mask template"),
    "worn": ("How the mask is worn", "masks worn:"),
    "texture": ("Pattern of the fabric", "fabric pattern"),
    "colour": ("Colour of the mask", "mask colour"),
    "coverage": ("Share of the picture under the mask", "masks that cover"),
    "yaw": ("Turn of the head: yaw", "yaw"),
    "pitch": ("Tilt of the head: pitch", "pitch"),
    "lightness": ("Lightness of visible skin (measured L*)", "skin lightness"),
    "crossing": ("Crossed groups", "faces:"),
    "identity": ("Person", "person"),
    "source": ("Source", "source"),
    "split": ("Split", "split"),
}


@dataclass(frozen=True)
class MetricName:
    """A column of ``metrics.csv`` taken apart.

    Attributes
    ----------
    column : str
    system : str
        The system's name in words; empty where the column names none that is known.
    what : str
        The score and the region in words.
    score : Score
    """

    column: str
    system: str
    what: str
    score: Score

    @property
    def words(self) -> str:
        """Score, region and system: "PSNR in the mask: both modules, predicted maps"."""
        return f"{self.what}: {self.system}" if self.system else self.what

    def write(self, value: float | None, *, unit: bool = False, sign: bool = False) -> str:
        """Write a value of this metric with its number of digits."""
        if value is None:
            return "-"
        return write_number(value, self.score.digits, sign=sign) + (
            f" {self.score.unit}" if unit and self.score.unit else ""
        )

    def worse_words(self, gap: float) -> str:
        """Say on which side of the rest a group is: "1.30 dB below the rest"."""
        side = "below" if gap < 0 else "above"
        return f"{self.write(abs(gap), unit=True)} {side} the rest"


def read_metric(column: str, systems: Iterable[System]) -> MetricName:
    """Take a column name apart; one that follows no rule stands for itself."""
    known = [System("map", "Map Module"), *systems]
    for system in sorted(known, key=lambda item: -len(item.id)):
        if column.startswith(f"{system.id}_"):
            what, score = _read_score(column[len(system.id) + 1 :], is_map=system.id == "map")
            if score is not None:
                return MetricName(column, system.name, what, score)
    return MetricName(column, "", column, Score(column, "", 4, ""))


def _read_score(rest: str, *, is_map: bool) -> tuple[str, Score | None]:
    raw = rest.startswith("raw_")
    rest = rest.removeprefix("raw_")
    first, _, last = rest.partition("_")
    region = _REGIONS.get(first, "")
    score = SCORES.get(last if region else rest)
    if score is None:
        return rest, None
    where = (
        f" {region}" if region else "" if is_map else " of the picture" * (score.words != "identity distance")
    )
    how = (" before cleaning" if is_map else ", raw output") if raw else ""
    return f"{score.words}{where}{how}", score


def write_number(value: float, digits: int, *, sign: bool = False) -> str:
    """Write a number with a real minus sign, and a plus sign too on demand; never "-0.00"."""
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def write_p(value: float | None) -> str:
    """Write a probability; a tiny one as "<0.001"."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def plain(text: str) -> str:
    """Return a name from a table without its underscores."""
    return text.removeprefix("attr_").replace("_", " ").strip()


def capital(text: str) -> str:
    """Return a text with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]


def kind_heading(kind: str) -> str:
    """Return the heading of one kind of group."""
    return _KINDS[kind][0] if kind in _KINDS else plain(kind).capitalize()


def group_label(kind: str, name: str, group: str) -> str:
    """Name a group below the heading of its kind: "no Wearing Hat", "n95 cup"."""
    if kind == "attribute":
        return plain(name) if _is_yes(group) else f"not {plain(name)}"
    return plain(group) if kind == "crossing" or name in ("", kind) else f"{plain(name)}: {plain(group)}"


def group_words(kind: str, name: str, group: str) -> str:
    """Name a group in a sentence: "faces with Wearing Hat", "mask family n95 cup"."""
    if kind == "attribute":
        return f"faces {'with' if _is_yes(group) else 'without'} {plain(name)}"
    begin = _KINDS.get(kind, _KINDS.get(name, ("", plain(name or kind))))[1]
    return f"{begin} {plain(group)}"


def is_attribute_yes(kind: str, group: str) -> bool:
    """Tell whether a group is the one that has an attribute."""
    return kind == "attribute" and _is_yes(group)


def _is_yes(group: str) -> bool:
    return group.strip().lower() in ("yes", "1", "1.0", "true")
