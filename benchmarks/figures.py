"""Draw the pictures of the docs from drawn faces and the public-domain portrait, and sweeps to look at.

python benchmarks/figures.py strip docs/figures/strip.jpg         clean, masked and map of six faces
python benchmarks/figures.py unmasked docs/figures/unmasked.jpg   the portrait in four masks, and without
python benchmarks/figures.py large docs/figures/large.jpg         a piece of a mask of each family, at 1024
python benchmarks/figures.py yaw sweep.png                        one mask per row, yaw -45 to 45 degrees
python benchmarks/figures.py light sweep.png                    one mask per row, light from left to right
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask import put_mask
from unmask.datagen.dataset.items import TripletItem
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.render.face_model import GENERIC_POINTS
from unmask.datagen.render.render import blend_painting, paint_mask
from unmask.datagen.render.scene import Scene, read_scene
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.inference.unmasker import Unmasker

U8 = NDArray[np.uint8]
STRIP = {
    "000003": ["template=surgical-pleated", "colour=#9cc7dc", "texture=plain"],
    "000008": ["template=cloth-seam", "colour=#24365c", "texture=dots"],
    "000013": ["template=valve-panels", "colour=#f3f3f1", "texture=plain"],
    "000022": ["template=half-face-magenta", "texture=plain"],
    "000027": ["template=bandana-triangle", "colour=#7b1f2b", "texture=floral"],
    "portrait": ["template=kn95-fold", "colour=#ecebe6", "texture=plain"],
}
WORN_BY_PORTRAIT = (
    ["template=surgical-pleated", "colour=#9cc7dc", "texture=plain", "strap.over=1"],
    ["template=kn95-fold", "colour=#ecebe6", "texture=plain", "strap.over=1"],
    ["template=cloth-seam", "colour=#24365c", "texture=dots", "strap.over=1", "strap.broad=1"],
    ["template=bandana-triangle", "colour=#7b1f2b", "texture=floral"],
)
LARGE = (
    *("surgical-pleated", "surgical-narrow", "kn95-fold", "n95-cup", "duckbill-pouch", "valve-panels"),
    *("half-face-cartridge", "cloth-seam", "cloth-pleated-bound", "sponge-sport", "bandana-triangle"),
    *("gaiter-tube", "scarf-wound", "clear-surgical"),
)
LARGE_FACTOR, PIECE_PX = 5.75, 240  # from 178 to 1024 pixels
SWEPT = ("surgical-pleated", "kn95-fold", "n95-cup", "cloth-seam", "half-face-magenta", "scarf-wound")
STEPS = 13


def strip() -> U8:
    """Clean, masked and map of a few faces of the embedded source, one column each."""
    columns = []
    for stem, pins in STRIP.items():
        item = _drawn(stem, pins)
        parts = [item["clean"], item["masked"], cv2.cvtColor(item["map"], cv2.COLOR_GRAY2RGB)]
        columns.append(np.vstack([_portrait(part) for part in parts]))
    return np.hstack(columns)


def unmasked() -> U8:
    """The portrait in several masks, masked, the map that is found, straps grey in it, without."""
    unmasker = Unmasker(device="cpu")
    columns = []
    for pins in WORN_BY_PORTRAIT:
        masked = _drawn("portrait", pins)["masked"]
        restored = unmasker.restore_photo(masked)
        found = cv2.cvtColor(restored.map | restored.straps // 2, cv2.COLOR_GRAY2RGB)
        columns.append(np.vstack([_portrait(part) for part in (masked, found, restored.image)]))
    clean = _portrait(_drawn("portrait", WORN_BY_PORTRAIT[0])["clean"])
    return np.hstack([*columns, np.vstack([np.zeros_like(clean), np.zeros_like(clean), clean])])


def large() -> U8:
    """The most detailed piece of each mask, pixel by pixel; the face is enlarged in squares, to be sharp."""
    face = draw_demo_face(3)
    image = cv2.resize(
        face.image_rgb, None, fx=LARGE_FACTOR, fy=LARGE_FACTOR, interpolation=cv2.INTER_NEAREST
    )
    points = (face.landmarks + 0.5) * LARGE_FACTOR - 0.5
    pins = ("worn=proper", "sensor.wrong_blur=0", "texture=plain", "light.wrong=0")
    pieces = []
    for name in LARGE:
        made = put_mask(image, template=name, seed=5, landmarks=points, pins=pins)
        grey = cv2.cvtColor(made.masked, cv2.COLOR_RGB2GRAY).astype(np.float32)
        body = cv2.erode(made.map, np.ones((25, 25), np.uint8)) == 255
        changes = np.abs(cv2.Laplacian(grey, cv2.CV_32F)) * body
        detail = cv2.boxFilter(changes, -1, (PIECE_PX, PIECE_PX))
        inner = cv2.erode(made.map, np.ones((PIECE_PX // 2, PIECE_PX // 2), np.uint8)) == 255
        y, x = np.unravel_index(np.argmax(detail * inner), detail.shape)
        top, left = min(int(y) - PIECE_PX // 2, len(image) - PIECE_PX), int(x) - PIECE_PX // 2
        pieces.append(made.masked[top : top + PIECE_PX, left : left + PIECE_PX])
    return np.vstack([np.hstack(pieces[:7]), np.hstack(pieces[7:])])


def _drawn(stem: str, pins: list[str]) -> TripletItem:
    """A face of the embedded source in a mask that is chosen."""
    recipe = load_recipe_config("default", ["worn=proper", "sensor.wrong_blur=0", *pins])
    data = TripletDataset("demo", TripletConfig(4, None, recipe, load_templates(), "largest"))
    return data[next(i for i, face in enumerate(data.faces) if face.stem == stem)]


def _portrait(image: U8) -> U8:
    """A 178 x 218 window; the astronaut's face is in the upper middle of her picture."""
    if image.shape[:2] == (218, 178):
        return image
    crop = image[20 : 20 + 245, 120 : 120 + 200]
    return np.asarray(cv2.resize(crop, (178, 218), interpolation=cv2.INTER_AREA), np.uint8)


