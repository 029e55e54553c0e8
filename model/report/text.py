"""The fixed parts of ``report.html``: its style, its script, what it may load, and what its numbers mean."""

import base64
import hashlib

from unmask.datagen.stats.page_text import POLICY as STATS_POLICY
from unmask.datagen.stats.page_text import STYLE as STATS_STYLE

STYLE = (
    STATS_STYLE
    + """
:root { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
h2 { border-top: 1px solid #e4e9ec; padding-top: 14px; } h3 { font-size: 1em; margin: 16px 0 4px; }
section > p, .lines, dd { max-width: 84ch; } .headline { max-width: 92ch; }
.headline { font-size: 1.15em; margin: 6px 0; } .tiles { margin: 14px 0; }
nav { margin: 14px 0 0; line-height: 2; } nav a { margin-right: 14px; white-space: nowrap; } a { color: #2b6480; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 4px 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
ul.lines, ol.lines { columns: auto; margin: 4px 0; padding-left: 24px; } .lines li { margin: 3px 0; }
table { width: auto; border-collapse: separate; border-spacing: 0; } tr { border: 0; }
td, th { border-bottom: 1px solid #e4e9ec; } thead th { vertical-align: bottom; border-bottom: 2px solid #c3ced4; }
td, th { padding: 4px 16px 4px 0; vertical-align: top; } .scroll { padding-bottom: 4px; }
tbody th { font-weight: 400; white-space: normal; min-width: 96px; max-width: 300px; overflow-wrap: anywhere; }
th small, td small { display: block; color: #5a6870; font-size: .86em; font-weight: 400; }
thead small { white-space: normal; min-width: 84px; max-width: 118px; margin-left: auto; }
.settings td { white-space: normal; overflow-wrap: anywhere; min-width: 170px; }
th button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 6px 0; cursor: pointer;
  text-align: inherit; }
th button span::after { content: "\\2195"; color: #8a979e; padding-left: 3px; }
th[aria-sort="ascending"] button span::after { content: "\\25B2"; color: #26323a; }
th[aria-sort="descending"] button span::after { content: "\\25BC"; color: #26323a; }
:focus-visible { outline: 2px solid #2b6480; outline-offset: 2px; }
.choice { position: sticky; top: 0; background: #fff; padding: 8px 0; margin: 0; z-index: 2; }
select { font: inherit; padding: 6px; max-width: 100%; color: inherit; background: #fff; border: 1px solid #8a979e;
  border-radius: 4px; }
.scripted details.metric > summary { display: none; }
.beside { display: grid; gap: 12px 30px; grid-template-columns: minmax(0, 520px) minmax(0, 1fr); }
.gallery { display: grid; gap: 16px 30px; }
.gallery.few { grid-template-columns: repeat(auto-fill, minmax(min(100%, 535px), 1fr)); }
.few .stages { grid-template-columns: repeat(var(--n), minmax(0, 128px)); }
.kinds { columns: 500px; column-gap: 26px; } .kind { break-inside: avoid; padding-top: 1px; }
.kind td, .kind th { padding-right: 12px; } .kind tbody th { min-width: 124px; }
.case { break-inside: avoid; } .key { margin: 0 0 3px; font-size: .9em; }
.stages { display: grid; gap: 6px; grid-template-columns: repeat(var(--n), minmax(0, 160px)); }
.stages img { width: 100%; display: block; border-radius: 3px; } .stages figcaption { line-height: 1.25; }
.terms { columns: 380px; column-gap: 34px; } .terms p { break-inside: avoid; margin: 0 0 10px; }
@media screen and (max-width: 720px) {
  .beside { grid-template-columns: minmax(0, 1fr); } dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 8px; } td, th { padding-right: 12px; } tbody th { max-width: 128px; }
  .stages { grid-template-columns: repeat(var(--phone), minmax(0, 128px)); } .kind tbody th { min-width: 104px; }
  .few .stages { grid-template-columns: repeat(var(--phone), minmax(0, 128px)); }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } nav, .choice { display: none; }
  .scripted details.metric > summary { display: block; list-style: none; font-weight: 600; }
  .stages { grid-template-columns: repeat(var(--n), minmax(0, 160px)); }
  .gallery.few { grid-template-columns: 1fr 1fr; }
  .kind { break-inside: auto; } .scroll td:first-child, .scroll th:first-child { position: static; }
  .scroll { overflow: visible; } td, th { padding-right: 8px; } th button span::after { content: ""; }
  h2, h3, h3 + p, summary { break-after: avoid; } tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  body { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
)

# No "<" and no "&", so that the page stays well-formed XML with the script's text as it is.
SCRIPT = """
"use strict";
document.documentElement.classList.add("scripted");

function valueOf(row, column, isNumber) {
  const cell = row.cells[column];
  if (isNumber) { return cell.hasAttribute("data-v") ? Number(cell.getAttribute("data-v")) : NaN; }
  return cell.textContent;
}

function compare(a, b, way) {
  if (a !== a) { return b !== b ? 0 : 1; }  // what is unknown stays last in both directions
  if (b !== b) { return -1; }
  if (typeof a === "number") { return way * (a - b); }
  return way * a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, head) {
  const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const isNumber = head.classList.contains("n");
  const rows = Array.from(table.tBodies[0].rows);
  const column = head.cellIndex;
  rows.sort((a, b) => compare(valueOf(a, column, isNumber), valueOf(b, column, isNumber), way));
  table.tBodies[0].append(...rows);
  for (const other of table.tHead.rows[0].cells) { other.removeAttribute("aria-sort"); }
  head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sort")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head));
    head.append(button);
  }
}

