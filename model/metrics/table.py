"""The table of all metrics: what each is called, what it means, how it is written, and which way is better."""

import math
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"
NO_DIFFERENCE = "no difference shown"
_SHARE, _DISTANCE = (0.0, 1.0), (0.0, math.inf)
_REGIONS = {"mask": " in the mask", "box": " in the box"}


@dataclass(frozen=True)
class Score:
    """One kind of number.

    Attributes
    ----------
    words, meaning : str
        Its name, and a sentence that says what it is.
    of : str
        "map" of a found map, "edit" of a restored picture, "set" of a set of them.
    digits, brief : int
        Digits after the point in tables, and where one glance has to do.
    unit : str
    better : str
        "high", "low", "zero" (nearest to it) or "" (unknown).
    has_regions : bool
        Whether it is known of the whole picture, of the mask and of the mask's box.
    limits : tuple of float
        The least and the largest that it can be.
    """

    words: str
    meaning: str = ""
    of: str = ""
    digits: int = 4
    brief: int = 3
    unit: str = ""
    better: str = "high"
    has_regions: bool = False
    limits: tuple[float, float] = (-math.inf, math.inf)

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is, 0 where neither can be said."""
        return {"high": 1, "low": -1}.get(self.better, 0)

    @property
    def comma_unit(self) -> str:
        """The unit as it follows a heading: ", dB"; empty without one."""
        return f", {self.unit}" if self.unit else ""

    def write(
        self, value: float | None, *, unit: bool = False, sign: bool = False, brief: bool = False
    ) -> str:
        """Write a value with the digits that fit, its unit and a plus sign on demand."""
        if value is None:
            return "-"
        text = write_number(value, self.brief if brief else self.digits, sign=sign)
        return f"{text} {self.unit}" if unit and self.unit else text

    def verdict(self, ours: float, theirs: float) -> str:
        """Say what ours is beside theirs: "better" or "worse"; "differs" where that is unknown."""
        if not self.better:
            return "differs"
        gap = abs(theirs) - abs(ours) if self.better == "zero" else self.sign * (ours - theirs)
        return "better" if gap > 0 else "worse"

    def judge(self, ours: float, theirs: float, low: float, high: float) -> str:
        """Say what ours is beside theirs where their difference has an interval: nothing where that holds zero."""
        return self.verdict(ours, theirs) if low > 0 or high < 0 else NO_DIFFERENCE


SCORES = {
    "psnr": Score(
        "PSNR", "10 log10(255 * 255 / mean squared error), in dB, at most 100. Half the error is 6 dB more.",
        "edit", digits=2, brief=1, unit="dB", has_regions=True, limits=(-math.inf, 100.0),
    ),
    "ssim": Score(
        "SSIM", "structural similarity, at most 1; in the mask: the mean of the SSIM map there.",
        "edit", has_regions=True, limits=(-1.0, 1.0),
    ),
    "l1": Score(
        "L1", "mean absolute difference in levels of 0 to 255.",
        "edit", digits=2, unit="levels", better="low", has_regions=True, limits=_DISTANCE,
    ),
    "perceptual": Score(
        "perceptual distance",
        "difference of an ImageNet network's features, 0 for equal pictures; lower looks more alike than "
        "PSNR can tell.",
        "edit", better="low", has_regions=True, limits=_DISTANCE,
    ),
    "lpips": Score(
        "LPIPS",
        "learned perceptual distance (Zhang et al. 2018), 0 for equal pictures; as published on the whole picture, "
        "in the mask by the share of each feature's area that is in it.",
        "edit", better="low", has_regions=True, limits=_DISTANCE,
    ),
    "identity": Score(
        "identity distance",
        "between face descriptors of the restored and the clean picture; 0 for equal pictures.",
        "edit", digits=3, better="low", limits=_DISTANCE,
    ),
    "kid": Score(
        "KID",
        "kernel inception distance (polynomial kernel) between the set of restored and the set of clean "
        "pictures, in thousandths; 0, or a little below, when they cannot be told apart.",
        "edit", digits=1, better="low",
    ),
    "iou": Score("IoU", "overlap of the found and the true map: intersection over union.", "map", limits=_SHARE),
    "dice": Score("Dice", "twice the intersection over the sum of both areas.", "map", limits=_SHARE),
    "precision": Score("precision", "share of the found map that is true.", "map", limits=_SHARE),
    "recall": Score("recall", "share of the true map that was found.", "map", limits=_SHARE),
    "boundary_f": Score(
        "boundary F",
        "precision and recall of outlines, which may be 2 px apart, as their harmonic mean.", "map", limits=_SHARE,
    ),
    "area_error": Score(
        "area error",
        "found area minus true area, as a share of the true one: above 0 maps are too large.",
        "map", better="zero", limits=(-1.0, math.inf),
    ),
    "abs_area_error": Score(
        "area error without sign", "the same, always above 0: how far off areas are.",
        "map", better="low", limits=_DISTANCE,
    ),
    "pipeline_iou": Score(
        "IoU of the whole pipeline",
        "overlap as above where faces were looked for in photographs; 0 where no face or no mask was found.",
        "map", limits=_SHARE,
    ),
    "ap": Score(
        "average precision", "of the faces that are found: the area under precision over recall.",
        "set", limits=_SHARE,
    ),
    "off_iod": Score(
        "off", "median distance of found faces from the true ones.",
        "set", unit="eye distances", better="low", limits=_DISTANCE,
    ),
    "false_alarm": Score(
        "false alarms", "share of pictures of bare faces on which a mask is taken off.",
        "set", digits=3, better="low", limits=_SHARE,
    ),
}  # fmt: skip


def score_words(name: str) -> str:
    """Put into words: "raw_mask_psnr" is "PSNR in the mask, raw output"; KeyError when it is no score."""
    rest = name.removeprefix("raw_")
    first, _, last = rest.partition("_")
    region = _REGIONS.get(first, "")
    score = SCORES[last if region else rest]
    where = region or " of the picture" * score.has_regions
    how = (" before cleaning" if score.of == "map" else ", raw output") * (rest != name)
    return f"{score.words}{where}{how}"


def score_of(column: str) -> Score:
    """Return the score that a column of ``log.csv`` or ``metrics.csv`` ends with; KeyError when it is none."""
    while column not in SCORES and "_" in column:
        column = column.partition("_")[2]
    return SCORES[column]


def is_score(column: str) -> bool:
    """Whether a column's name is that of a score: ``pipe_psnr``, but also ``my_psnr``."""
    try:
        score_of(column)
    except KeyError:
        return False
    return True


def write_number(value: float, digits: int, *, sign: bool = False) -> str:
    """Write a number with a real minus sign, and a plus sign too on demand; never "-0.00"."""
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text