def _plain_recipe(templates: TemplateSet, name: str) -> MaskRecipe:
    pins = [
        f"template={name}",
        "worn=proper",
        "shape.tilt=0",
        "shape.shift=0",
        "light.wrong=0",
        "front.keep=0",
    ]
    return draw_recipe(
        np.random.Generator(np.random.PCG64(3)), load_recipe_config("default", pins), templates
    )


def yaw_sweep() -> U8:
    """The generic face turned from -45 to 45 degrees on skin-coloured paper, with its 68 points."""
    templates = load_templates()
    rows = []
    for name in SWEPT:
        recipe = _plain_recipe(templates, name)
        row = []
        for yaw in np.linspace(-45, 45, STEPS):
            cos, sin = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
            turned = GENERIC_POINTS @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T
            points = turned[:, :2] * [38, -38] + [89, 90]
            image = np.full((218, 178, 3), (206, 164, 142), np.uint8)
            for x, y in np.rint(points).astype(int):
                cv2.circle(image, (int(x), int(y)), 1, (120, 80, 70), -1, cv2.LINE_AA)
            row.append(_masked(image, read_scene(image, points.astype(np.float32)), recipe, templates))
        rows.append(np.hstack(row))
    return np.vstack(rows)


def light_sweep() -> U8:
    """One drawn face under light that moves from the picture's left to its right."""
    templates = load_templates()
    face = draw_demo_face(9)
    scene = read_scene(face.image_rgb, face.landmarks)
    rows = []
    for name in SWEPT:
        recipe = _plain_recipe(templates, name)
        row = []
        for side in np.linspace(-0.6, 0.6, STEPS):
            light = replace(scene.light, direction=np.array([side, 0.2, 0.3]), ambient=0.6)
            row.append(_masked(face.image_rgb, replace(scene, light=light), recipe, templates))
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _masked(image: U8, scene: Scene, recipe: MaskRecipe, templates: TemplateSet) -> U8:
    painting = paint_mask(image, scene, recipe, templates[recipe.template])
    masked = image.copy()
    if painting is not None:
        blend_painting(masked, painting)
    return masked


FIGURES = {"strip": strip, "unmasked": unmasked, "large": large, "yaw": yaw_sweep, "light": light_sweep}


def main() -> None:
    """Draw one of the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=tuple(FIGURES))
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    image = FIGURES[options.what]()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(options.out), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise SystemExit(f"error: {options.out} cannot be written")


if __name__ == "__main__":
    main()
