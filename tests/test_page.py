"""The pages in a browser: headless Chromium, where it and playwright are installed."""

import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
pytest.importorskip("playwright", reason="needs the extra 'browser'")

from playwright import sync_api as api
from serve_support import SIDE, Served, masked_portrait, small_noise

from unmask.datagen.dataset.manifest import read_manifest
from unmask.datagen.pictures.picture import decode_picture, encode_png

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIET = ("--disable-background-networking", "--disable-component-update")
PATIENCE_MS = 60_000
expect = api.expect
Page = Any

NAMELESS = """() => [...document.querySelectorAll('button, input, select, [tabindex], dialog')]
  .filter((one) => one.type !== 'file' && one.checkVisibility())
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length))
  .filter((one) => !one.getAttribute('aria-labelledby'))
  .map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    expect.set_options(timeout=PATIENCE_MS)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a page for one more person; what goes wrong in it, or is fetched from elsewhere, fails the test."""
    contexts, trouble = [], []

    def open_page(path: str = "", **looks: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | looks))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda told: note(told.text) if told.type in ("error", "warning") else None)
        page.on("request", lambda asked: note(asked.url) if is_elsewhere(asked.url) else None)
        page.goto(served.url + path)
        return page

    def note(words: str) -> None:
        if "status of 4" not in words:  # a refusal, which the page tells
            trouble.append(words)

    def is_elsewhere(url: str) -> bool:
        return not url.startswith((served.url, "blob:", "data:"))

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def given(name: str = "photo.jpg", data: bytes | None = None) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": masked_portrait() if data is None else data}


def unmasked(page: Page, name: str = "photo.jpg") -> Page:
    page.set_input_files("#files", given(name))
    expect(page.locator("#status")).to_have_text(f"{name}: 1 mask taken off 1 face.")
    return page


def downloaded(page: Page, button: str) -> Path:
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path())


def picture(path: Path) -> np.ndarray:
    return decode_picture(path.read_bytes()).image_rgb


def test_a_photograph_is_opened_compared_and_saved(visit: Callable[..., Page]):
    page = unmasked(visit())
    expect(page.locator("#faces")).to_contain_text("Face 1: mask taken off")
    expect(page.locator(".boxes .box")).to_have_count(1)
    expect(page.locator("#took")).to_contain_text("of them on the server")
    page.focus("#stage")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#wipe") == "52"
    place = page.locator("#stage").bounding_box()
    page.mouse.click(place["x"] + place["width"] / 4, place["y"] + 40)
    assert page.input_value("#wipe") == "25"
    with page.expect_download() as waiting:
        page.keyboard.press("s")
    assert waiting.value.suggested_filename == "photo-unmasked.png"
    saved = picture(Path(waiting.value.path()))
    before = picture_of(masked_portrait())
    map_ = picture(downloaded(page, "#save-map"))[..., 0]
    assert saved.shape == before.shape and set(np.unique(map_)) == {0, 255}
    changed = (saved != before).any(axis=2)
    assert changed[map_ > 0].mean() > 0.9
    assert not changed[: np.flatnonzero(map_.any(axis=1))[0] - 8].any()


def picture_of(data: bytes) -> np.ndarray:
    return decode_picture(data).image_rgb


