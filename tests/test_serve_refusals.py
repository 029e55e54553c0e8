import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import httpx
from fuzz_support import damaged_bytes, few
from hypothesis import given
from serve_support import Served, masked_portrait, refused, small_noise

from unmask.datagen.pictures.picture import encode_png
from unmask.model.serve.guard import Guard, is_loopback

ASSETS = Path(__file__).parent.parent / "assets" / "serve"


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
