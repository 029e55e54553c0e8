import asyncio
import json
import re
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import httpx
from eval_support import write_module
from fastapi import HTTPException
from serve_support import SIDE, Served, masked_portrait, pixels, refused, serving

from unmask.datagen.pictures.picture import decode_picture, encode_png
from unmask.model.inference.photo import Restored
from unmask.model.inference.unmasker import Unmasker
from unmask.model.serve.answers import Unmasked
from unmask.model.serve.photographs import both, mask_near
from unmask.model.serve.worker import MOST_WAITING, Worker


@pytest.fixture(scope="module")
def answered(served: Served) -> dict[str, Any]:
    answer = served.unmask(masked_portrait())
    assert answer.status_code == 200
    return answer.json()


def test_a_photograph_comes_back_as_the_toolkit_itself_restores_it(answered: dict[str, Any]):
    image = decode_picture(masked_portrait()).image_rgb
    result = Unmasker(device="cpu").restore_photo(image)
    assert result.status == answered["status"] == "ok"
    assert np.array_equal(pixels(answered["image"]), result.image)
    for name in ("map", "straps"):
        assert np.array_equal(pixels(answered["overlays"][name])[..., 0], getattr(result, name))


def test_an_answer_says_where_the_faces_are_and_fits_its_description(answered: dict[str, Any]):
    told = Unmasked.model_validate(answered)
    (face,) = told.faces
    assert face.status == "ok" and face.score > 2
    assert 0 < face.left < face.right < told.width == SIDE
    rows, columns = np.nonzero(pixels(told.overlays["map"])[..., 0])
    assert face.left < columns.mean() < face.right
    assert face.top < rows.mean() < face.bottom + 0.2 * (face.bottom - face.top)


def test_a_program_that_accepts_png_gets_the_picture(served: Served, answered: dict[str, Any]):
    files = {"image": masked_portrait()}
    answer = httpx.post(f"{served.url}api/unmask", files=files, headers={"Accept": "image/png"}, timeout=60)
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(decode_picture(answer.content).image_rgb, pixels(answered["image"]))


def test_a_map_of_ones_own_and_a_preset_are_used(served: Served, answered: dict[str, Any]):
    map_ = np.zeros((SIDE, SIDE), np.uint8)
    map_[100:130, 50:100] = 255
    answer = served.unmask(masked_portrait(), encode_png(map_), preset="fidelity").json()
    assert answer["preset"] == "fidelity"
    assert np.array_equal(pixels(answer["overlays"]["map"])[..., 0], map_)
    differs = (pixels(answer["image"]) != decode_picture(masked_portrait()).image_rgb).any(axis=2)
    assert differs[105:125, 55:95].mean() > 0.8
    assert not differs[:90].any() and not differs[140:].any()


def test_a_look_closer_finds_the_mask_at_a_place_and_none_elsewhere(served: Served, answered: dict[str, Any]):
    map_ = pixels(answered["overlays"]["map"])[..., 0] > 0
    y, x = (float(axis.mean()) for axis in np.nonzero(map_))
    there = _find(served, x, y)
    assert there["found"]
    closer = pixels(there["map"])[..., 0] > 0
    assert (closer & map_).sum() > 0.8 * (closer | map_).sum()
    assert _find(served, 300.0, 20.0) == {"found": False, "map": None}


def _find(served: Served, x: float, y: float) -> Any:
    texts, files = {"x": str(x), "y": str(y)}, {"image": masked_portrait()}
    answer = httpx.post(f"{served.url}api/find", files=files, data=texts, timeout=60)
    assert answer.status_code == 200
    return answer.json()


def test_doubtful_faces_are_left_where_that_is_asked(served: Served):
    answer = served.unmask(masked_portrait(), min_score="99").json()
    assert (answer["status"], answer["faces"][0]["status"]) == ("unsure", "unsure")
    assert np.array_equal(pixels(answer["image"]), decode_picture(masked_portrait()).image_rgb)


def test_a_strap_that_lies_alone_is_in_no_map_to_correct():
    map_, straps = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    map_[8:14, 8:14], straps[8, 14:18], straps[2, 24:28] = 255, 255, 255
    joined = both(Restored(np.zeros((20, 30, 3), np.uint8), map_, straps, ()))
    assert joined[8, 8:18].all() and not joined[2].any()
    assert not both(Restored(np.zeros((20, 30, 3), np.uint8), 0 * map_, straps, ())).any()


