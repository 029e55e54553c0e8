"""`unmask-data export OUT mirror`: the source's own tree, for face recognition."""

from dataclasses import replace
from pathlib import Path

import pytest
from exchange_support import exported

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.options import BuildOptions

PEOPLE = {"Ada_Byron": 2, "Bo_Li": 1}


@pytest.fixture(scope="module")
def dataset(drawn_jpegs: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people as LFW names them, and a picture whose name differs in its extension only; two masks each."""
    root = tmp_path_factory.mktemp("mirror")
    names = [f"{who}/{who}_{number + 1:04d}.jpg" for who, count in PEOPLE.items() for number in range(count)]
    for name, content in zip([*names, "Bo_Li/Bo_Li_0001.jpeg"], drawn_jpegs, strict=False):
        (root / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "lfw" / name).write_bytes(content)
    options = BuildOptions(str(root / "lfw"), root / "out", variants=2, seed=1, identities="folder")
    assert build(options).counts["ok"] == 8
    return root / "out"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file())


def test_pictures_keep_the_folders_and_names_of_their_source(dataset: Path, tmp_path: Path):
    dest = tmp_path / "dest"
    exported(dataset, "mirror", dest)
    assert (dest / "masked/Ada_Byron/Ada_Byron_0002.png").is_file()
    assert files(dest / "clean/Ada_Byron") == ["Ada_Byron_0001.jpg", "Ada_Byron_0002.jpg"]
    assert files(dest / "masked") == files(dest / "map") == files(dest / "variants/01/masked")
    for row in iterate_manifest(dataset / "manifest.csv"):
        above = dest if row.variant == 0 else dest / "variants/01"
        if row.source.startswith("Ada"):
            path = above / "masked" / Path(row.source).with_suffix(".png")
            assert path.samefile(dataset / row.masked)


def test_two_pictures_of_one_name_stay_two(dataset: Path, tmp_path: Path):
    exported(dataset, "mirror", tmp_path / "dest")
    found = files(tmp_path / "dest/masked/Bo_Li")
    assert len(found) == 2 and sum("~" in name for name in found) == 1


def test_overwriting_leaves_nothing_of_the_other_export(dataset: Path, tmp_path: Path):
    exported(dataset, "mirror", tmp_path / "dest")
    exported(dataset, "mirror", tmp_path / "dest", limit=1, existing="overwrite")
    assert files(tmp_path / "dest/masked") == ["Ada_Byron/Ada_Byron_0001.png"]
    assert not (tmp_path / "dest/variants").exists()


def test_a_source_name_that_leads_out_is_refused(dataset: Path, tmp_path: Path):
    import shutil

    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    path = out / "manifest.csv"
    rows = [replace(row, source="../../stray.jpg") for row in iterate_manifest(path)]
    write_manifest(path, rows, read_attribute_names(path))
    with pytest.raises(UserError, match="is no file inside"):
        exported(out, "mirror", tmp_path / "dest")
    assert not (tmp_path / "stray.png").exists()
