"""The page's pictures: best, middling and worst, as every stage shows them."""

import cv2
import numpy as np

from unmask.datagen.common.svg import safe
from unmask.datagen.stats.plots import picture_uri

from .content import U8, EvalReport, Gallery, GalleryRow
from .html import section

IMAGE_PX = 160  # at most this wide
_TALLEST_PX, _QUALITY, _FEW = 240, 85, 4
_MODULES = {"edit": "Restored pictures, one by one", "map": "Found maps, one by one"}


def draw_galleries(report: EvalReport) -> str:
    """Draw every gallery below its module's heading."""
    parts = []
    for module, title in _MODULES.items():
        found = [gallery for gallery in report.galleries if gallery.module == module and gallery.rows]
        parts.append(section(f"pictures-{module}", title, "".join(_draw_gallery(one) for one in found)))
    return "".join(parts)


def _draw_gallery(gallery: Gallery) -> str:
    rows = "".join(_draw_row(row, gallery.columns) for row in gallery.rows)
    words = f"<p>{safe(gallery.what)}</p>" if gallery.what else ""
    few = " few" if len(gallery.columns) <= _FEW else ""
    return f'<h3>{safe(gallery.title)}</h3>{words}<div class="gallery{few}">{rows}</div>'


def _draw_row(row: GalleryRow, columns: tuple[str, ...]) -> str:
    many = len(columns)
    # Seven or eight stand on a phone in two full rows of four.
    wide = f"--n: {many}; --phone: {4 if many in (4, 7, 8) else 3}"
    images = "".join(
        f'<figure><img alt="{safe(f"{row.key}: {name}")}" src="{shrunk_uri(image)}"/>'
        f"<figcaption>{safe(name)}</figcaption></figure>"
        for name, image in zip(columns, row.images, strict=True)
    )
    head = f'<p class="key"><b>{safe(row.key)}</b> {safe(row.caption)}</p>'
    return f'<div class="case">{head}<div class="stages" style="{wide}">{images}</div></div>'


def shrunk_uri(image: U8) -> str:
    """Return a picture (JPEG) or a map (PNG), at most `IMAGE_PX` wide, as a data URI."""
    height, width = image.shape[:2]
    scale = min(IMAGE_PX / width, _TALLEST_PX / height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return picture_uri(image, None if image.ndim == 2 else _QUALITY)
