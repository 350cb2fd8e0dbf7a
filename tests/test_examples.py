"""The pictures to start with: at hand without a network, readable, with boxes that fit."""

import json
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfm_viz import examples as ex
from dfm_viz.localization import check_truths
from dfm_viz.types import UserError


def test_all_photographs_are_found():
    ids = [e.id for e in ex.examples()]
    assert ids[0] == "lion"
    assert ids[-1].startswith("toy-")
    assert len(ids) == len(set(ids))
    assert set(ex.SHOWN) <= set(ids)
    assert 8 <= sum(name.startswith("pets-") for name in ids) < 96  # those that a lesson chose


@pytest.mark.parametrize("example", ex.examples(), ids=lambda e: e.id)
def test_every_example_is_complete(example):
    picture = example.read()
    assert example.title
    assert example.credit
    assert example.licence
    assert example.truths
    assert check_truths(example.truths, picture.width, picture.height) == example.truths
    assert all(x1 < picture.width and y1 < picture.height for _, _, x1, y1 in example.truths)
    assert all(isinstance(v, float) for box in example.truths for v in box)


def test_the_pets_lie_whole_beside_their_licence():
    folder = Path(ex.__file__).with_name("pets")
    assert "CC BY-SA 4.0" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "What was changed" in (folder / "README.md").read_text(encoding="utf-8")
    rows = json.loads((folder / "boxes.json").read_text())["pictures"]
    assert len(ex.pets()) == 96
    assert {e.path for e in ex.pets()} == set((folder / "images").iterdir())
    for row, pet in zip(rows, ex.pets(), strict=True):
        with Image.open(pet.path) as image:
            assert list(image.size) == row["size"]
            assert not image.getexif()
        ((x0, y0, x1, y1),) = pet.truths
        assert 0 <= x0 < x1 < row["size"][0]
        assert 0 <= y0 < y1 < row["size"][1]
    assert ex.find_example("pets-Bengal_105").classes == ("Bengal",)


def test_an_example_belongs_to_the_families_that_know_what_it_shows():
    Known = namedtuple("Known", "name classes")
    known = (Known("a", ("tabby", "cup")), Known("b", ("cup",)), Known("c", ("lion", "tabby")))
    assert ex.find_example("chelsea").families(known) == ("a", "c")
    assert ex.find_example("tower").families(known) == ()


def test_lion_has_two_instances():
    assert len(ex.find_example("lion").truths) == 2


def test_boxes_hold_the_object():
    # Two photographs whose object stands out by colour alone: the box must be its extent.
    rocket = ex.find_example("rocket").read().rgb.astype(int)
    x0, y0, x1, y1 = (int(v) for v in ex.find_example("rocket").truths[0])
    bright = rocket[:, 290:350].sum(axis=2) > 330
    assert not bright[: y0 - 1].any()  # nothing above the tip
    assert bright[y0 + 10 : y1 - 60, x0 - 290 : x1 - 289].mean() > 0.6
    cheetah = ex.find_example("cheetah").read().rgb.astype(int)
    x0, y0, x1, y1 = (int(v) for v in ex.find_example("cheetah").truths[0])
    sharp = np.abs(np.diff(cheetah.sum(axis=2), axis=0)) > 90  # the ground is blurred sideways
    inside = sharp[y0:y1, x0:x1].sum()
    assert inside > 0.97 * sharp[20:-20].sum()


def test_no_heavy_import_is_needed_to_find_them():
    import subprocess

    code = (
        "import sys, dfm_viz.examples as e; e.examples();"
        "print([m for m in ('gradio', 'skimage', 'training') if m in sys.modules])"
    )
    root = Path(__file__).parents[1]
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert out.stdout.strip() == "[]"


def test_missing_or_other_photographs_are_left_out(monkeypatch):
    monkeypatch.setattr(ex.importlib.util, "find_spec", lambda name: None)
    assert ex.photographs() == ()
    assert {e.id.partition("-")[0] for e in ex.examples()} == {"part", "pets", "toy"}
    monkeypatch.undo()
    sizes, boxes = ex._truths()
    monkeypatch.setattr(ex, "_truths", lambda: ({**sizes, "lion": [1, 2]}, boxes))
    assert "lion" not in {e.id for e in ex.examples()}
    assert "chelsea" in {e.id for e in ex.examples()}


def test_unknown_example():
    with pytest.raises(UserError, match=r"no example 'tiger'.*lion"):
        ex.find_example("tiger")


def test_toy_example_has_the_scenes_box():
    example = ex.toy_example(4)
    from dfm_viz import toy

    made = toy.scene(4)
    assert example.truths == (tuple(float(v) for v in made.box),)
    np.testing.assert_array_equal(example.read().rgb, made.rgb)


@pytest.fixture
def data_root(tmp_path):
    cub = tmp_path / "CUB_200_2011"
    names = ["001.Sea_Gull/a.jpg", "001.Sea_Gull/b.jpg", "004.Red_Bird/c.jpg", "009.Owl/d.jpg"]
    for name in names:
        (cub / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(cub / "images" / name)
    lines = [f"{i} {name}" for i, name in enumerate(names, start=1)]
    (cub / "images.txt").write_text("\n".join(lines) + "\n")
    (cub / "bounding_boxes.txt").write_text(
        "1 1 2 3 4\n2 10.0 5.0 20.0 30.0\n3 0 0 60 40\n4 1 1 2 2"
    )
    (cub / "train_test_split.txt").write_text("1 1\n2 0\n3 0\n4 1\n")
    pets = tmp_path / "pets"
    (pets / "annotations" / "trimaps").mkdir(parents=True)
    (pets / "images").mkdir()
    trimap = np.full((40, 60), 2, np.uint8)
    trimap[10:20, 5:31] = 1
    trimap[9, 12] = 3
    for name in ("Some_cat_1", "Some_cat_2"):
        Image.new("RGB", (60, 40)).save(pets / "images" / f"{name}.jpg")
        Image.fromarray(trimap).save(pets / "annotations" / "trimaps" / f"{name}.png")
    (pets / "annotations" / "test.txt").write_text("# name\nSome_cat_2 1 1 1\nSome_cat_1 1 1 1\n")
    return tmp_path


def test_local_pictures(data_root):
    found = {e.id: e for e in ex.local_examples(data_root)}
    assert set(found) == {"cub-2", "cub-3", "pets-Some_cat_1"}  # test pictures, one per class
    assert found["cub-2"].truths == ((10.0, 5.0, 30.0, 35.0),)  # x1 = x + w
    assert found["cub-2"].title == "Sea Gull"
    assert found["cub-3"].truths == ((0.0, 0.0, 60.0, 40.0),)
    assert found["pets-Some_cat_1"].truths == ((5.0, 9.0, 30.0, 19.0),)
    assert found["pets-Some_cat_1"].title == "Some cat"
    for example in found.values():
        picture = example.read()
        assert check_truths(example.truths, picture.width, picture.height)


def test_local_pictures_of_one_set_and_count(data_root):
    assert [e.id for e in ex.local_examples(data_root / "CUB_200_2011", count=1)] == ["cub-2"]
    assert ex.local_examples(data_root / "pets", count=0) == ()
    assert ex.local_examples(data_root / "pets" / "images") == ()


def test_local_root_must_exist(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        ex.local_examples(tmp_path / "none")
