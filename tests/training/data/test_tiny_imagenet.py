import shutil

import pytest

from dfm_viz.types import UserError
from training.data import check_dataset, open_dataset

TENCH, BIRD, MACHINE = "n01440764", "n02012849", "n03126707"


def test_classes_follow_wnids_and_val_is_the_test(tiny_root):
    data = open_dataset("tiny_imagenet", tiny_root.parent)
    # n09999999 is listed but has no picture in this part.
    assert data.classes == ("crane (machine)", "tench", "crane (bird)")
    assert [i.label for i in data.train] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.train[4].path.name == f"{TENCH}_1.JPEG"
    assert data.train[4].boxes == ((1.0, 2.0, 41.0, 60.0),)
    assert [(i.path.name, i.label) for i in data.test] == [
        ("val_0.JPEG", 1),
        ("val_1.JPEG", 2),
        ("val_2.JPEG", 0),
    ]
    assert data.test[2].boxes == ((5.0, 6.0, 52.0, 63.0),)
    assert data.val is None
    assert len(data.split("val", 3)) == 3
    check_dataset(data)


def test_lists_from_windows_and_without_words(tiny_root):
    plain = open_dataset("tiny_imagenet", tiny_root)
    (tiny_root / "words.txt").unlink()
    for file in (tiny_root / "val" / "val_annotations.txt", tiny_root / "wnids.txt"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    data = open_dataset("tiny_imagenet", tiny_root)
    assert data.classes == (MACHINE, TENCH, BIRD)
    assert data.test == plain.test


def test_only_the_split_that_is_used_need_be_there(tiny_root):
    shutil.rmtree(tiny_root / "val")
    assert len(open_dataset("tiny_imagenet", tiny_root).split("train")) == 9


def test_pictures_and_lines_that_do_not_match_are_told_together(tiny_root):
    images = tiny_root / "train" / BIRD / "images"
    (images / f"{BIRD}_0.JPEG").unlink()
    shutil.copy(images / f"{BIRD}_1.JPEG", images / f"{BIRD}_7.JPEG")
    (tiny_root / "val" / "images" / "val_1.JPEG").unlink()
    with pytest.raises(UserError) as caught:
        check_dataset(open_dataset("tiny_imagenet", tiny_root))
    text = str(caught.value)
    assert f"2 files are missing (images/{BIRD}_0.JPEG, images/val_1.JPEG)" in text
    assert f"1 annotation does not fit ({BIRD}_boxes.txt has no line for {BIRD}_7.JPEG)" in text


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("val/val_annotations.txt", "\t5\t", "\tfive\t", "not a picture and x0 y0 x1 y1"),
        ("val/val_annotations.txt", "\t63\n", "\n", "not"),
        ("val/val_annotations.txt", TENCH, "n07777777", "wnids.txt lacks n07777777"),
        (f"train/{BIRD}/{BIRD}_boxes.txt", "\t60\n", "\t60\t1\n", "not 5 values"),
        (f"train/{BIRD}/{BIRD}_boxes.txt", f"{BIRD}_0.JPEG\t", "", "not"),
    ],
)
def test_a_wrong_line_is_named(tiny_root, file, old, new, told):
    path = tiny_root / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=told):
        open_dataset("tiny_imagenet", tiny_root)


def test_a_missing_box_file_is_named(tiny_root):
    (tiny_root / "train" / BIRD / f"{BIRD}_boxes.txt").unlink()
    with pytest.raises(UserError, match=f"{BIRD}/{BIRD}_boxes.txt is missing"):
        open_dataset("tiny_imagenet", tiny_root)
