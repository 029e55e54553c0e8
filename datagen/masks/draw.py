"""Draw mask recipes: the only place where a mask meets a random generator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import parse_hex, to_hex
from unmask.datagen.common.errors import ArgumentError, UserError

from .ranges import pick
from .recipe import (
    BOUND_EDGES,
    OWN_TEXTURE,
    FabricRecipe,
    FoldRecipe,
    LightRecipe,
    MaskRecipe,
    SensorRecipe,
    ShadowRecipe,
    ShapeRecipe,
    StrapRecipe,
)
from .recipe_config import LIMITS, OCCLUDER, OTHERS, RecipeConfig
from .template import TemplateSet
from .template_format import SHAPE_PARAMETERS, Template

F64 = NDArray[np.float64]

# Newer than the other keys, and not drawn among them, so that those are drawn as ever: by `draw_occluder`,
# `_solid`, `_bound`, `_strapped` and `jitter.draw_jitter`.
_STRAP_SHARES = ("strap.own", "strap.broad", "strap.over")
_ELSEWHERE = (OCCLUDER, "solid.", "binding.", "jitter.turn", "strap.broad_width", *_STRAP_SHARES)
_RANGES = tuple(name for name in LIMITS if not name.startswith(_ELSEWHERE))
_MORE_DRAWS = 24  # shares besides the ranges and the template's own parameters; a few to spare
_LAB_BOX = np.array([[8, -60, -60], [97, 60, 60]], np.float64)
_WRONG_BLUR = 2.5
_DYE_LOW, _DYE_HIGH = np.array([[4, -90, -90], [98, 90, 90]], np.float64)
_PALE_BINDING, _BLACK_BINDING = 0.5, 0.2  # shares of bound edges; the others have any colour
_PALE_BOX, _BLACK_BOX = np.array([[[82, -5, -8], [98, 5, 8]], [[6, -3, -3], [22, 3, 3]]], np.float64)
_EDGE_WEIGHTS = (2.0, 1.5, 0.5)  # all around as of cloth masks; long edges as of surgical ones
_OWN_ONLY = ("lace",)  # prints with holes: a respirator of lace is no mask


def draw_recipe(rng: np.random.Generator, config: RecipeConfig, templates: TemplateSet) -> MaskRecipe:
    """Draw one mask.

    Every number is drawn whether or not this mask uses it, so that two recipe files that differ in one range
    draw the same values for all the others.

    Parameters
    ----------
    rng : numpy.random.Generator
        Spent by this call; make one for each mask (`rng.generator`).

    Raises
    ------
    UserError
        As `check_recipe`, which tells before any work.
    """
    shares = iter(rng.random(len(_RANGES) + len(SHAPE_PARAMETERS) + _MORE_DRAWS).tolist())
    ranges = config.ranges
    drawn = {name: float(ranges[name].at(share)) for name, share in zip(_RANGES, shares, strict=False)}
    own_shares = {name: next(shares) for name in SHAPE_PARAMETERS}
    worn = _weighted(next(shares), config.states)
    template = _choose_template(next(shares), next(shares), config, templates)
    spread = drawn["shape.own"]
    own = {
        name: float(values.at(0.5 + (own_shares[name] - 0.5) * spread))
        for name, values in template.parameters.items()
    }
    recipe = MaskRecipe(
        template=template.name,
        family=template.family,
        worn=worn,
        shape=_shape(worn, drawn, own, next(shares)),
        strap=StrapRecipe(
            _weighted(next(shares), template.straps.colours), drawn["strap.width"], drawn["strap.sag"]
        ),
        fabric=_fabric(rng, shares, config, template, drawn, sorted(templates.textures)),
        fold=FoldRecipe(
            pleat=round(drawn["fold.pleat"] * own.get("pleat", 1.0), 4),
            wrinkle=drawn["fold.wrinkle"],
            tension=drawn["fold.tension"],
            breath=drawn["fold.breath"],
            pinch=drawn["fold.pinch"],
        ),
        light=_light(drawn, next(shares), next(shares)),
        shadow=ShadowRecipe(drawn["shadow.strength"], drawn["shadow.offset"], drawn["shadow.blur"]),
        sensor=_sensor(drawn, shares),
        front=next(shares) < drawn["front.keep"],
    )
    if template.solids:
        recipe = _solid(recipe, config, shares)
    if template.tint:
        recipe = _bound(recipe, config, rng)
    return recipe if template.straps.kind == "none" else _strapped(recipe, config, rng)


def _bound(recipe: MaskRecipe, config: RecipeConfig, rng: np.random.Generator) -> MaskRecipe:
    """The recipe with a strip of another colour around the mask, if it has one: mostly white, black or pale."""
    bound, edges, kind, width, *lab = rng.random(7).tolist()
    if bound >= float(config.ranges["binding.share"].at(0.5)):
        return recipe
    low, high = _LAB_BOX
    if kind < _PALE_BINDING:
        low, high = _PALE_BOX
    elif kind < _PALE_BINDING + _BLACK_BINDING:
        low, high = _BLACK_BOX
    strip = replace(
        recipe.fabric,
        binding=_to_rgb(low + (high - low) * lab),
        binding_width=float(config.ranges["binding.width"].at(width)),
        bound=BOUND_EDGES[pick(edges, _EDGE_WEIGHTS)],
    )
    return replace(recipe, fabric=strip)


def _strapped(recipe: MaskRecipe, config: RecipeConfig, rng: np.random.Generator) -> MaskRecipe:
    """The recipe with straps of the mask's own colour, cut from its cloth, or over hair, if it has such."""
    *shares, width = rng.random(len(_STRAP_SHARES) + 1).tolist()
    own, broad, over = (
        share < float(config.ranges[name].at(0.5)) for name, share in zip(_STRAP_SHARES, shares, strict=True)
    )
    if not (own or broad or over):
        return recipe
    strap = replace(
        recipe.strap,
        colour=recipe.fabric.colour if own or broad else recipe.strap.colour,
        broad=float(config.ranges["strap.broad_width"].at(width)) if broad else 0.0,
        over=over,
    )
    return replace(recipe, strap=strap)