def test_the_map_is_corrected_undone_and_used(visit: Callable[..., Page]):
    page = unmasked(visit())
    first = picture(downloaded(page, "#save-map"))[..., 0]
    page.keyboard.press("b")
    expect(page.locator("#again")).to_be_disabled()
    page.locator("#size").fill("60")
    place = page.locator("#stage").bounding_box()
    scale = place["width"] / SIDE
    page.mouse.move(place["x"] + 40 * scale, place["y"] + 30 * scale)
    page.mouse.down()
    page.mouse.move(place["x"] + 90 * scale, place["y"] + 30 * scale, steps=4)
    page.mouse.up()
    painted = picture(downloaded(page, "#save-map"))[..., 0]
    assert (painted[30, 40:90] == 255).all() and first[30, 40:90].max() == 0
    page.keyboard.press("Control+z")
    assert np.array_equal(picture(downloaded(page, "#save-map"))[..., 0], first)
    page.keyboard.press("Control+Shift+z")
    assert np.array_equal(picture(downloaded(page, "#save-map"))[..., 0], painted)
    page.click("#undo")
    page.keyboard.press("e")  # the eraser, by keys: a line down through the middle of the mask
    page.focus("#stage")
    y, x = (round(float(axis.mean())) for axis in np.nonzero(first))
    page.mouse.move(place["x"] + x * scale, place["y"] + (y - 20) * scale)
    page.keyboard.down("Space")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.keyboard.up("Space")
    erased = picture(downloaded(page, "#save-map"))[..., 0]
    assert 0 < erased.sum() < first.sum() and erased[y, x] == 0 < first[y, x]
    page.click("#again")
    expect(page.locator("#status")).to_contain_text("taken off")
    expect(page.locator("#stage")).not_to_have_class(re.compile("busy"))
    saved = picture(downloaded(page, "#save"))
    assert np.array_equal(saved[30, 40:90], picture_of(masked_portrait())[30, 40:90])
    assert np.array_equal(picture(downloaded(page, "#save-map"))[..., 0], erased)


def test_a_face_is_left_and_added_again(visit: Callable[..., Page]):
    page = unmasked(visit())
    map_ = picture(downloaded(page, "#save-map"))[..., 0]
    page.click("text=Leave this mask")
    expect(page.locator("#status")).to_contain_text("no mask is marked")
    assert np.array_equal(picture(downloaded(page, "#save")), picture_of(masked_portrait()))
    page.check("input[value=add]", force=True)
    y, x = (float(axis.mean()) for axis in np.nonzero(map_))
    place = page.locator("#stage").bounding_box()
    scale = place["width"] / SIDE
    page.mouse.click(place["x"] + x * scale, place["y"] + y * scale)
    expect(page.locator("#status")).to_have_text("photo.jpg: 1 mask taken off 1 face.")
    page.route("**/api/find", lambda route: route.fulfill(json={"found": False, "map": None}))
    page.mouse.click(place["x"] + 4, place["y"] + 4)
    expect(page.locator("#status")).to_contain_text("no mask is found there")
    assert page.is_checked("input[value=brush]")


def test_what_is_no_picture_or_too_large_is_said_and_the_page_goes_on(
    visit: Callable[..., Page], served: Served, tmp_path: Path
):
    page = visit()
    page.set_input_files("#files", given("notes.jpg", b"%!not a picture" * 9))
    expect(page.locator("#status")).to_contain_text("notes.jpg: image: not a picture")
    expect(page.locator("#status")).to_have_class(re.compile("wrong"))
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(served.options.max_bytes + 1)
    page.set_input_files("#files", huge)
    expect(page.locator("#status")).to_have_text("huge.png: 52 MB are too much: at most 52 MB")
    large = tmp_path / "large.png"
    large.write_bytes(padded(encode_png(picture_of(masked_portrait())), 50_000_000))
    page.set_input_files("#files", large)
    expect(page.locator("#status")).to_have_text("large.png: 1 mask taken off 1 face.")
    expect(page.locator("#progress-words")).to_have_text("3 of 3 done, 2 failed")


def padded(png: bytes, size: int) -> bytes:
    """The same picture with a chunk of notes, so that the file is that large."""
    body = b"noTe" + bytes(size - len(png) - 12)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]


def test_several_photographs_are_done_in_turn_and_saved_together(visit: Callable[..., Page], tmp_path: Path):
    page = visit()
    files = [given("a.jpg"), given("nobody.png", small_noise()), given("b.jpg", b"no picture")]
    page.set_input_files("#files", files)
    expect(page.locator("#progress-words")).to_have_text("3 of 3 done, 1 failed")
    assert page.locator("#photographs .name").all_inner_texts() == ["a.jpg", "nobody.png", "b.jpg"]
    page.click("#photographs button >> nth=1")
    expect(page.locator("#status")).to_contain_text("nobody found")
    with zipfile.ZipFile(downloaded(page, "#save-all")) as archive:
        assert archive.testzip() is None
        names = [f"{place}/{name}.png" for name in ("a", "nobody") for place in ("restored", "map")]
        assert archive.namelist() == names
        shown = picture_of(archive.read("restored/nobody.png"))
    assert np.array_equal(shown, picture_of(small_noise()))


