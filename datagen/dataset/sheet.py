"""Contact sheets: the templates flat and worn, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import encode_srgb, linear_rgb
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import Template, TemplateSet
from unmask.datagen.masks.template_layers import load_layers
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.triplet import make_triplet
from unmask.datagen.render.triplet_config import TripletConfig

U8 = NDArray[np.uint8]

_TILE = (218, 178)  # height, width of an aligned face
_CAPTION_PX = 18
_WORN = 3  # faces a template is shown on
_PAPER = 246


def draw_template_sheet(templates: TemplateSet) -> U8:
    """Draw every template flat in its commonest colour and worn by three drawn faces.

    Returns
    -------
    uint8 (rows, cols, 3)
        RGB; one row per template.
    """
    return stack_rows([_template_row(template) for template in templates.templates])


def stack_rows(rows: Sequence[Sequence[tuple[U8, str]]]) -> U8:
    """Lay out captioned pictures of equal height, one sequence per row, on white paper."""
    strips = [np.hstack([_captioned(image, text) for image, text in row]) for row in rows]
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=_PAPER) for s in strips]
    return np.vstack(padded)


def _captioned(image: U8, text: str) -> U8:
    page = np.full((image.shape[0] + _CAPTION_PX + 4, image.shape[1] + 4, 3), _PAPER, np.uint8)
    page[_CAPTION_PX : _CAPTION_PX + image.shape[0], 2:-2] = image
    origin = (4, _CAPTION_PX - 6)
    cv2.putText(page, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (40, 40, 40), 1, cv2.LINE_AA)
    return page


def _template_row(template: Template) -> list[tuple[U8, str]]:
    row = [(_flat(template), f"{template.family}: {template.name}")]
    config = TripletConfig(0, None, load_recipe_config(), TemplateSet([template]), "all")
    index = 0
    while len(row) <= _WORN and index < 40:  # a template that fits nobody still gets its flat picture
        face = draw_demo_face(index)
        landmarks = Landmarks(quantise(face.landmarks), "drawn", 0.0)
        made = make_triplet(face.image_rgb, [landmarks], config, key=template.name, variant=index)
        if not isinstance(made, Refusal):
            row.append((made.masked, f"{made.summary.worn}, yaw {made.summary.yaw:+.0f}"))
        index += 1
    return row


def _flat(template: Template) -> U8:
    """The cloth laid flat, with its relief as light from above, over paper."""
    layers = load_layers(template, 1)
    usual = max(template.palette, key=lambda colour: template.palette[colour])
    colour = layers.reflectance * (linear_rgb(usual)[:, None, None] if template.tint else 1)
    colour = (colour + layers.trim * (layers.trim_rgb - colour)).transpose(1, 2, 0)
    slope = np.gradient(layers.height, axis=0)[..., None]
    alpha = (layers.alpha * (1 - 0.8 * layers.glass))[..., None]
    lit = encode_srgb(colour * np.clip(1 - 6 * slope, 0.5, 1.3)).astype(np.float32)
    page = np.full((*_TILE, 3), _PAPER, np.uint8)
    height = round(_TILE[1] * lit.shape[0] / lit.shape[1])
    size = (_TILE[1], height)
    shrunk = cv2.resize(lit * alpha + _PAPER * (1 - alpha), size, interpolation=cv2.INTER_AREA)
    top = (_TILE[0] - height) // 2
    page[top : top + height] = np.rint(shrunk).astype(np.uint8)
    return page
