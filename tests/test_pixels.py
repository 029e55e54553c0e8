import numpy as np
import pytest

from unmask.datagen.common.colour import decode_srgb, encode_srgb
from unmask.datagen.render.pixels import blend as blend_in_place
from unmask.datagen.render.pixels import light_fabric, rasterize

PLAIN_LIGHT = {"ambient": 1.0, "strength": 1.0, "limits": (0.1, 1.5), "gain_rgb": (1.0, 1.0, 1.0)}


def blend(image: np.ndarray, *layers: object) -> np.ndarray:
    blended = image.copy(order="C")
    blend_in_place(blended, (0, 0), *layers)
    return blended


def make_grid(rows: int, cols: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A shaken grid over a little more than the target, float32 (rows, cols, 3)."""
    x, y = np.meshgrid(np.linspace(-2, width + 1, cols), np.linspace(-2, height + 1, rows))
    shake = 0.35 * np.array([width / cols, height / rows])
    xy = np.dstack([x, y]) + rng.uniform(-1, 1, (rows, cols, 2)) * shake
    return np.dstack([xy, rng.uniform(-1, 1, (rows, cols))]).astype(np.float32)


def draw_slowly(
    xyz: np.ndarray, attributes: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Point in triangle for every pixel and every triangle, the nearest kept."""
    values = np.zeros((height, width, attributes.shape[2]))
    depth = np.full((height, width), -np.inf)
    y, x = np.mgrid[:height, :width]
    rows, cols = xyz.shape[:2]
    flat, given = (
        xyz.reshape(-1, 3).astype(np.float64),
        attributes.reshape(rows * cols, -1).astype(np.float64),
    )
    for row in range(rows - 1):
        for col in range(cols - 1):
            i = row * cols + col
            for corner in ((i, i + 1, i + cols + 1), (i, i + cols + 1, i + cols)):
                (ax, ay, _), (bx, by, _), (cx, cy, _) = flat[list(corner)]
                area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
                if area <= 0:
                    continue
                wb = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                wc = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                weight = np.stack([1 - wb - wc, wb, wc], axis=-1)
                near = weight @ flat[list(corner), 2]
                hit = (weight >= 0).all(axis=-1) & (near > depth)
                depth[hit] = near[hit]
                values[hit] = (weight @ given[list(corner)])[hit]
    return values, depth


@pytest.mark.parametrize("seed", range(6))
def test_a_grid_is_drawn_as_point_in_triangle_says(seed: int):
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(9, 30)), int(rng.integers(9, 30))
    xyz = make_grid(4 + seed % 3, 5, height, width, rng)
    attributes = rng.uniform(-2, 3, (*xyz.shape[:2], 1 + seed % 4)).astype(np.float32)
    values, depth = rasterize(xyz, attributes, height, width)
    wanted, near = draw_slowly(xyz, attributes, height, width)
    # A pixel centre within a millionth of an edge may go either way; none of these random ones is.
    assert (np.isfinite(depth) == np.isfinite(near)).all()
    assert np.allclose(values, wanted, atol=1e-4)
    assert np.allclose(depth[np.isfinite(near)], near[np.isfinite(near)], atol=1e-4)


def test_a_grid_that_faces_away_is_not_drawn():
    xyz = make_grid(4, 4, 12, 12, np.random.default_rng(1))
    attributes = np.ones((4, 4, 1), np.float32)
    values, depth = rasterize(np.ascontiguousarray(xyz[:, ::-1]), attributes, 12, 12)
    assert not values.any()
    assert np.isneginf(depth).all()


@pytest.mark.parametrize("near_first", [True, False])
def test_the_nearer_of_two_sheets_is_seen_whatever_the_order(near_first: bool):
    # One grid that runs right twice, joined by a quad that faces away: near sheet and far sheet.
    x = [0.0, 9.0, 0.0, 9.0]
    z = [1.0, 1.0, -1.0, -1.0] if near_first else [-1.0, -1.0, 1.0, 1.0]
    mark = [7.0, 7.0, 3.0, 3.0] if near_first else [3.0, 3.0, 7.0, 7.0]
    xyz = np.array([[[x[i], y, z[i]] for i in range(4)] for y in (0.0, 9.0)], np.float32)
    attributes = np.array([mark, mark], np.float32)[..., None]
    values, depth = rasterize(xyz, attributes, 10, 10)
    assert (values == 7).all()
    assert (depth == 1).all()


def test_neighbouring_quads_leave_no_seam():
    for seed in range(5):
        xyz = make_grid(9, 9, 40, 40, np.random.default_rng(seed))
        xyz[0, :, 1], xyz[-1, :, 1], xyz[:, 0, 0], xyz[:, -1, 0] = -3, 43, -3, 43
        depth = rasterize(xyz, np.ones((9, 9, 1), np.float32), 40, 40)[1]
        assert np.isfinite(depth).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30, -1e30])
