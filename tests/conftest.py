"""Pictures that tests draw themselves, and small datasets made from them."""

import json
import os

# Two test workers with two threads each wait for each other's: ten times slower. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.datagen.dataset import build as build_module
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.build_report import Progress
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.drawn_faces.demo import draw_demo_face, write_demo
from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import Template, TemplateSet, load_templates
from unmask.datagen.render.face_model import GENERIC_POINTS
from unmask.datagen.render.triplet import Triplet, make_triplet, replay
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.data.options import DataOptions

FACES = 6


@pytest.fixture(scope="session", autouse=True)
def _own_store(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tiles and models beside pytest's other files, not in the user's cache; started processes do so, too."""
    os.environ.pop("UNMASK_CACHE", None)
    cache = getattr(pytestconfig, "cache", None)  # with `-p no:cacheprovider` there is none
    folder = tmp_path_factory.mktemp("cache") if cache is None else cache.mkdir("cache")
    os.environ["XDG_CACHE_HOME"] = str(folder)


@pytest.fixture(scope="session")
def drawn_celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn faces in CelebA's layout, with landmarks.csv; tests must not change it."""
    folder = tmp_path_factory.mktemp("celeba")
    write_demo(folder, FACES)
    return folder


@pytest.fixture(scope="session")
def drawn_jpegs(drawn_celeba: Path) -> list[bytes]:
    """The same faces as encoded pictures."""
    return [path.read_bytes() for path in sorted((drawn_celeba / "img_align_celeba").iterdir())]


@pytest.fixture
def options(drawn_celeba: Path, tmp_path: Path) -> Callable[..., BuildOptions]:
    """Options of a build of the drawn faces with their known points; keywords change them."""
    base = BuildOptions(
        source=str(drawn_celeba), out=tmp_path / "out", seed=1, landmarks=drawn_celeba / "landmarks.csv"
    )
    return lambda **changes: replace(base, **changes)


@pytest.fixture(scope="module")
def online(drawn_celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DataOptions]:
    """Options of a training on the drawn faces with a cache of the module's own; keywords change them."""
    base = DataOptions(
        online=str(drawn_celeba),
        landmarks=drawn_celeba / "landmarks.csv",
        size=64,
        cache=tmp_path_factory.mktemp("cache"),
        workers=1,
    )
    return lambda **changes: replace(base, **changes)


@pytest.fixture(scope="session")
def built_once(drawn_celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset of the drawn faces with layers, two variants; tests must not change it."""
    out = tmp_path_factory.mktemp("built") / "out"
    known = drawn_celeba / "landmarks.csv"
    build(BuildOptions(str(drawn_celeba), out, variants=2, seed=1, landmarks=known, layers=True))
    return out


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Reads a dataset as file name -> bytes, the timings in build.json left out."""
    return read_tree


def read_tree(out: Path) -> dict[str, bytes]:
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    head, found, _ = files["build.json"].partition(b'"timings"')
    assert found
    return files | {"build.json": head}


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encodes an OpenCV array: encode(".png", image)."""

    def encode_image(extension: str, image: np.ndarray) -> bytes:
        done, data = cv2.imencode(extension, image)
        assert done
        return data.tobytes()

    return encode_image


@pytest.fixture(scope="session")
def draw_face() -> Callable[[int], tuple[np.ndarray, Landmarks]]:
    """Draws a demo face, 178x218, and its points: draw_face(3); the picture must not be changed."""

    @lru_cache(maxsize=32)
    def draw(index: int) -> tuple[np.ndarray, Landmarks]:
        face = draw_demo_face(index)
        face.image_rgb.setflags(write=False)
        return face.image_rgb, Landmarks(face.landmarks, "drawn")

    return draw


@pytest.fixture(scope="session")
def triplet_config() -> TripletConfig:
    """The default recipe and the packaged templates, seed 1."""
    return TripletConfig(1, None, load_recipe_config(), load_templates())


@pytest.fixture(scope="session")
def pose_points() -> Callable[..., np.ndarray]:
    """The generic face's 68 points (pixels, float64) as a weak-perspective camera sees them.

    pose_points(yaw=0, pitch=0, roll=0, scale=60, origin=(89, 95)): the head is turned to the picture's right
    by yaw, then lifts its chin by pitch, then leans clockwise by roll, in degrees; scale is pixels per IOD.
    """

    def pose(
        yaw: float = 0,
        pitch: float = 0,
        roll: float = 0,
        scale: float = 60,
        origin: tuple[float, float] = (89, 95),
    ) -> np.ndarray:
        seen = GENERIC_POINTS @ turn_head(yaw, pitch, roll).T
        return seen[:, :2] * [scale, -scale] + origin

    return pose


def turn_head(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation from model to camera axes (right, up, towards the camera); degrees."""
    angles = np.radians([yaw, pitch, roll])
    (sy, sp, sr), (cy, cp, cr) = np.sin(angles), np.cos(angles)
    about_up = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_right = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_sight = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    rotation: np.ndarray = about_sight @ about_right @ about_up
    return rotation


@pytest.fixture(scope="session")
def mirror_order() -> np.ndarray:
    """Which of the 68 points becomes which when a picture is mirrored."""
    jaw, brows, nose = range(16, -1, -1), range(26, 16, -1), (27, 28, 29, 30, 35, 34, 33, 32, 31)
    eyes = (45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40)
    lips = (*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65)
    return np.array([*jaw, *brows, *nose, *eyes, *lips])


# A mask without anything that tells left from right, and a camera that adds nothing of its own.
EVEN = {
    **dict.fromkeys(("tilt", "shift", "loose", "slide", "top", "bottom", "turn"), 0.0),
    **dict.fromkeys(("weave", "wrinkle", "tension", "breath", "noise", "edge"), 0.0),
    **{"bulge": 1.0, "exposure": 1.0, "texture": "plain", "worn": "proper"},
    **{"jpeg": False, "front": False, "blend": "linear"},
}


@pytest.fixture(scope="session")
def even_recipe(triplet_config: TripletConfig) -> Callable[..., MaskRecipe]:
    """Makes a recipe of one template without chance: even_recipe(template, sag=3.0).

    The values of EVEN and the given ones, wherever they occur, replace the drawn ones.
    """

    def make(template: Template, **values: object) -> MaskRecipe:
        recipe = draw_recipe(np.random.default_rng(5), triplet_config.recipe, TemplateSet([template]))
        data = json.loads(recipe.to_json())
        wanted = EVEN | values
        for part in (data, *(value for value in data.values() if isinstance(value, dict))):
            part.update({key: wanted[key] for key in part.keys() & wanted.keys()})
        return MaskRecipe.from_dict(data)

    return make


@pytest.fixture(scope="session")
def wear(draw_face: Callable, triplet_config: TripletConfig) -> Callable[..., Triplet]:
    """Renders one recipe on given points, without quality control: wear(image, points, recipe)."""
    image, landmarks = draw_face(0)
    usual = make_triplet(image, [landmarks], triplet_config, key="a", variant=0)
    assert isinstance(usual, Triplet)
    shell = json.loads(usual.recipe_json)

    def render(image_rgb: np.ndarray, points: np.ndarray, recipe: MaskRecipe) -> Triplet:
        quarters = Landmarks(quantise(points), "drawn").to_quarters()
        faces = [shell["faces"][0] | {"points": quarters, "mask": recipe.to_dict()}]
        return replay(image_rgb, json.dumps(shell | {"faces": faces}), triplet_config.templates)

    return render


@pytest.fixture(scope="session")
def surgical(even_recipe: Callable[..., MaskRecipe], triplet_config: TripletConfig) -> MaskRecipe:
    """A grey surgical mask that takes on nothing of the light's colour."""
    return even_recipe(triplet_config.templates["surgical-pleated"], colour="#b0b0b0", cast=0.0)


class StopError(Exception):
    pass


def stop_after(pictures: int) -> Callable[[Progress], None]:
    def progress(told: Progress) -> None:
        if told.done >= pictures:
            raise StopError

    return progress


@pytest.fixture
def interrupted(options: Callable[..., BuildOptions], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build that stopped after some of its six pictures."""
    monkeypatch.setattr(build_module, "CHUNK_PICTURES", 1)
    with pytest.raises(StopError):
        build(options(), stop_after(3))
    return options().out


@pytest.fixture(scope="session")
def face_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where trainings on the embedded source keep its decoded faces, so that they are decoded once."""
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="module")
def unmasker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An Unmasker whose networks have learnt nothing; each module has its own, to give it another finder."""
    from eval_support import write_module  # imports torch

    from unmask.model.inference.unmasker import Unmasker

    folder = tmp_path_factory.mktemp("modules")
    return Unmasker(write_module(folder / "map", "map"), write_module(folder / "edit", "edit"), "cpu")


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """All presets train small compact networks; everything else about them stays."""
    from train_support import narrow_presets  # imports torch

    narrow_presets(monkeypatch)


@pytest.fixture
def short_run(tmp_path: Path, face_cache: Path) -> Callable[..., Any]:
    """Options of a short training in a folder of its own: short_run("map"), short_run("edit", "other", seed=2)."""
    from train_support import short

    return lambda module, run="run", **changes: short(module, tmp_path / run, face_cache, **changes)


@pytest.fixture
def steps_seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, dict[str, float]]]:
    """For each step of a training: the share of the budget at which it began, and its losses."""
    from unmask.model.training.engine import Engine

    seen: list[tuple[float, dict[str, float]]] = []
    finish_step = Engine.finish_step

    def noting(engine: Engine, losses: Mapping[str, Any]) -> None:
        seen.append((engine.clock.fraction, {name: float(value) for name, value in losses.items()}))
        finish_step(engine, losses)

    monkeypatch.setattr(Engine, "finish_step", noting)
    return seen


@pytest.fixture(scope="session")
def served(built_once: Path) -> Any:
    """A server in a thread, with the shipped weights and the dataset of `built_once`."""
    pytest.importorskip("fastapi", reason="needs the extra 'serve'")
    pytest.importorskip("uvicorn", reason="needs the extra 'serve'")
    from serve_support import serving

    with serving(data=built_once, max_mb=52) as served:
        yield served
