import asyncio
import json
import re
import shlex
import shutil
import struct
import subprocess
import tempfile
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import httpx
from eval_support import write_module
from fastapi import HTTPException
from fuzz_support import damaged_bytes, few
from hypothesis import given
from serve_support import SIDE, Served, masked_portrait, pixels, serving, small_noise

from unmask.datagen.pictures.picture import decode_picture, encode_png
from unmask.model.inference.photo import Restored
from unmask.model.inference.unmasker import Unmasker
from unmask.model.serve.answers import Unmasked
from unmask.model.serve.guard import Guard, is_loopback
from unmask.model.serve.photographs import both, mask_near
from unmask.model.serve.worker import MOST_WAITING, Worker

ASSETS = Path(__file__).parent.parent / "assets" / "serve"


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


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    end = b"IEND"
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 0) + end + struct.pack(">I", zlib.crc32(end))


NO_PHOTOGRAPHS = {
    "empty": (b"", 422, "empty"),
    "truncated": (masked_portrait()[:3000], 422, "truncated"),
    "text": (b"%!not a picture" * 50, 422, "not a picture"),
    "animation": (b"GIF89a" + bytes(100), 422, "GIF"),
    "telephone": (b"\0\0\0\x18ftypheic" + bytes(100), 422, "HEIC"),
    "bomb": (png_header(100_000, 100_000), 422, "too large"),
    "many pixels": (png_header(8_000, 8_000), 413, "at most 50 million"),
    "no pixels": (png_header(0, 9), 422, "damaged header"),
}


@pytest.mark.parametrize("name", NO_PHOTOGRAPHS)
def test_what_is_no_photograph_is_refused_with_a_sentence(served: Served, name: str):
    data, status, words = NO_PHOTOGRAPHS[name]
    assert words in refused(served.unmask(data), status)


def refused(answer: httpx.Response, status: int) -> str:
    detail = answer.json()["detail"]
    assert answer.status_code == status, detail
    assert answer.json().keys() == {"detail"}
    assert detail and len(detail) < 400 and "\n" not in detail
    return str(detail)


BLACK = np.zeros((40, 50), np.uint8)
NO_MAPS = {
    "of another size": (encode_png(np.eye(30, dtype=np.uint8) * 255), "30x30 for a photograph of 50x40"),
    "empty": (encode_png(BLACK), "the map is empty"),
    "a photograph": (small_noise(), "map"),
    "text": (b"white here", "not a picture"),
    "bomb": (png_header(100_000, 100_000), "too large"),
}


@pytest.mark.parametrize("name", NO_MAPS)
def test_what_is_no_map_is_refused_with_a_sentence(served: Served, name: str):
    data, words = NO_MAPS[name]
    detail = refused(served.unmask(small_noise(), data), 422)
    assert detail.startswith("map: ") and words in detail


def test_forms_that_are_not_the_one_that_is_described_are_refused(served: Served):
    post, url = httpx.post, f"{served.url}api/unmask"
    image = ("image", ("../../../etc/passwd", b"no picture"))
    assert "needed" in refused(post(url, files=[("map", b"x")]), 422)
    assert "not expected" in refused(post(url, files=[image, ("other", b"x")]), 400)
    assert "twice" in refused(post(url, files=[image, image]), 400)
    assert "the text 'image'" in refused(post(url, data={"image": "x"}, files=[("map", b"x")]), 400)
    assert "min_score: a number" in refused(post(url, data={"min_score": "high"}, files=[image]), 422)
    assert "perceptual, fidelity" in refused(post(url, data={"preset": "best"}, files=[image]), 422)
    assert "cannot be read" in refused(post(url, data={f"f{i}": "x" for i in range(99)}, files=[image]), 400)
    assert "cannot be read" in refused(post(url, data={"preset": "x" * 99_999}, files=[image]), 400)
    assert "not a picture" in refused(post(url, files=[image]), 422)
    assert "multipart/form-data" in refused(post(url, json={"image": "x"}), 415)
    assert "cannot be read" in refused(post(url, headers={"Content-Type": "multipart/form-data"}), 400)
    place = f"{served.url}api/find"
    assert "x: a number" in refused(post(place, data={"x": "nan", "y": "1"}, files=[image]), 422)
    assert refused(httpx.get(f"{served.url}api/none"), 404)
    assert refused(httpx.get(url), 405)


@few
@given(
    data=damaged_bytes(
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    )
)
def test_damaged_forms_are_refused_and_the_server_lives(served: Served, data: bytes):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{served.url}api/unmask", content=data, headers=headers)
    assert 400 <= answer.status_code < 500 and answer.json()["detail"]


def test_bodies_beyond_the_limit_are_refused_with_and_without_a_length(served: Served):
    url, headers = f"{served.url}api/unmask", {"Content-Type": "multipart/form-data; boundary=b"}
    much = bytes(served.options.max_bytes + 1)
    assert "at most 52 MB" in refused(httpx.post(url, content=much, headers=headers), 413)
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    parts = (head, *(much[: 1 << 22] for _ in range(13)))
    assert "at most 52 MB" in refused(httpx.post(url, content=iter(parts), headers=headers), 413)


def test_large_uploads_stay_in_memory(served: Served, monkeypatch: pytest.MonkeyPatch):
    rolled: list[int] = []
    roll = tempfile.SpooledTemporaryFile.rollover
    monkeypatch.setattr(
        tempfile.SpooledTemporaryFile, "rollover", lambda file: (rolled.append(1), roll(file))[1]
    )
    assert "not a picture" in refused(served.unmask(bytes([7]) * 5_000_000), 422)
    assert rolled == []


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


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.2", "", "a:b:c", "[::1"]
)
def test_names_that_are_not_the_servers_are_refused(served: Served, host: str):
    refused(httpx.get(f"{served.url}api/about", headers={"Host": host}), 403)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
def test_posts_from_pages_of_other_sites_are_refused(served: Served, headers: dict[str, str]):
    files = {"image": masked_portrait()}
    refused(httpx.post(f"{served.url}api/unmask", files=files, headers=headers), 403)
    again = f"{served.url}api/data/triplets/0/again"
    refused(httpx.post(again, json={}, headers=headers), 403)


def test_posts_from_the_servers_own_page_are_taken(served: Served):
    headers = {"Origin": served.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    again = f"{served.url}api/data/triplets/0/again"
    assert httpx.post(again, json={}, headers=headers).status_code == 200


def test_a_server_for_others_answers_to_addresses_and_its_own_names_but_to_no_other_name():
    guard = Guard(lambda *_: None, "0.0.0.0", ["studio", "studio.local"], 10)  # type: ignore[arg-type,return-value]
    for host in ("192.168.1.2:8090", "[fe80::1]:8090", "studio:8090", "STUDIO.local", "localhost"):
        assert guard.is_own(host), host
    for host in ("evil.example", "studio.evil.example", "", "192.168.1.2@evil.example", "a b"):
        assert not guard.is_own(host), host
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "studio")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_pages_may_load_nothing_from_elsewhere(served: Served):
    for page in ("", "data", "docs", "static/photograph.js", "api/about"):
        answer = httpx.get(served.url + page)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    for path in ASSETS.iterdir():
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//unpkg" not in text and "https://" not in text and "http://" not in text, path
    assert refused(httpx.get(f"{served.url}static/..%2f..%2f__init__.py"), 404)


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
