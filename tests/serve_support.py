"""Servers in threads, and the photographs that are sent to them."""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import httpx
import numpy as np

import unmask
from unmask.datagen.drawn_faces.demo import portrait_rgb
from unmask.datagen.pictures.picture import decode_picture, encode_jpg, encode_png
from unmask.model.serve.options import ServeOptions
from unmask.model.serve.serve import address, prepared

SIDE = 160


@dataclass(frozen=True)
class Served:
    """Where a server is, and what it was asked for."""

    url: str
    options: ServeOptions

    def unmask(self, image: bytes, map_: bytes | None = None, **texts: str) -> httpx.Response:
        """Send a photograph as programs do."""
        files = {"image": ("photo.jpg", image)} | ({} if map_ is None else {"map": ("map.png", map_)})
        return httpx.post(f"{self.url}api/unmask", files=files, data=texts, timeout=60)


@contextmanager
def serving(**options: Any) -> Iterator[Served]:
    """Serve in a thread until the block ends."""
    chosen = ServeOptions(port=0, device="cpu", **options)
    with prepared(chosen) as (server, listener):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
                assert thread.is_alive()
            yield Served(address(chosen.host, listener), chosen)
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@cache
def masked_portrait() -> bytes:
    """A JPEG of the portrait's head, `SIDE` x `SIDE`, in a surgical mask."""
    image = cv2.resize(portrait_rgb()[:256, 96:352], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    made = unmask.put_mask(image, template="surgical-pleated", pins=["worn=proper", "colour=#7fb2d0"], seed=2)
    return encode_jpg(made.masked)


@cache
def small_noise() -> bytes:
    """A PNG that decodes and shows nobody."""
    return encode_png(np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8))


def pixels(data_url: str) -> np.ndarray:
    """Decode the picture in a data URL."""
    kind, _, text = data_url.partition(",")
    assert kind == "data:image/png;base64"
    return decode_picture(base64.b64decode(text)).image_rgb


def refused(answer: httpx.Response, status: int) -> str:
    """Check that an answer refuses with that status and one sentence, which is returned."""
    detail = answer.json()["detail"]
    assert answer.status_code == status, detail
    assert answer.json().keys() == {"detail"}
    assert detail and len(detail) < 400 and "\n" not in detail
    return str(detail)