def test_a_wild_vertex_spoils_its_own_quads_only(bad: float):
    xyz = make_grid(5, 5, 20, 20, np.random.default_rng(2))
    attributes = np.ones((5, 5, 1), np.float32)
    good = rasterize(xyz, attributes, 20, 20)[1]
    xyz[4, 4] = bad
    depth = rasterize(xyz, attributes, 20, 20)[1]
    assert np.array_equal(depth[:8, :8], good[:8, :8])


def light_slowly(
    values: np.ndarray, depth: np.ndarray, texels: np.ndarray, fine: int, light: dict
) -> np.ndarray:
    """The documented formula, sample by sample, then the mean over fine samples."""
    lit = np.zeros((*depth.shape, 5))
    texels = texels.astype(np.float64)
    rows, cols = texels.shape[:2]
    for at in zip(*np.nonzero(np.isfinite(depth)), strict=True):
        u, v, front, right, down = values[at].astype(np.float64)
        x, y = min(max(u, 0), cols - 1), min(max(v, 0), rows - 1)
        c, r = min(int(x), cols - 2), min(int(y), rows - 2)
        upper = texels[r, c] * (c + 1 - x) + texels[r, c + 1] * (x - c)
        lower = texels[r + 1, c] * (c + 1 - x) + texels[r + 1, c + 1] * (x - c)
        *colour, opacity, slope_u, slope_v, lost, cover = upper * (r + 1 - y) + lower * (y - r)
        toward = (front - slope_u * right - slope_v * down) / np.sqrt(1 + slope_u**2 + slope_v**2)
        shade = np.clip(1 + light["strength"] * (light["ambient"] + toward - 1), *light["limits"]) * (
            1 - lost
        )
        lit[at] = [*(np.array(colour) * shade * light["gain_rgb"]), opacity, cover]
    height, width = depth.shape
    return lit.reshape(height // fine, fine, width // fine, fine, 5).mean(axis=(1, 3))


@pytest.mark.parametrize("fine", [1, 2, 3])
def test_fabric_is_lit_as_the_formula_says(fine: int):
    rng = np.random.default_rng(fine)
    rgba, relief = rng.uniform(0, 1, (7, 9, 4)), rng.uniform(-0.4, 0.4, (7, 9, 4))
    relief[..., 3] = rng.uniform(0.1, 1, (7, 9))
    where, tilts = rng.uniform(-2, 11, (12, 18, 2)), rng.normal(size=(12, 18, 3))
    depth = np.where(rng.random((12, 18)) < 0.8, 0.5, -np.inf)
    given = [
        array.astype(np.float32) for array in (np.dstack([where, tilts]), depth, np.dstack([rgba, relief]))
    ]
    light = {"ambient": 0.7, "strength": 0.9, "limits": (0.12, 1.5), "gain_rgb": (0.9, 1.1, 0.5)}
    found = light_fabric(*given, fine, **light)
    assert np.allclose(found, light_slowly(*given, fine, light), atol=2e-5)


def test_flat_light_gives_the_fabrics_own_colour_back():
    texels = np.zeros((4, 4, 8), np.float32)
    texels[..., [0, 1, 2, 3, 7]] = 0.5
    values, depth = np.ones((6, 8, 5), np.float32), np.zeros((6, 8), np.float32)
    assert (light_fabric(values, depth, texels, 2, **PLAIN_LIGHT | {"strength": 0.0}) == 0.5).all()


def make_layers(rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Random alphas with many zeros, ones and tiny values, float32 (h, w)."""
    special = np.array([0, 0, 1, 1e-7, 0.5 / 255, 1 / 255, 0.999999, 0.5])
    return {
        name: np.where(rng.random(shape) < 0.7, rng.choice(special, shape), rng.random(shape)).astype(
            np.float32
        )
        for name in ("shadow", "strap", "body")
    }


def make_cloth(rng: np.random.Generator, cover: np.ndarray) -> np.ndarray:
    """Premultiplied linear RGB, opacity (often below the coverage: clear windows) and coverage, float32."""
    opacity = cover * rng.choice([1, 1, 0.12, 0], cover.shape)
    colour = rng.choice([0, 1e-6, 0.2, 0.9999, 1.0, 1.4], (*cover.shape, 3)) * rng.uniform(
        0.9, 1, (*cover.shape, 3)
    )
    return np.dstack([colour * opacity[..., None], opacity, cover]).astype(np.float32)


def colour_of(cloth: np.ndarray) -> np.ndarray:
    """Linear colour of a premultiplied layer, at most 1, float32 (h, w, 3)."""
    colour: np.ndarray = np.minimum(cloth[..., :3] * (1 / np.maximum(cloth[..., 3:4], np.float32(1e-4))), 1)
    return colour


@pytest.mark.parametrize("seed", range(5))
def test_layers_are_blended_in_linear_light(seed: int):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (21, 17, 3), dtype=np.uint8)
    layers = make_layers(rng, (21, 17))
    cloth = make_cloth(rng, layers["body"])
    strap, share = (0.8, 0.02, 0.4), (0.8, 1.0, 1.05)
    shadow = layers["shadow"] * np.float32(0.8)
    light = decode_srgb(image) * (1 - shadow[..., None] * np.array(share))
    light += layers["strap"][..., None] * (np.array(strap) - light)
    light += cloth[..., 3:4] * (colour_of(cloth) - light)
    wanted = encode_srgb(np.clip(light, 0, 1).astype(np.float32))
    found = blend(image, shadow, layers["strap"], layers["body"], cloth, strap, share)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found == wanted).mean() > 0.995


def test_a_blend_of_nothing_keeps_every_byte_and_the_input():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    kept, none = image.copy(), np.zeros((9, 8), np.float32)
    out = blend(image, none, none, none, np.ones((9, 8, 5), np.float32), (1, 1, 1), (1, 1, 1))
    assert np.array_equal(out, kept)
    assert np.array_equal(image, kept)
    assert out is not image


@pytest.mark.parametrize("seed", range(8))
def test_no_blended_pixel_leaves_the_interval_of_background_and_foreground(seed: int):
    rng = np.random.default_rng(100 + seed)
    shape = (40, 50)
    image = rng.choice([0, 1, 2, 127, 254, 255, *range(256)], (*shape, 3)).astype(np.uint8)
    layers = make_layers(rng, shape)
    cloth = make_cloth(rng, layers["body"])
    strap = tuple(float(x) for x in rng.choice([0, 0.3, 1], 3))
    none, share = np.zeros(shape, np.float32), (0.82, 1.0, 1.06)
    shadow = layers["shadow"] * np.float32(0.8)
    shaded = blend(image, shadow, none, none, cloth, strap, share)
    assert (shaded <= image).all()
    below = blend(image, shadow, layers["strap"], none, cloth, strap, share)
    band = encode_srgb(np.array(strap, np.float32))
    assert ((below >= np.minimum(shaded, band)) & (below <= np.maximum(shaded, band))).all()
    out = blend(image, shadow, layers["strap"], layers["body"], cloth, strap, share)
    front = encode_srgb(colour_of(cloth))
    assert ((out >= np.minimum(below, front)) & (out <= np.maximum(below, front))).all()


def test_full_cover_gives_the_foreground_and_straps_lie_under_the_body():
    image = np.full((3, 3, 3), 90, np.uint8)
    one, none = np.ones((3, 3), np.float32), np.zeros((3, 3), np.float32)
    cloth = np.dstack([decode_srgb(np.full((3, 3, 3), 200, np.uint8)), one, one])
    assert (blend(image, one, one, one, cloth, (0, 0, 0), (1, 1, 1)) == 200).all()
    assert (blend(image, none, one, none, cloth, (0, 0, 0), (1, 1, 1)) == 0).all()


def test_a_grid_of_another_shape_than_its_attributes_is_refused():
    xyz, attributes = np.zeros((4, 4, 3), np.float32), np.zeros((4, 5, 2), np.float32)
    with pytest.raises(ValueError, match="sizes"):
        rasterize(xyz, attributes, 5, 5)
    with pytest.raises(ValueError, match="sizes"):
        rasterize(xyz[:1], attributes[:1, :4], 5, 5)


@pytest.mark.parametrize("which", range(3))
def test_fabric_layers_of_the_wrong_size_are_refused(which: int):
    given = [np.zeros(shape, np.float32) for shape in ((6, 6, 5), (6, 6), (4, 4, 8))]
    given[which] = (given[which][..., :-1] if which == 2 else given[which][:3]).copy()
    with pytest.raises(ValueError, match="sizes"):
        light_fabric(*given, 2, **PLAIN_LIGHT)


@pytest.mark.parametrize("which", range(4))
def test_blend_layers_of_the_wrong_size_or_type_are_refused(which: int):
    image = np.zeros((4, 4, 3), np.uint8)
    for spoil in (lambda array: array[:3].copy(), lambda array: array.astype(np.float64)):
        given = [np.zeros(shape, np.float32) for shape in ((4, 4), (4, 4), (4, 4), (4, 4, 5))]
        given[which] = spoil(given[which])
        with pytest.raises(ValueError, match="sizes"):
            blend(image, *given, (0, 0, 0), (1, 1, 1))