const choice = document.getElementById("metric");
if (choice) {
  const parts = document.querySelectorAll("details.metric");
  const show = () => parts.forEach((part) => {
    part.open = true;
    part.hidden = part.dataset.metric !== choice.value;
  });
  choice.addEventListener("change", show);
  choice.closest(".choice").hidden = false;
  show();
}
"""


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


# A browser that obeys it loads nothing but the pictures inside the page, and runs nothing but the script above.
POLICY = f"{STATS_POLICY}; script-src 'sha256-{_hash(SCRIPT)}'; base-uri 'none'; form-action 'none'"

NOTES = (
    (
        "Intervals",
        "a bootstrap over pictures: what another draw of pictures like these would give. They say nothing "
        "about other kinds of pictures, nor about training the network again. Two systems scored the same "
        "pictures, so their difference can be certain although their intervals overlap.",
    ),
    (
        "Groups",
        "p-values are corrected for the number of groups (Benjamini-Hochberg: of all differences called "
        "significant about 5 % are chance). Groups of fewer than 30 pictures are too small to say anything. "
        "Groups overlap: faces with hats differ in more than the hat.",
    ),
    (
        "Attribute labels are noisy",
        "only 12 of CelebA's 40 attributes are 95 % consistent or better; up to 40 % of the faces labelled "
        "No_Beard = no have no beard to be seen. A gap between groups is smaller here than with true "
        "labels.",
    ),
    (
        "Skin lightness is not skin tone",
        "it is the measured L* of the visible skin in this photograph, light and camera included.",
    ),
    (
        "Drawn masks flatter",
        "networks that learned from drawn masks do better on drawn masks than on real ones. Photographs of "
        "real masks have no true clean face and are reported apart.",
    ),
)

RESTORED_NOTES = (
    (
        "Coverage drives the whole picture's PSNR",
        "outside the mask a composited picture equals the clean one, so the smaller the mask, the higher "
        "the PSNR, whatever the network does. Read the values in the mask first, and the floors beside "
        "them: an identical network scores differently on data whose masks have another size.",
    ),
    (
        "Composited and raw",
        "composited: the input's own pixels are put back outside the map; this is what a user gets. Raw: "
        "the picture as the network gave it. Publications often do not say which one they report.",
    ),
    (
        "Settings of SSIM and PSNR",
        "SSIM settings move the score more than networks do (padding, window or data range: 0.01 to 0.03). "
        "Here: uint8 RGB, Gaussian window of 11 px, sigma 1.5, data range 255, as scikit-image has it. PSNR "
        "is the mean of the pictures' own values on rounded uint8 pictures, not that of their mean error.",
    ),
    (
        "A restored face is a guess",
        "what is under the mask is not in the photograph. The network makes up a likely mouth, nose and "
        "beard; it is no evidence of who somebody is or what they look like.",
    ),
    (
        "KID",
        "is computed on features of an embedded EfficientNet-lite0, not of Inception: it compares systems "
        "within this report, and not with any published FID or KID.",
    ),
)

MAP_TERMS = (
    (
        "IoU, Dice",
        "overlap of the found and the true map: intersection over union; twice it over the sum.",
    ),
    (
        "Precision, recall",
        "share of the found map that is true; share of the true map that was found.",
    ),
    (
        "Boundary F",
        "the same two for outlines, which may be 2 px apart, as their harmonic mean.",
    ),
    (
        "Area error",
        "found area minus true area, as a share of the true one: above 0 maps are too large.",
    ),
)

RESTORED_TERMS = (
    (
        "In the mask",
        "pixels whose true map is 128 or more. In the box: the smallest upright rectangle around them.",
    ),
    (
        "PSNR",
        "10 log10(255 * 255 / mean squared error), in dB, at most 100. Half the error is 6 dB more.",
    ),
    (
        "SSIM",
        "structural similarity, at most 1; in the mask: the mean of the SSIM map there.",
    ),
    (
        "L1",
        "mean absolute difference in levels of 0 to 255.",
    ),
    (
        "Perceptual distance",
        "difference of an ImageNet network's features, 0 for equal pictures; lower looks more alike than "
        "PSNR can tell.",
    ),
    (
        "Identity distance",
        "between face descriptors of the restored and the clean picture; 0 for equal pictures.",
    ),
    (
        "KID",
        "kernel inception distance (polynomial kernel) between the set of restored and the set of clean "
        "pictures, in thousandths; 0, or a little below, when they cannot be told apart.",
    ),
    (
        "The floors",
        "do nothing: the masked photograph itself. Nearest pixel: every masked pixel takes the nearest "
        "colour outside. Telea fill: OpenCV's inpainting from the edge inwards. Mean face: the mean of "
        "clean training faces.",
    ),
)
