"""How masks sit on real faces: a sample of CelebA, its points found by dlib."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.masks.template import TemplateSet
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.prepared_picture import PreparedPicture, prepare_picture
from unmask.datagen.render.triplet import Triplet, mask_picture
from unmask.datagen.render.triplet_config import TripletConfig

FOLDER = Path(__file__).parents[1].parent / "shared" / "data" / "celeba"
COUNT = 150
TURNED_DEG = 13  # yaw beyond which a face counts as turned

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/celeba is not there"),
]


@pytest.fixture(scope="module")
def prepared(triplet_config: TripletConfig) -> dict[str, PreparedPicture]:
    """Pictures spread evenly over the folder, by name; those without a face left out."""
    paths = sorted(FOLDER.rglob("*.jpg"))
    finder, found = LandmarkFinder(), {}
    for path in paths[:: max(len(paths) // COUNT, 1)][:COUNT]:
        image = decode_picture(path.read_bytes()).image_rgb
        picture = prepare_picture(image, finder.find(image, aligned=True), triplet_config)
        if isinstance(picture, PreparedPicture):
            found[path.stem] = picture
    assert len(found) >= 0.98 * COUNT
    return found


@pytest.fixture(scope="module")
def worn(
    prepared: dict[str, PreparedPicture], triplet_config: TripletConfig
) -> list[tuple[Triplet, np.ndarray]]:
    """One mask as the default recipe draws it on every picture, with the picture's points."""
    made = [
        (mask_picture(picture, triplet_config, key=name, variant=0), picture.faces[0].landmarks.points)
        for name, picture in prepared.items()
    ]
    triplets = [(triplet, points) for triplet, points in made if isinstance(triplet, Triplet)]
    assert len(triplets) >= 0.97 * len(made)
    return triplets


def share_covered(triplet: Triplet, points: np.ndarray) -> float:
    """Share of the convex hull of points where the map is 128 or more."""
    area = np.zeros(triplet.map.shape, np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return np.count_nonzero((triplet.map >= 128) & (area > 0)) / max(np.count_nonzero(area), 1)


def lower_face(triplet: Triplet, points: np.ndarray) -> float:
    return share_covered(triplet, points[[*range(2, 15), *range(27, 36)]])


@pytest.mark.parametrize("turned", [False, True])
def test_a_mask_worn_properly_covers_the_lower_face(
    prepared: dict[str, PreparedPicture], triplet_config: TripletConfig, turned: bool
):
    # Cups and small cuts cover less by design; their templates say so.
    templates = [t for t in triplet_config.templates.templates if t.least_cover >= 0.8]
    recipe = replace(triplet_config.recipe, states={"proper": 1.0})
    config = replace(triplet_config, recipe=recipe, templates=TemplateSet(templates))
    covered = []
    for name, picture in prepared.items():
        if (abs(picture.faces[0].scene.face.pose.yaw) > TURNED_DEG) != turned:
            continue
        triplet = mask_picture(picture, config, key=name, variant=0)
        if isinstance(triplet, Triplet):
            covered.append(lower_face(triplet, picture.faces[0].landmarks.points))
    assert len(templates) > len(triplet_config.templates) / 2
    assert len(covered) >= 25
    assert np.mean(np.array(covered) >= 0.8) >= 0.98


def test_eyes_stay_free(worn: list[tuple[Triplet, np.ndarray]]):
    eyes = [
        max(share_covered(triplet, points[eye]) for eye in (slice(36, 42), slice(42, 48)))
        for triplet, points in worn
    ]
    assert np.mean(np.array(eyes) > 0.10) < 0.01


def test_real_triplets_are_exact_off_the_mask(worn: list[tuple[Triplet, np.ndarray]]):
    for triplet, _ in worn:
        untouched = ~triplet.layers.any(axis=2)
        assert np.array_equal(triplet.masked[untouched], triplet.clean[untouched])
        assert (triplet.map >= 128).any()


def test_the_reported_coverage_is_what_the_map_says(worn: list[tuple[Triplet, np.ndarray]]):
    gaps = [
        abs(triplet.summary.lower_face_coverage - lower_face(triplet, points)) for triplet, points in worn
    ]
    assert max(gaps) < 0.01


def test_the_sample_holds_turned_and_frontal_faces_and_every_family(worn: list[tuple[Triplet, np.ndarray]]):
    yaws = np.array([triplet.summary.yaw for triplet, _ in worn])
    assert (np.abs(yaws) > TURNED_DEG).mean() > 0.15
    assert abs(np.mean(yaws > 0) - 0.5) < 0.2
    assert len({triplet.summary.family for triplet, _ in worn}) >= 6
