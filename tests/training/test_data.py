import shutil

import numpy as np
import pytest
from PIL import Image

from dfm_viz.types import UserError
from training.data import decode, fingerprint, open_dataset


def test_cub_classes_are_contiguous_in_the_order_of_their_numbers(cub_root):
    data = open_dataset("cub", cub_root)
    assert data.classes == ("Red Bird", "Blue throated Bird", "Green Bird")
    first = data.train[0]  # file order: the green class comes first
    assert first.label == 2
    assert first.path.name == "bird_0.jpg"
    assert first.boxes == ((4.0, 3.0, 24.0, 20.0),)
    assert (len(data.train), len(data.test)) == (18, 6)


def test_the_folder_around_a_data_set_will_do(cub_root):
    assert open_dataset("cub", cub_root.parent) == open_dataset("cub", cub_root)


def test_val_is_every_nth_training_picture_of_each_class_in_file_order(cub_root):
    data = open_dataset("cub", cub_root)
    val, train = data.split("val", 3), data.split("train", 3)
    assert [i.path.name for i in val] == ["bird_2.jpg", "bird_5.jpg"] * 3
    assert {i.label for i in val} == {0, 1, 2}
    assert set(val) | set(train) == set(data.train)
    assert not set(val) & set(train)
    assert data.split("train", 0) == data.train
    assert data.split("test", 3) == data.test


def test_pets_boxes_are_the_extent_of_foreground_and_border(pets_root):
    data = open_dataset("oxford_pets", pets_root.parent)
    assert data.classes == ("Bengal", "American bulldog")
    assert {i.boxes for i in data.train} == {((10.0, 5.0, 29.0, 24.0),)}
    assert (len(data.train), len(data.test)) == (6, 2)


def test_a_trimap_that_is_absent_or_empty_gives_no_box(pets_root, tmp_path):
    root = tmp_path / "pets"
    shutil.copytree(pets_root, root)
    trimaps = root / "annotations" / "trimaps"
    (trimaps / "Bengal_0.png").unlink()
    Image.fromarray(np.full((36, 48), 2, np.uint8)).save(trimaps / "Bengal_1.png")
    data = open_dataset("oxford_pets", root)
    assert [len(i.boxes) for i in data.train] == [0, 0, 1, 1, 1, 1]
    assert len(data.split("train")) == 6
    (trimaps / "Bengal_2.png").write_text("text")
    with pytest.raises(UserError, match=r"Bengal_2\.png cannot be read"):
        open_dataset("oxford_pets", root)


def test_missing_pictures_are_named_together_and_other_splits_still_work(cub_root, tmp_path):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    for n in (1, 2):
        (root / "images" / "002.Red_Bird" / f"bird_{n}.jpg").unlink()
    data = open_dataset("cub", root)
    with pytest.raises(UserError, match=r"2 files .* 002.Red_Bird/bird_1.jpg, 002.Red_Bird/bird_2"):
        data.split("train")
    assert len(data.split("test")) == 6


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("bounding_boxes.txt", "101 4.0", "101 four", "not numbers"),
        ("bounding_boxes.txt", "20.0 17.0", "0.0 17.0", "impossible box"),
        ("train_test_split.txt", "101 1\n", "", "no line for image 101"),
        ("classes.txt", "9 009.Green_Bird\n", "", "lacks class 9"),
        ("images.txt", "101 009", "101 extra 009", "not a number and 1 value"),
    ],
)
def test_a_wrong_line_is_named(cub_root, tmp_path, file, old, new, told):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))
    with pytest.raises(UserError, match=told):
        open_dataset("cub", root)


def test_wrong_roots_and_names_are_told(tmp_path, pets_root):
    with pytest.raises(UserError, match="is no folder"):
        open_dataset("cub", tmp_path / "absent")
    with pytest.raises(UserError, match="does not hold CUB"):
        open_dataset("cub", pets_root)
    with pytest.raises(UserError, match="cub, oxford_pets"):
        open_dataset("birds", tmp_path)


def test_pictures_are_squashed_and_counted(cub_root):
    data = open_dataset("cub", cub_root)
    pictures, labels = decode(data.train[:2], 40)
    assert pictures.shape == (2, 3, 40, 40)
    assert labels.tolist() == [2, 2]
    # The green rectangle of the first picture: x 4-24 of 48, y 3-20 of 36.
    assert pictures[0, 1, 10, 10] > 150 > pictures[0, 0, 10, 10]


def test_an_unreadable_picture_is_named(cub_root, tmp_path):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    data = open_dataset("cub", root)
    data.train[0].path.write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"bird_0\.jpg"):
        decode(data.train, 40)


def test_the_fingerprint_follows_the_data(cub_root):
    data = open_dataset("cub", cub_root)
    assert fingerprint(data.root, data.train) == fingerprint(data.root, data.train)
    assert fingerprint(data.root, data.train) != fingerprint(data.root, data.train[1:])
