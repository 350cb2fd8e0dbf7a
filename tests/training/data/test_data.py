import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from dfm_viz.types import UserError
from training.data import check_dataset, fingerprint, open_dataset


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
    (trimaps / "american_bulldog_3.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    told = r"2 annotations do not fit \(The trimap Bengal_2\.png cannot be read.*bulldog_3\.png"
    with pytest.raises(UserError, match=told):
        open_dataset("oxford_pets", root).split("train")


def test_missing_pictures_are_named_together_and_other_splits_still_work(cub_root, tmp_path):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    for n in (1, 2):
        (root / "images" / "002.Red_Bird" / f"bird_{n}.jpg").unlink()
    data = open_dataset("cub", root)
    with pytest.raises(
        UserError, match=r"2 files are missing \(002.Red_Bird/bird_1.jpg, 002.Red_Bird/bird_2"
    ):
        data.split("train")
    assert len(data.split("test")) == 6


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("bounding_boxes.txt", "101 4.0", "101 four", "not numbers"),
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


def test_impossible_boxes_are_named_together(cub_root, tmp_path):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    text = (root / "bounding_boxes.txt").read_text()
    for old, new in (
        ("101 4.0 3.0 20.0", "101 4.0 3.0 0.0"),
        ("102 5.0", "102 -5.0"),
        ("103 6.0", "103 nan"),
        ("104 7.0 6.0 20.0 17.0", "104 7.0 6.0 20.0 inf"),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "bounding_boxes.txt").write_text(text)
    data = open_dataset("cub", root)
    with pytest.raises(
        UserError, match=r"4 impossible boxes \(image 101 009.*bird_0.jpg: 4 3 0 17,"
    ):
        data.split("test")


def test_lists_from_windows_and_names_in_any_script(cub_root, tmp_path):
    root = tmp_path / "Vögel" / "CUB"
    shutil.copytree(cub_root, root)
    (root / "images" / "002.Red_Bird").rename(root / "images" / "002.Rotkehlchen_ß_鳥")
    for file in root.glob("*.txt"):
        text = file.read_text().replace("002.Red_Bird", "002.Rotkehlchen_ß_鳥")
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    data, plain = open_dataset("cub", root), open_dataset("cub", cub_root)
    assert data.classes == ("Rotkehlchen ß 鳥", *plain.classes[1:])
    assert [(i.label, i.boxes) for i in data.split("train")] == [
        (i.label, i.boxes) for i in plain.train
    ]
    check_dataset(data)


def test_a_validation_split_of_its_own_is_used_and_training_stays_whole(cub_root):
    plain = open_dataset("cub", cub_root)
    data = dataclasses.replace(plain, val=plain.test[:2], test=plain.test[2:])
    assert data.split("val", 3) == plain.test[:2]
    assert data.split("train", 3) == plain.train
    with pytest.raises(UserError, match="no pictures in its val split"):
        dataclasses.replace(plain, val=()).split("val", 3)


def test_wrong_roots_and_names_are_told(tmp_path, pets_root):
    with pytest.raises(UserError, match="is no folder"):
        open_dataset("cub", tmp_path / "absent")
    with pytest.raises(UserError, match="does not hold CUB"):
        open_dataset("cub", pets_root)
    with pytest.raises(
        UserError,
        match="cub, ilsvrc, ilsvrc_halves, tiny_imagenet, oxford_pets, folder, toy, toy_part",
    ):
        open_dataset("birds", tmp_path)


def test_the_fingerprint_follows_the_data(cub_root):
    data = open_dataset("cub", cub_root)
    assert fingerprint(data.root, data.train) == fingerprint(data.root, data.train)
    assert fingerprint(data.root, data.train) != fingerprint(data.root, data.train[1:])