def _solid(recipe: MaskRecipe, config: RecipeConfig, shares: Iterator[float]) -> MaskRecipe:
    """The recipe with what its template's solid parts are like."""
    thickness, dyed, *place = (next(shares) for _ in range(5))
    low, high = _LAB_BOX
    is_dyed = dyed < float(config.ranges["solid.dyed"].at(0.5))
    return replace(
        recipe,
        shape=replace(recipe.shape, thickness=float(config.ranges["solid.thickness"].at(thickness))),
        fabric=replace(recipe.fabric, solid=_to_rgb(low + (high - low) * place) if is_dyed else ""),
    )


def _shape(worn: str, drawn: Mapping[str, float], own: Mapping[str, float], share: float) -> ShapeRecipe:
    """Fit and worn state as continuous numbers; a state only moves them further than a proper fit does."""
    side = 1.0 if share < 0.5 else -1.0
    size = {"too_big": drawn["worn.too_big"], "too_small": drawn["worn.too_small"]}.get(worn, 1.0)
    # Degrees by which a larger or smaller mask reaches higher and lower: a mask spans about ninety degrees.
    reach = 45.0 * (size - 1.0)
    lean = {"tilted": drawn["worn.tilted"], "one_ear": 0.6 * drawn["worn.one_ear"]}.get(worn, 0.0)
    slide = {state: drawn[f"worn.{state}"] for state in ("nose_out", "below_lips", "chin")}.get(worn, 0.0)
    return ShapeRecipe(
        width=round(drawn["shape.width"] * own.get("width", 1.0) * size, 4),
        top=round(drawn["shape.top"] + own.get("top", 0.0) + 0.3 * reach, 4),
        bottom=round(drawn["shape.bottom"] + own.get("bottom", 0.0) - reach, 4),
        bulge=round(drawn["shape.bulge"] * own.get("bulge", 1.0), 4),
        tilt=round(drawn["shape.tilt"] + side * lean, 4),
        shift=round(drawn["shape.shift"] + (side * drawn["worn.one_ear"] if worn == "one_ear" else 0.0), 4),
        slide=slide,
        loose=-side if worn == "one_ear" else 0.0,
    )


def _light(drawn: Mapping[str, float], wrong: float, turn: float) -> LightRecipe:
    turned = round(360 * turn, 1) if wrong < drawn["light.wrong"] else 0.0
    return LightRecipe(drawn["light.exposure"], drawn["light.shading"], drawn["light.cast"], turned)


def _sensor(drawn: Mapping[str, float], shares: Iterator[float]) -> SensorRecipe:
    wrong, wrong_blur, jpeg, srgb = (next(shares) for _ in range(4))
    blur = round(_WRONG_BLUR * wrong_blur, 4) if wrong < drawn["sensor.wrong_blur"] else drawn["sensor.blur"]
    blend = "srgb" if srgb < drawn["sensor.srgb"] else "linear"
    return SensorRecipe(blur, drawn["sensor.noise"], drawn["sensor.edge"], jpeg < drawn["sensor.jpeg"], blend)


