"""The lists of CUB-200-2011 and Oxford-IIIT Pet, as real copies of them look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dfm_viz import layouts
from dfm_viz.types import UserError


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig"])
def test_lines_from_any_system(tmp_path, ending, mark):
    path = tmp_path / "list.txt"
    lines = ["# a note", "1 001.Möwe/a.jpg", "  7\t009.鳥/b.jpg  ", ""]
    path.write_bytes(ending.join(lines).encode(mark))
    assert layouts.read_lines(path) == [["1", "001.Möwe/a.jpg"], ["7", "009.鳥/b.jpg"]]


def test_files_that_are_absent_or_no_text_are_named(tmp_path):
    with pytest.raises(UserError, match=r"images\.txt is missing"):
        layouts.cub_pictures(tmp_path)
    (tmp_path / "images.txt").write_bytes(b"\xff\xfe1 a")
    with pytest.raises(UserError, match=r"images\.txt cannot be read"):
        layouts.cub_pictures(tmp_path)


def test_the_lists_of_cub(tmp_path):
    for name, text in {
        "images.txt": "3 009.Owl/b.jpg\n1 002.Sea_Gull/a.jpg\n",
        "image_class_labels.txt": "3 9\n1 2\n",
        "train_test_split.txt": "3 1\n1 0\n",
        "classes.txt": "2 002.Sea_Gull\n9 009.Owl\n",
        "bounding_boxes.txt": "3 1.0 2.0 30.0 40.0\n1 0 0 0.5 7\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert layouts.is_cub(tmp_path)
    assert list(layouts.cub_pictures(tmp_path).items()) == [
        ("3", "009.Owl/b.jpg"),
        ("1", "002.Sea_Gull/a.jpg"),
    ]
    assert layouts.cub_labels(tmp_path) == {"3": 9, "1": 2}
    assert layouts.cub_training(tmp_path) == {"3": True, "1": False}
    assert layouts.cub_classes(tmp_path) == {2: "Sea Gull", 9: "Owl"}
    assert layouts.cub_boxes(tmp_path) == {"3": (1, 2, 31, 42), "1": (0, 0, 0.5, 7)}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("images.txt", "1 a b", "'1 a b' is not a number and 1 value"),
        ("images.txt", "1", "'1' is not a number and 1 value"),
        ("image_class_labels.txt", "1 two", "not numbers"),
        ("bounding_boxes.txt", "1 2 3 4", "not a number and 4 values"),
        ("classes.txt", "1 a\ntwo b", "'two b' is not a class number and a name"),
    ],
)
def test_a_line_that_does_not_fit_is_quoted(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    readers = {
        "images.txt": layouts.cub_pictures,
        "image_class_labels.txt": layouts.cub_labels,
        "bounding_boxes.txt": layouts.cub_boxes,
        "classes.txt": layouts.cub_classes,
    }
    with pytest.raises(UserError, match=told):
        readers[name](tmp_path)


@given(st.tuples(*[st.floats(0, 1000)] * 2, *[st.floats(0.5, 1000)] * 2))
def test_boxes_with_width_and_height_are_possible(given_box):
    x, y, w, h = given_box
    assert not layouts.impossible((x, y, x + w, y + h))
    for bad in (
        (-1 - x, y, x, y + h),
        (x, y, x, y + h),
        (x, y, x + w, y - h),
        (float("nan"), y, x + w, y + h),
        (x, y, float("inf"), y + h),
    ):
        assert layouts.impossible(bad)


@pytest.fixture
def pets_folder(tmp_path):
    trimaps = tmp_path / "annotations" / "trimaps"
    trimaps.mkdir(parents=True)
    (tmp_path / "annotations" / "test.txt").write_bytes(
        "#Image CLASS-ID SPECIES\r\nmaine_coon_7 24 1 9\r\nÄgyptisch_Mau_100 3 1 2\r\n".encode()
    )
    trimap = np.full((40, 60), 2, np.uint8)
    trimap[10:20, 5:31] = 1
    trimap[9, 12] = 3
    Image.fromarray(trimap).save(trimaps / "maine_coon_7.png")
    return tmp_path


def test_the_lists_and_trimaps_of_pets(pets_folder):
    assert layouts.is_pets(pets_folder)
    assert layouts.pets(pets_folder, "trainval") is None
    coon, mau = layouts.pets(pets_folder, "test")
    assert (coon.breed, coon.number) == ("Maine coon", 24)
    assert coon.picture == pets_folder / "images" / "maine_coon_7.jpg"
    assert coon.box() == (5, 9, 30, 19)
    assert (mau.breed, mau.number, mau.box()) == ("Ägyptisch Mau", 3, None)


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_trimaps_in_any_pixel_mode(pets_folder, mode):
    coon = layouts.pets(pets_folder, "test")[0]
    with Image.open(coon.trimap) as image:
        values = np.asarray(image)
    picture = Image.fromarray(values)
    if mode == "P":
        picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    else:
        picture = picture.convert(mode)
    picture.save(coon.trimap)
    assert coon.box() == (5, 9, 30, 19)


def test_a_damaged_trimap_and_a_wrong_line_are_named(pets_folder):
    coon = layouts.pets(pets_folder, "test")[0]
    coon.trimap.write_bytes(coon.trimap.read_bytes()[:60])
    with pytest.raises(UserError, match=r"The trimap maine_coon_7\.png cannot be read"):
        coon.box()
    (pets_folder / "annotations" / "test.txt").write_text("maine_coon_7 24 1\n")
    with pytest.raises(UserError, match="not a name and three numbers"):
        layouts.pets(pets_folder, "test")