def test_the_nearest_region_is_the_one_that_is_meant():
    map_ = np.zeros((40, 60), np.uint8)
    map_[10:20, 10:20], map_[10:20, 40:50] = 255, 255
    near = mask_near(map_, 36, 15, 5)
    assert near is not None and near[:, 40:].any() and not near[:, :40].any()
    assert mask_near(map_, 30, 35, 5) is None
    assert mask_near(np.zeros((40, 60), np.uint8), 30, 35, 50) is None


def test_results_are_kept_where_that_is_asked_and_nowhere_else(tmp_path: Path):
    own = {f"{kind}_weights": write_module(tmp_path / kind, kind) for kind in ("map", "edit")}
    with serving(keep=tmp_path / "kept", **own) as served:
        assert httpx.get(f"{served.url}api/about").json()["presets"] == ["own", "perceptual", "fidelity"]
        answer = served.unmask(masked_portrait()).json()
        served.unmask(b"no picture")
        assert httpx.get(f"{served.url}data").status_code == 200
        assert refused(httpx.get(f"{served.url}api/data"), 404)
    kept = sorted(path.relative_to(tmp_path / "kept") for path in (tmp_path / "kept").rglob("*.png"))
    assert [path.parent.name for path in kept] == ["map", "restored", "straps"]
    assert len({path.name for path in kept}) == 1
    assert np.array_equal(
        decode_picture((tmp_path / "kept" / kept[1]).read_bytes()).image_rgb, pixels(answer["image"])
    )
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "map", "edit"}


def page_examples(language: str) -> str:
    text = (Path(__file__).parent.parent / "docs" / "page.md").read_text(encoding="utf-8")
    if language == "python":
        return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    return "\n".join(re.findall(r"^    (curl .*)$", text, re.MULTILINE))


@pytest.fixture
def example_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: dict[str, Any]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(masked_portrait())
    Path("map.png").write_bytes(encode_png(pixels(answered["overlays"]["both"])[..., 0]))


def test_the_python_example_runs(served: Served, example_files: None, answered: dict[str, Any]):
    names: dict[str, Any] = {}
    exec(page_examples("python").replace("http://127.0.0.1:8090/", served.url), names)
    assert np.array_equal(decode_picture(names["png"]).image_rgb, pixels(answered["image"]))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_examples_run(served: Served, example_files: None, answered: dict[str, Any]):
    first, second = page_examples("curl").replace("http://127.0.0.1:8090/", served.url).splitlines()
    subprocess.run(shlex.split(first), check=True, capture_output=True)
    saved = decode_picture(Path("unmasked.png").read_bytes()).image_rgb
    assert np.array_equal(saved, pixels(answered["image"]))
    done = subprocess.run(shlex.split(second), check=True, capture_output=True)
    assert json.loads(done.stdout)["preset"] == "fidelity"


def test_the_description_names_every_route_and_part(served: Served):
    told = httpx.get(f"{served.url}openapi.json").json()
    assert set(told["paths"]) == {
        *("/api/about", "/api/unmask", "/api/find", "/api/data", "/api/data/triplets"),
        *(f"/api/data/triplets/{{number}}{rest}" for rest in ("", "/{kind}", "/again")),
    }
    form = told["paths"]["/api/unmask"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"image", "map", "preset", "min_score"} and form["required"] == [
        "image"
    ]
    place = told["paths"]["/api/find"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(place["required"]) == {"image", "x", "y"}


def test_a_worker_does_one_thing_at_a_time_and_turns_away_who_would_wait_too_long():
    async def use() -> list[Any]:
        worker, going, order = Worker("test"), threading.Event(), []
        jobs = [
            asyncio.ensure_future(worker.run(lambda i=i: (going.wait(5), order.append(i))))
            for i in range(MOST_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException, match="waiting already"):
            await worker.run(lambda: None)
        going.set()
        await asyncio.gather(*jobs)
        worker.close()
        with pytest.raises(HTTPException, match="being stopped"):
            await worker.run(lambda: None)
        return order

    assert asyncio.run(use()) == list(range(MOST_WAITING))


def test_who_waits_is_told_when_the_server_stops():
    async def use() -> None:
        worker, going = Worker("test"), threading.Event()
        job = asyncio.ensure_future(worker.run(lambda: going.wait(5)))
        await asyncio.sleep(0)
        worker.close()
        with pytest.raises(HTTPException, match="being stopped"):
            await job
        going.set()

    asyncio.run(use())