def _choose_template(
    family_share: float, member_share: float, config: RecipeConfig, templates: TemplateSet
) -> Template:
    if config.templates:
        return templates[_weighted(family_share, config.templates)]
    weights = family_weights(config, templates)
    if not sum(weights.values()) > 0:
        check_recipe(config, templates)
    members = templates.of_family(_weighted(family_share, weights))
    return members[pick(member_share, (1.0,) * len(members))]


def family_weights(config: RecipeConfig, templates: TemplateSet) -> dict[str, float]:
    """Weight of every family at hand.

    A packaged family that the recipe does not name has none. A family of the user's own has the recipe's
    ``others``, or the mean of the named ones.
    """
    named = {family: weight for family, weight in config.families.items() if family != OTHERS}
    usual = config.families.get(OTHERS, sum(named.values()) / max(len(named), 1))
    return {
        family: named.get(family, usual if family in templates.own_families else 0.0)
        for family in templates.families
    }


def check_recipe(config: RecipeConfig, templates: TemplateSet) -> None:
    """Raise UserError when a recipe can draw none of the templates, or names one that is not there."""
    weights = family_weights(config, templates)
    for name, weight in config.templates.items():
        family = templates[name].family
        if weight > 0 and not weights[family] > 0:
            raise UserError(
                f"the recipe asks for template {name!r}, but draws nothing of its family {family!r}"
            )
    for family in [*config.families, *config.palettes]:
        if family not in (*templates.known_families, OTHERS):
            known = ", ".join(templates.known_families)
            raise UserError(f"the recipe names a family {family!r} that is not at hand; known: {known}")
    if not config.templates and not sum(weights.values()) > 0:
        wanted = ", ".join(family for family, weight in config.families.items() if weight > 0)
        known = ", ".join(templates.families)
        raise ArgumentError(
            "families", f": the recipe draws from {wanted or 'no family'}; at hand are {known}"
        )


def _fabric(
    rng: np.random.Generator,
    shares: Iterator[float],
    config: RecipeConfig,
    template: Template,
    drawn: Mapping[str, float],
    own_textures: Sequence[str],
) -> FabricRecipe:
    chosen, free, kind, free_kind, own, which = (next(shares) for _ in range(6))
    low, high = _LAB_BOX
    anywhere, towards, beyond = low + (high - low) * rng.random((3, 3))
    jitter = rng.normal(size=3) * [1.0, 0.7, 0.7] * drawn["colour.jitter"]
    palette = config.colours or config.palettes.get(template.family) or template.palette
    lab = _to_lab(_weighted(chosen, palette)) + jitter
    if not config.colours and free < drawn["colour.free"]:
        lab = anywhere
    # What the family wears, weighted by what the recipe file allows.
    kinds = {name: weight for name, weight in config.textures.items() if name not in _OWN_ONLY}
    if free_kind >= drawn["texture.free"]:
        kinds = {name: weight * config.textures.get(name, 0.0) for name, weight in template.textures.items()}
    if not sum(kinds.values()) > 0:
        kinds = dict(config.textures) if len(config.textures) == 1 else {"plain": 1.0}
    texture = _weighted(kind, kinds)
    if own_textures and own < drawn["texture.own"]:
        texture = OWN_TEXTURE + own_textures[int(which * len(own_textures))]
    return FabricRecipe(
        colour=_to_rgb(lab),
        second=_to_rgb(lab + (towards - lab) * drawn["texture.contrast"]),
        third=_to_rgb(lab + (beyond - lab) * drawn["texture.contrast"]),
        texture=texture,
        scale=drawn["texture.scale"],
        turn=drawn["texture.turn"],
        weave=drawn["texture.weave"],
        seed=int(rng.integers(1 << 31)),
    )


def _weighted(share: float, weights: Mapping[str, float]) -> str:
    names = sorted(weights)
    return names[pick(share, [weights[name] for name in names])]


def prepare_colours() -> None:
    """Let OpenCV make its tables for colours in Lab, which takes a tenth of a second, before the first mask."""
    _to_lab("#000000")


@lru_cache(maxsize=4096)
def _to_lab(colour: str) -> F64:
    rgb = np.array([[parse_hex(colour)]], np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[0, 0], np.float64)


def _to_rgb(lab: F64) -> str:
    clipped = np.minimum(np.maximum(lab, _DYE_LOW), _DYE_HIGH).astype(np.float32)
    return to_hex(cv2.cvtColor(clipped[None, None], cv2.COLOR_Lab2RGB)[0, 0] * 255)
