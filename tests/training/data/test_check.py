"""The check before training: what must be found, and what must not be complained about."""

import dataclasses
import shutil

import pytest
from PIL import Image

from dfm_viz.types import UserError
from training.data import check, check_dataset, open_dataset
from training.data.base import Problem, complain


@pytest.fixture
def copy(cub_root, tmp_path):
    root = tmp_path / "CUB"
    shutil.copytree(cub_root, root)
    return root


def test_good_data_pass_both_ways(cub_root, pets_root):
    for name, root in (("cub", cub_root), ("oxford_pets", pets_root)):
        for decode in (None, True, False):
            check_dataset(open_dataset(name, root), decode=decode)


def test_all_names_are_counted_and_five_are_shown(copy):
    gone = sorted((copy / "images" / "002.Red_Bird").iterdir())[:7]
    for path in gone:
        path.unlink()
    names = ", ".join(f"002.Red_Bird/{p.name}" for p in gone[:5])
    told = f"7 files are missing ({names} and 2 more)"
    with pytest.raises(UserError) as caught:
        check_dataset(open_dataset("cub", copy))
    assert told in str(caught.value)


def test_a_cut_off_picture_is_found_by_decoding_only(copy):
    path = copy / "images" / "002.Red_Bird" / "bird_1.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    data = open_dataset("cub", copy)
    check_dataset(data, decode=False)
    told = r"1 picture cannot be read \(002.Red_Bird/bird_1.jpg is a JPEG that is cut off"
    with pytest.raises(UserError, match=told):
        check_dataset(data)


def test_headers_alone_tell_what_is_no_picture(copy):
    home = copy / "images" / "002.Red_Bird"
    (home / "bird_0.jpg").write_bytes(b"")
    (home / "bird_1.jpg").write_text("<html></html>")
    (home / "bird_2.jpg").unlink()
    (home / "bird_2.jpg").mkdir()
    with pytest.raises(UserError) as caught:
        check_dataset(open_dataset("cub", copy), decode=False)
    text = str(caught.value)
    assert "1 file is missing (002.Red_Bird/bird_2.jpg)" in text
    assert "2 pictures cannot be read (002.Red_Bird/bird_0.jpg is empty" in text
    assert "002.Red_Bird/bird_1.jpg is a web page, not a picture" in text


def test_large_sets_are_not_decoded_unless_asked(copy, monkeypatch):
    read = []
    monkeypatch.setattr(check, "DECODE_UP_TO", 10)
    original = check.read_picture
    monkeypatch.setattr(check, "read_picture", lambda path: read.append(path) or original(path))
    data = open_dataset("cub", copy)
    check_dataset(data)
    assert not read
    check_dataset(data, decode=True)
    assert sorted(read) == sorted(i.path for i in data.train + data.test)


@pytest.mark.parametrize("decode", [True, False])
def test_boxes_belong_to_the_upright_picture(copy, decode):
    path = copy / "images" / "002.Red_Bird" / "bird_0.jpg"
    picture = Image.open(path)
    data = open_dataset("cub", copy)
    index = [i.path for i in data.train].index(path)

    def with_box(box):
        item = dataclasses.replace(data.train[index], boxes=(box,))
        train = (*data.train[:index], item, *data.train[index + 1 :])
        return dataclasses.replace(data, train=train)

    check_dataset(with_box((0, 0, 48, 36)), decode=decode)  # one pixel beyond the last one
    with pytest.raises(UserError, match=r"0 0 48 36\.5 in 48 x 36"):
        check_dataset(with_box((0, 0, 48, 36.5)), decode=decode)
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.save(path, exif=turned)
    check_dataset(with_box((0, 0, 36, 48)), decode=decode)
    with pytest.raises(UserError, match="0 0 48 36 in 36 x 48"):
        check_dataset(with_box((0, 0, 48, 36)), decode=decode)


def test_pictures_in_two_splits_are_found(cub_root, copy):
    data = open_dataset("cub", cub_root)
    leaked = dataclasses.replace(data, test=(*data.test, data.train[0]))
    with pytest.raises(UserError, match=r"1 picture is in more than one split \(009.*bird_0.jpg\)"):
        check_dataset(leaked)
    # The same name in another class is another picture, and so is a copy within a split.
    check_dataset(data)
    check_dataset(dataclasses.replace(data, train=(*data.train, data.train[0])))
    # A copy that kept its name is the same picture, wherever it lies.
    other = copy / "images" / "005.Blue_throated_Bird" / "bird_0.jpg"
    shutil.copy(copy / "images" / "009.Green_Bird" / "bird_0.jpg", other)
    moved = open_dataset("cub", copy)
    train = tuple(i for i in moved.train if i.path != other)
    (leak,) = set(moved.train) - set(train)
    told = r"\(009.Green_Bird/bird_0.jpg = 005.Blue_throated_Bird/bird_0.jpg\)"
    with pytest.raises(UserError, match=told):
        check_dataset(dataclasses.replace(moved, train=train, test=(*moved.test, leak)))


def test_classes_without_training_pictures_are_named(cub_root):
    data = open_dataset("cub", cub_root)
    one = tuple(i for i in data.train if i.label)
    with pytest.raises(UserError, match=r"1 class has no training picture \(Red Bird\)"):
        check_dataset(dataclasses.replace(data, train=one))
    # A class that is trained but not tested is fine.
    check_dataset(dataclasses.replace(data, test=data.test[:2]))


def test_nothing_found_is_nothing_said():
    complain("x", [])
    with pytest.raises(UserError, match=r"x cannot be used as it is: 1 impossible box \(a\)\."):
        complain("x", [(Problem.BOX, "a"), (Problem.BOX, "a")])
