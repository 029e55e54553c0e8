"""`unmask-eval verify`: which pictures are compared, what the report has, and what is refused."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest
from eval_support import no_bar, write_module

from unmask.cli.eval import main
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.drawn_faces.demo import write_demo
from unmask.datagen.faces.arcface import arcface_chip, five_points
from unmask.model.evaluation.items import EvalItem
from unmask.model.verification.options import VerifyOptions
from unmask.model.verification.pairs import drawn_pairs, listed_pairs, named
from unmask.model.verification.pairs_file import NamedPair, PairsFile
from unmask.model.verification.verify import verify_faces

ROWS = [
    "bare, bare",
    "masked, bare",
    "masked, masked",
    "unmasked (own), bare",
    "unmasked (own), unmasked (own)",
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn faces of six people, two masks each."""
    root = tmp_path_factory.mktemp("verified")
    write_demo(root / "faces", 12)
    known = root / "faces/landmarks.csv"
    build(BuildOptions(str(root / "faces"), root / "out", variants=2, seed=1, landmarks=known))
    return root / "out"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("modules")
    return {kind: str(write_module(folder / kind, kind)) for kind in ("map", "edit")}


@pytest.fixture
def options(dataset: Path, modules: dict[str, str], tmp_path: Path) -> VerifyOptions:
    edits = (modules["edit"],)
    return VerifyOptions(
        dataset, tmp_path / "report", split="all", map_module=modules["map"], edit_modules=edits, device="cpu"
    )


