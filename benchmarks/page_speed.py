"""Speed of unmask-serve: from a photograph of two megapixels that is chosen in the page to the result that is seen.

    python benchmarks/page_speed.py PHOTO [--megapixels 2] [--repeats 8]

PHOTO is any photograph with one masked face; it is scaled and saved as JPEG. Needs the extras `serve`, `browser`
and Chromium. Printed are seconds of the clock in the browser and on the server, best and median, and seconds
of the server's processor: on a machine that is busy with other things the last number says more.
"""

import argparse
import os
import re
import shutil
import statistics
import threading
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as unmask-serve does

import cv2
from playwright.sync_api import expect, sync_playwright

from unmask.datagen.pictures.picture import decode_picture, encode_jpg
from unmask.model.serve.options import ServeOptions
from unmask.model.serve.serve import address, prepared

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET = ["--disable-background-networking", "--disable-component-update"]


def scaled(path: Path, megapixels: float) -> bytes:
    """Return a photograph as a JPEG of so many million pixels."""
    image = decode_picture(path.read_bytes()).image_rgb
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return encode_jpg(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), 92)


def measure(url: str, photo: bytes, repeats: int) -> list[tuple[float, float, float]]:
    """Return seconds in the browser, on the server, and of this process's processor, for each time."""
    taken = []
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *QUIET])
        for _ in range(repeats + 1):
            page = browser.new_page()
            page.goto(url)
            expect(page.locator("#limits")).not_to_be_empty()
            processor = time.process_time()
            given = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
            page.set_input_files("#files", given)
            expect(page.locator("#took")).to_contain_text("on the server", timeout=120_000)
            seen, served = map(float, re.findall(r"([\d.]+) s", page.inner_text("#took")))
            taken.append((seen, served, time.process_time() - processor))
            page.close()
        browser.close()
    return taken[1:]  # the first one waits until the networks are warm


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=8)
    chosen = parser.parse_args()
    photo = scaled(chosen.photo, chosen.megapixels)
    options = ServeOptions(port=0, device="cpu")
    with prepared(options) as (server, listener):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            taken = measure(address(options.host, listener), photo, chosen.repeats)
        finally:
            server.should_exit = True
            thread.join()
    for what, column in zip(
        ("in the browser", "on the server", "of processor"), zip(*taken, strict=True), strict=True
    ):
        print(f"{what}: best {min(column):.2f} s, median {statistics.median(column):.2f} s of {len(column)}")


if __name__ == "__main__":
    main()
