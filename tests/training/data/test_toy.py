"""The generated data set: read like any other, with exact boxes and masks."""

import json

import numpy as np
import pytest
from PIL import Image

from dfm_viz.pictures import read_picture
from dfm_viz.toy import CLASSES, PART_CLASSES, World, scene
from dfm_viz.types import UserError
from training.data import check_dataset, fingerprint, open_dataset, toy

SMALL = {"train": 3, "val": 1, "test": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy") / "toy"
    toy.write(root, SMALL, 40)
    return root


def test_the_splits_are_there_with_the_classes_in_their_order(root):
    data = open_dataset("toy", root)
    assert data.classes == CLASSES
    assert data == open_dataset("toy", root.parent)
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [12, 4, 8]
    assert all(CLASSES[i.label] == i.path.parent.name for i in data.train + data.test)
    check_dataset(data)


def test_pixels_boxes_and_masks_are_those_of_the_scene(root):
    data = open_dataset("toy", root)
    for item in data.train + data.val + data.test:
        split, n = item.path.parts[-3], int(item.path.stem)
        first = {"train": 1_000_000, "test": 2_000_000, "val": 3_000_000}[split]
        made = scene(first + 4 * n + item.label, size=40, label=item.label)
        np.testing.assert_array_equal(read_picture(item.path).rgb, made.rgb)
        assert item.boxes == (tuple(map(float, made.box)),)
        with Image.open(root / "masks" / item.path.relative_to(root)) as image:
            mask = np.asarray(image)
        np.testing.assert_array_equal(mask == 1, made.body)
        np.testing.assert_array_equal(mask == 2, made.head)


def test_no_two_pictures_are_alike(root):
    data = open_dataset("toy", root)
    items = data.train + data.val + data.test
    assert len({read_picture(i.path).digest for i in items}) == len(items)


def test_equal_arguments_give_equal_files(root, tmp_path):
    toy.write(tmp_path / "again", SMALL, 40)
    a, b = open_dataset("toy", root), open_dataset("toy", tmp_path / "again")
    assert fingerprint(a.root, a.train) == fingerprint(b.root, b.train)
    for path in root.rglob("*.png"):
        assert path.read_bytes() == (b.root / path.relative_to(root)).read_bytes()


def test_it_is_drawn_where_there_is_none_and_only_once(tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "write", lambda root, w=toy.write, **how: w(root, SMALL, 40, **how))
    data = open_dataset("toy", tmp_path / "new")
    assert data.root == tmp_path / "new" / "toy"
    assert json.loads((data.root / "toy.json").read_text())["per_class"] == SMALL
    monkeypatch.setattr(toy, "write", None)
    assert open_dataset("toy", tmp_path / "new") == data
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["toy"]


def test_a_process_that_was_slower_takes_what_is_there(root, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    toy.write(root, SMALL, 40)
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
    assert [p.name for p in root.parent.iterdir()] == ["toy"]


def test_a_killed_or_failed_drawing_leaves_nothing_that_looks_finished(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(toy, "_draw", full)
    with pytest.raises(UserError, match=r"cannot be written to .*toy \(No space left"):
        open_dataset("toy", tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_folder_of_that_name_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "write", lambda root, w=toy.write, **_: w(root, {"train": 1}, 32))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds no other folder of that name"):
        open_dataset("toy", tmp_path)
    assert [p.name for p in tmp_path.rglob("*")] == ["toy", "mine.txt"]


def test_the_worlds_lie_side_by_side_and_are_never_mistaken(tmp_path):
    toy.write(tmp_path / "toy", SMALL, 40)
    toy.write(tmp_path / "toy_part", SMALL, 40, World.PART)
    context, part = open_dataset("toy", tmp_path), open_dataset("toy_part", tmp_path)
    assert (context.classes, part.classes) == (CLASSES, PART_CLASSES)
    assert part == open_dataset("toy_part", tmp_path / "toy_part")
    check_dataset(part)
    digests = {read_picture(i.path).digest for d in (context, part) for i in d.train + d.test}
    assert len(digests) == len(context.train + context.test + part.train + part.test)
    made = scene(12_000_000 + 4 + 3, size=40, label=3, world="part")
    np.testing.assert_array_equal(
        read_picture(part.root / "test" / "bluecap" / "0001.png").rgb, made.rgb
    )
    for name, folder in (("toy", "toy_part"), ("toy_part", "toy")):
        with pytest.raises(UserError, match=f"{folder} holds scenes of the world .* is drawn"):
            open_dataset(name, tmp_path / folder)


def test_a_damaged_mark_is_told(tmp_path):
    (tmp_path / "toy_part").mkdir()
    for text in ("{", "[]"):
        (tmp_path / "toy_part" / "toy.json").write_text(text)
        with pytest.raises(UserError, match=r"toy\.json cannot be read; delete the folder"):
            open_dataset("toy_part", tmp_path)
