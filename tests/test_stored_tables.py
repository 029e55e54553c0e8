"""What is stored because computing it at every start takes too long is still what the computation gives."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np

from unmask.datagen.render.face_model import CENTRE, skin_point

ROOT = Path(__file__).resolve().parents[1]


def test_the_stored_skin_is_the_blurred_hull_of_the_generic_face():
    spec = importlib.util.spec_from_file_location("fitting", ROOT / "benchmarks" / "fit_generic_face.py")
    fitting = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fitting)
    grid = np.meshgrid(np.arange(-130.0, 129.0, 2.0), np.arange(-88.0, 87.0, 2.0))
    radius = np.linalg.norm(skin_point(*grid) - CENTRE, axis=-1)
    np.testing.assert_allclose(radius, fitting.skin_radii()[:-1, :-1], rtol=0, atol=1e-12)


def test_drawing_masks_does_not_import_scipy():
    told = "import sys, unmask.datagen.dataset.build; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], cwd=ROOT / "tests").returncode == 0
