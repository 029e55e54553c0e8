"""The fixed parts of the page: its style, what it may load, and what each measure means."""

from .colour import fabric_colours

# A browser that obeys it loads nothing but the pictures inside the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #26323a; background: #fff; margin: 0 auto;
  padding: 16px; max-width: 1160px; }
h1 { font-size: 1.5em; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 1.15em; margin: 28px 0 8px; }
p { margin: 4px 0 10px; overflow-wrap: anywhere; }
.grid { display: grid; gap: 18px 26px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.wide { grid-column: span 2; }
.tiles { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); }
.tile { background: #f0f4f6; border-radius: 6px; padding: 8px 12px; }
.tile b { display: block; font-size: 1.5em; }
.tile span, figcaption, .quiet { color: #5a6870; font-size: .87em; }
figure { margin: 0; min-width: 0; } figure h3 { font-size: 1em; margin: 0 0 4px; }
figcaption { overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; max-width: 520px; font-family: system-ui, sans-serif; }
img.mean { width: 100%; max-width: 220px; border-radius: 4px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 4px; max-width: 320px; }
.pair img { width: 100%; border-radius: 3px; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
td, th { padding: 2px 10px 2px 0; text-align: left; white-space: nowrap; } th { font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.scroll td:first-child, .scroll th:first-child { position: sticky; left: 0; background: #fff; }
tr { border-bottom: 1px solid #e4e9ec; } .zero { color: #b0301c; }
ul { margin: 4px 0; padding-left: 20px; columns: 300px; column-gap: 28px; }
li { break-inside: avoid; overflow-wrap: anywhere; }
details { margin: 6px 0; } summary { cursor: pointer; }
@media (max-width: 720px) { .wide { grid-column: auto; } }
"""

GROUP_FILLS = {
    "black": "#222222", "grey": "#8f9496", "white": "#d9dfe2", "beige": "#d9c3a5", "brown": "#7a5236",
    "red": "#b32a2a", "orange": "#e08335", "yellow": "#e2c33a", "green": "#4b9150", "teal": "#3c9a97",
    "blue": "#3f77b5", "purple": "#7d58a6", "pink": "#d977a0",
}  # fmt: skip

DEFINITIONS = (
    ("Masked region", "pixels whose map is 128 or more."),
    (
        "Mean pairwise map IoU",
        "maps are stretched to 64 x 78 by area mean and cut at 128; intersection over union, averaged over "
        "all pairs of up to 2,000 random pictures. 1: every mask in the same place; lower is more varied. "
        "The error is the jackknife's over pictures. Centred: the same after moving every map's centre of "
        "gravity to one place, which leaves shape and size.",
    ),
    (
        "Vendi score",
        "effective number of different items: exp of the Shannon entropy of the eigenvalues of K / n "
        "(Friedman and Dieng, TMLR 2023, arXiv 2210.02410), on at most 500 random pictures. It grows with "
        "n: compare at equal n. Maps: K is the IoU above. Appearance: K = exp(-d * d / 2), d the distance "
        "of nine numbers of the masked region (median L*, a*, b* in units of 10; spread of L* and of a*b* "
        "in units of 8; fine and coarse texture in 3 and 4 L*; direction of texture in 0.4). Both: the "
        "product of the two.",
    ),
    (
        "Fabric colours",
        f"cells of 25 units of CIELAB that hold one of {len(fabric_colours())} listed colours of real cloth "
        "(12 dye hues in 11 tones, neutrals, skin-like, trade standards); filled by one picture or more. "
        "The colour is that of the photograph, light included.",
    ),
    (
        "Entropies",
        "of histograms: hue in 15-degree steps where chroma is 8 or more, L* and chroma in steps of 5.",
    ),
    (
        "Nearest pairs",
        "distance = 1 - map IoU x similarity of appearance; every picture stands in one pair at most.",
    ),
)