def test_two_people_at_once_both_see_their_result(visit: Callable[..., Page]):
    pages = [visit(), visit()]
    for number, page in enumerate(pages):
        page.set_input_files("#files", given(f"{number}.jpg"))
    for number, page in enumerate(pages):
        expect(page.locator("#status")).to_have_text(f"{number}.jpg: 1 mask taken off 1 face.")


def test_the_wall_is_filtered_and_its_address_keeps_the_filters(visit: Callable[..., Page], built_once: Path):
    table = read_manifest(built_once / "manifest.csv")
    page = visit("data")
    expect(page.locator(".tile")).to_have_count(12)
    family = table.family[0]
    page.check(f"#family input[value={family}]")
    expect(page.locator(".tile")).to_have_count(int((table.family == family).sum()))
    page.click("#clear")
    page.select_option("#attribute-name", "Male")
    page.select_option("#attribute-has", "-")
    page.click("#attribute-add")
    fits = table.attr_Male == 0
    expect(page.locator(".tile")).to_have_count(int(fits.sum()))
    page.fill("[name=coverage_min]", "8")
    page.keyboard.press("Tab")
    fits &= table.coverage >= 0.08
    expect(page.locator(".tile")).to_have_count(int(fits.sum()))
    page.reload()
    expect(page.locator(".tile")).to_have_count(int(fits.sum()))
    assert page.locator("#attributes").inner_text().startswith("without Male")


def test_a_triplet_is_seen_large_and_made_again(visit: Callable[..., Page]):
    page = visit("data")
    page.click(".tile >> nth=2")
    expect(page.locator("#large-status")).to_have_text("As it is in the dataset.")
    assert (
        page.locator("#triplet img").first.evaluate(
            "(image) => image.decode().then(() => image.naturalWidth)"
        )
        == 178
    )
    page.focus("#slide")
    page.keyboard.press("End")
    assert page.get_attribute("#slide", "aria-valuetext") == "clean"
    page.fill("[data-key='fabric.colour']", "#c02030")
    expect(page.locator("#large-status")).to_contain_text("Made again in")
    assert page.locator("#triplet img").first.get_attribute("src").startswith("blob:")
    page.fill("#pins", "worn=chin family=gaiter")
    page.click("text=Draw >> nth=-1")
    expect(page.locator("#large-status")).to_contain_text("gaiter, chin")
    assert page.input_value("[data-key=template]").startswith("gaiter")
    expect(page.locator("#command")).to_have_text(
        "unmask-data build SOURCE OUT --seed 1 --set worn=chin --set family=gaiter"
    )
    page.fill("#pins", "worn=sideways")
    page.click("text=Draw >> nth=-1")
    expect(page.locator("#large-status")).to_contain_text("sideways")
    page.click("#reset")
    expect(page.locator("#large-status")).to_have_text("As it is in the dataset.")
    page.keyboard.press("Escape")
    expect(page.locator("#large")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_sticks_out_and_everything_has_a_name(visit: Callable[..., Page], width: int, scheme: str):
    page = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)
    if width == 390:
        unmasked(page)
        page.keyboard.press("b")
    for path in ("", "data", "docs"):
        if path:
            page.goto(f"{page.url.rsplit('/', 1)[0]}/{path}")
            page.wait_for_selector({"data": ".tile", "docs": ".operation"}[path])
        if path == "data":
            page.click(".tile >> nth=0")
            page.wait_for_selector("[data-key=template]")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(NAMELESS) == []
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", light)[0]) > 128) == (scheme == "light")