def write_embedding(path: Path, numbers: int = 32, *, shape=("n", 3, 112, 112), rank: int = 2) -> Path:
    """A network that is none: each number is a mean of the picture's pixels with drawn weights."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'export'")
    side = shape[2] if isinstance(shape[2], int) else 112
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (shape[1] * side * side, numbers)).astype(np.float32)
    nodes = [onnx.helper.make_node("Flatten", ["face"], ["flat"], axis=1)]
    nodes.append(onnx.helper.make_node("MatMul", ["flat", "weights"], ["numbers"]))
    if rank == 1:
        nodes.append(onnx.helper.make_node("ReduceMean", ["numbers"], ["mean"], keepdims=0))
    kinds = onnx.TensorProto.FLOAT
    output = "mean" if rank == 1 else "numbers"
    graph = onnx.helper.make_graph(
        nodes,
        "embedding",
        [onnx.helper.make_tensor_value_info("face", kinds, list(shape))],
        [onnx.helper.make_tensor_value_info(output, kinds, None)],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def items_of(people: dict[str, int]) -> list[EvalItem]:
    return [
        EvalItem(f"{who}_{n}_00", Path(), None, None, {"source": f"{who}/{who}_{n:04d}.jpg", "identity": who})
        for who, count in people.items()
        for n in range(1, count + 1)
    ]


# ---- pairs -------------------------------------------------------------------------------------------------


def test_drawn_pairs_are_true_and_nobody_is_in_two_folds(options: VerifyOptions):
    items = items_of({f"p{number}": 1 + number % 4 for number in range(60)})
    pairs = drawn_pairs(items, replace(options, pairs_per_fold=4))
    who = [item.tags["identity"] for item in items]
    folds: dict[str, set[int]] = {}
    for pair, fold in zip(named(pairs, items), pairs.fold.tolist(), strict=True):
        assert pair.left != pair.right
        assert pair.same == (pair.left.split("/")[0] == pair.right.split("/")[0])
        for name in (pair.left, pair.right):
            folds.setdefault(name.split("/")[0], set()).add(fold)
    assert all(len(found) == 1 for found in folds.values())
    assert len(set(pairs.fold.tolist())) == 10
    assert [int((pairs.same & (pairs.fold == fold)).sum()) for fold in range(10)] == [4] * 10
    assert int((~pairs.same).sum()) == 40
    assert len({frozenset((p.left, p.right)) for p in named(pairs, items)}) == len(pairs.same)
    assert len(set(pairs.people.tolist())) == len(set(who))


def test_the_seed_alone_decides_the_draw(options: VerifyOptions):
    items = items_of({f"p{number}": 3 for number in range(30)})
    first, again, other = (drawn_pairs(items, replace(options, seed=s, pairs_per_fold=5)) for s in (1, 1, 2))
    assert named(first, items) == named(again, items) != named(other, items)


def test_a_small_set_gives_all_its_pairs(options: VerifyOptions):
    pairs = drawn_pairs(items_of({"a": 3, "b": 2}), options)
    assert (int(pairs.same.sum()), int((~pairs.same).sum())) == (4, 6)


@pytest.mark.parametrize(
    "name", ["Ada/Ada_0002", "Ada/Ada_0002.jpg", "lfw/Ada/Ada_0002.png", "Ada_0002", "Ada_2_00"]
)
def test_a_picture_is_known_by_each_of_its_names(options: VerifyOptions, name: str):
    items = items_of({"Ada": 3, "Bo": 2})
    found = PairsFile((NamedPair(name, "Ada/Ada_0003", True), NamedPair(name, "Bo/Bo_0001", False)), None)
    pairs = listed_pairs(found, items, options)
    assert pairs.left.tolist() == [1, 1] and pairs.notes == ()


def test_pairs_of_pictures_that_are_not_there_are_counted(options: VerifyOptions):
    items = items_of({"Ada": 3, "Bo": 2})
    listed = [("Ada/Ada_0001", "Ada/Ada_0002", True), ("Ada/Ada_0001", "Bo/Bo_0001", False)]
    listed += [("Ada/Ada_0001", "Ada/Ada_0009", True), ("x/Ada_0001", "Bo/Bo_0001", False)]
    pairs = listed_pairs(PairsFile(tuple(NamedPair(*one) for one in listed), 2), items, options)
    assert pairs.notes == ("2 of the 4 pairs of the list name two pictures of the dataset",)


def test_without_identities_the_pairs_of_one_person_say_who_is_who(options: VerifyOptions):
    items = [replace(item, tags=item.tags | {"identity": ""}) for item in items_of({"Ada": 3, "Bo": 2})]
    listed = [("Ada/Ada_0001", "Ada/Ada_0002", True), ("Ada/Ada_0002", "Ada/Ada_0003", True)]
    listed += [("Ada/Ada_0001", "Bo/Bo_0001", False)]
    people = listed_pairs(PairsFile(tuple(NamedPair(*one) for one in listed), None), items, options).people
    assert people[0] == people[1] == people[2]
    assert len(set(people.tolist())) == 3


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ({"": 5}, "nobody knows who is in its pictures"),
        ({"Ada": 5}, r"shows one person only \(Ada\)"),
        ({"Ada": 1, "Bo": 1}, "nobody is in two pictures"),
    ],
)
def test_a_set_that_gives_no_pairs_says_why(options: VerifyOptions, people: dict[str, int], words: str):
    with pytest.raises(ArgumentError, match=words):
        drawn_pairs(items_of(people), options)


# ---- faces -------------------------------------------------------------------------------------------------


def test_a_face_is_brought_to_the_places_of_arcface(draw_face):
    image, known = draw_face(0)
    chip = arcface_chip(image, known.points)
    assert chip.shape == (112, 112, 3) and arcface_chip(image, known.points, 56).shape == (56, 56, 3)
    eyes = five_points(known.points)[:2]
    assert eyes[0, 0] < eyes[1, 0]
    # what lies between the eyes comes to lie between their places
    x, y = np.rint(eyes.mean(axis=0)).astype(int)
    near = chip[48:56, 52:60].reshape(-1, 3).astype(int)
    assert (
        np.abs(near.mean(axis=0) - image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)).max() < 25
    )


def test_the_chip_is_the_same_wherever_the_face_lies_and_however_large(draw_face):
    image, known = draw_face(2)
    moved = np.zeros((300, 320, 3), np.uint8)
    moved[60 : 60 + 218, 90 : 90 + 178] = image
    there = arcface_chip(moved, known.points + np.array([90, 60], np.float32))
    here = arcface_chip(image, known.points)
    assert np.abs(there[20:100, 20:92].astype(int) - here[20:100, 20:92]).mean() < 1


# ---- the whole ---------------------------------------------------------------------------------------------


def test_the_report_has_every_row_pair_and_score(options: VerifyOptions):
    result = verify_faces(options, "unmask-eval verify ...", no_bar)
    names = [row.replace("own", options.edit_modules[0]) for row in ROWS]
    summary = json.loads((options.out / "summary.json").read_text())
    assert list(summary["rows"]) == list(result.curves) == names
    assert summary["pairs"] == {
        "list": None, "same": 6, "different": 12, "people": 6, "folds": 3, "seed": 0
    }  # fmt: skip
    assert summary["rows"][names[0]]["tar_at_far_0.001"]["value"] is None
    assert "TAR at FAR 0.001 is not given: it takes 1,000 pairs of two people or more" in summary["notes"][0]
    changes = summary["changes"]
    assert [change["against"] for change in changes.values()] == ["masked, bare", "masked, masked"]
    gap = summary["rows"][names[3]]["auc"]["value"] - summary["rows"]["masked, bare"]["auc"]["value"]
    assert changes[names[3]]["auc"]["value"] == pytest.approx(gap)
    assert changes[names[3]]["auc"]["low"] <= gap <= changes[names[3]]["auc"]["high"]
    with (options.out / "scores.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 18 and set(names) <= scores[0].keys()
    same = np.array([row["same"] == "1" for row in scores])
    bare = np.array([float(row["bare, bare"]) for row in scores])
    order = (bare[same][:, None] > bare[~same][None]).mean()
    assert summary["rows"]["bare, bare"]["auc"]["value"] == pytest.approx(order, abs=1e-6)
    with (options.out / "roc.csv").open() as file:
        ends = [row for row in csv.DictReader(file) if row["row"] == "bare, bare"]
    assert (ends[0]["far"], ends[0]["tar"]) == ("0", "0") and (ends[-1]["far"], ends[-1]["tar"]) == ("1", "1")
    page = (options.out / "verification.html").read_text()
    minidom.parseString(page.partition("\n")[2].encode())
    assert "masked, bare" in page and "http" not in page.replace("http-equiv", "")


def test_the_list_that_is_written_gives_the_same_report_again(options: VerifyOptions, tmp_path: Path):
    first = verify_faces(options, "", no_bar)
    other = replace(options, out=tmp_path / "again", pairs=options.out / "pairs.txt")
    again = verify_faces(other, "", no_bar)
    for row, curve in first.curves.items():
        assert again.curves[row].auc.value == pytest.approx(curve.auc.value)
        assert again.curves[row].eer.value == pytest.approx(curve.eer.value)


def test_an_onnx_file_makes_the_embedding(options: VerifyOptions, tmp_path: Path):
    path = write_embedding(tmp_path / "face.onnx")
    result = verify_faces(replace(options, embedding=path), "", no_bar)
    assert result.summary["embedding"]["face_px"] == 112
    assert result.summary["embedding"]["numbers"] == 32
    one_by_one = write_embedding(tmp_path / "one.onnx", shape=(1, 3, 112, 112))
    other = verify_faces(replace(options, out=tmp_path / "one", embedding=one_by_one), "", no_bar)
    for row, curve in result.curves.items():
        assert other.curves[row].auc.value == pytest.approx(curve.auc.value)


def test_the_command_prints_the_table_and_another_configuration_is_refused(
    options: VerifyOptions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "100")
    command = ["verify", str(options.data), "--out", str(options.out), "--split", "all", "--device", "cpu"]
    command += ["--map", options.map_module, "--edit", options.edit_modules[0]]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "6 of one person, 12 of two, 3 folds" in out and "note: TAR at FAR 0.001 is not given" in out
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--seed", "3"]) == 2
    assert "--seed was 0, now 3" in capsys.readouterr().err
    assert main([*command, "--edit", "fidelity"]) == 2
    assert "another --edit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "DATASET nowhere: no such folder"),
        (["DATA", "--pairs", "nowhere.txt"], "--pairs nowhere.txt: no such file"),
        (["DATA", "--pairs", "nobody.txt"], "--pairs nobody.txt: names nobody of"),
        (["DATA", "--pairs", "torn.txt"], "--pairs torn.txt: line 1 ('Ada') is no pair"),
        (["DATA", "--embedding", "nobody.txt"], "--embedding nobody.txt: no ONNX file that can be run"),
        (["DATA", "--embedding-size", "112"], "--embedding-size: goes with --embedding FILE.onnx"),
        (["DATA", "--embedding", "nobody.txt", "--embedding-std", "0"], "--embedding-std 0.0"),
        (["DATA", "--pairs-per-fold", "0"], "--pairs-per-fold 0: expected at least 1"),
        (["DATA", "--edit", "nothing"], "--edit nothing"),
        (["DATA", "--edit", "fidelity", "--edit", "fidelity"], "--edit fidelity: given twice"),
        (["DATA", "--split", "test2"], "--split test2"),
        (["plain"], "plain"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(
    dataset: Path, arguments, words, tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("plain").mkdir()
    Path("nobody.txt").write_text("Zoe\t1\t2\nZoe\t1\tYan\t1\n")
    Path("torn.txt").write_text("Ada\n")
    given = [str(dataset) if one == "DATA" else one for one in arguments]
    assert main(["verify", "--split", "all", *given, "--out", "report"]) == 2
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and words in lines[0]
    assert not Path("report").exists()


@pytest.mark.parametrize("below", [".", "masked/report"])
def test_the_report_does_not_lie_in_the_dataset(dataset: Path, options: VerifyOptions, below: str):
    with pytest.raises(ArgumentError, match=r"^out .*: lies inside `data` .*; name a folder elsewhere"):
        replace(options, out=dataset / below).validate()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"numbers": 4}, "no embedding of faces: it gives"),
        ({"rank": 1}, "no embedding of faces: it gives"),
        ({"shape": ("n", 1, 112, 112)}, "no embedding of faces: it takes"),
        ({"shape": ("n", 3, "h", "w"), "size": 96}, "cannot be run on a face of 96 pixels"),
        ({"size": 96}, "embedding_size 96: .* takes faces of 112"),
    ],
)
def test_an_onnx_file_that_is_no_embedding_is_refused(
    options: VerifyOptions, tmp_path: Path, settings: dict, words: str
):
    size = settings.pop("size", None)
    path = write_embedding(tmp_path / "none.onnx", **settings)
    with pytest.raises(ArgumentError, match=words) as caught:
        verify_faces(replace(options, embedding=path, embedding_size=size), "", no_bar)
    assert "\n" not in str(caught.value)
    assert not options.out.exists()


def test_a_dataset_of_one_person_is_refused(dataset: Path, options: VerifyOptions, tmp_path: Path):
    import shutil

    out = Path(shutil.copytree(dataset, tmp_path / "one"))
    path = out / "manifest.csv"
    rows = [replace(row, identity="7") for row in iterate_manifest(path)]
    write_manifest(path, rows, read_attribute_names(path))
    with pytest.raises(ArgumentError, match=r"shows one person only \(7\)"):
        verify_faces(replace(options, data=out), "", no_bar)


def test_a_folder_called_verify_is_reached_with_a_dot(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("verify").mkdir()
    assert main(["./verify", "--out", "report", "--map", "shipped"]) == 2
    assert "DATA" in capsys.readouterr().err
    assert main(["verify", "--help"]) == 0
    assert "--pairs-per-fold" in capsys.readouterr().out
