import csv
import shutil
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.types import UserError
from training.data import check_dataset, open_dataset
from training.data.base import Problem
from training.data.folder import COLUMNS, read_boxes


def test_class_folders_and_boxes(own_root):
    data = open_dataset("folder", own_root)
    assert data.classes == ("Möwe", "heron (grey)", "鳥")
    assert [i.label for i in data.train] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [i.boxes for i in data.test] == [
        ((4.0, 3.0, 23.0, 19.0), (30.5, 3.0, 40.0, 19.0)),
        ((4.0, 3.0, 48.0, 36.0),),
        (),
    ]
    assert data.train[7].boxes == ((0.0, 0.0, 47.0, 35.0),)
    assert data.val is None
    check_dataset(data)
    assert open_dataset("folder", own_root.parent) == data


def test_a_csv_from_windows_with_accents_as_a_mac_writes_them(own_root):
    plain = open_dataset("folder", own_root)
    path = own_root / "boxes.csv"
    text = unicodedata.normalize("NFD", path.read_text(encoding="utf-8"))
    assert text != path.read_text(encoding="utf-8")
    text = text.replace("test/Mo", ".\\test\\Mo")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n,,,,\r\n")
    assert open_dataset("folder", own_root) == plain


def test_a_val_folder_is_the_validation_split(own_root):
    shutil.copytree(own_root / "train", own_root / "val")
    for path in list((own_root / "val").rglob("*.png")):
        path.rename(path.with_name(f"v{path.name}"))
    data = open_dataset("folder", own_root)
    assert len(data.split("val")) == 9
    assert len(data.split("train", 3)) == 9


def test_without_boxes_and_with_sub_folders_and_notes_of_file_managers(own_root):
    (own_root / "boxes.csv").unlink()
    home = own_root / "train" / "Möwe"
    (home / "more").mkdir()
    shutil.copy(home / "train 0.png", home / "more" / "other.png")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (home / name).write_text("x")
    (own_root / "train" / ".cache").mkdir()
    data = open_dataset("folder", own_root)
    assert [i.path.name for i in data.train[:4]] == [
        "other.png",
        "train 0.png",
        "train 1.png",
        "train 2.png",
    ]
    assert not any(i.boxes for i in data.test)
    check_dataset(data)


def test_everything_wrong_is_told_in_one_sentence(own_root):
    with (own_root / "boxes.csv").open("a", encoding="utf-8") as file:
        file.write("train/鳥/train 9.png,1,2,3,4\n")
        file.write("train/鳥/train 0.png,1,2,three,4\n")
        file.write("train/鳥/train 0.png,1,2,3\n")
        file.write("train/鳥/train 0.png,30,2,3,4\n")
        file.write("train/Möwe/train 1.png,1,2,3,nan\n")
        file.write("train/Möwe/train 1.png,1,2,50,30\n")
    (own_root / "test" / "heron").mkdir()
    shutil.copy(own_root / "train" / "鳥" / "train 0.png", own_root / "test" / "heron")
    (own_root / "train" / "Möwe" / "train 0.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    (own_root / "train" / "Möwe" / "list.txt").write_text("notes")
    (own_root / "test" / "stray.png").write_text("x")
    with pytest.raises(UserError) as caught:
        check_dataset(open_dataset("folder", own_root))
    text = str(caught.value)
    for told in (
        "The data set meine Daten cannot be used as it is: ",
        "1 file is missing (train/鳥/train 9.png, named by boxes.csv)",
        "2 pictures cannot be read (Möwe/list.txt is a text file, not a picture, Möwe/train 0.png",
        "3 annotations do not fit (boxes.csv line 7, boxes.csv line 8, test/stray.png lies in no",
        "2 impossible boxes (Möwe/train 1.png: 1 2 3 nan, 鳥/train 0.png: 30 2 3 4)",
        "1 box reaches beyond its picture (Möwe/train 1.png: 1 2 50 30 in 48 x 36)",
        "1 class has no training picture (heron)",
        "1 picture is in more than one split (鳥/train 0.png = heron/train 0.png)",
        "start again.",
    ):
        assert told in text
    assert "\n" not in text


@pytest.mark.parametrize("header", ["", "image,x0,y0,x1,y1", "path;x0;y0;x1;y1", "path,x0,y0,x1"])
def test_the_header_is_wanted(own_root, header):
    (own_root / "boxes.csv").write_text(header + "\n")
    with pytest.raises(UserError, match=r"its first line must be 'path,x0,y0,x1,y1'"):
        open_dataset("folder", own_root)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b'path,x0,y0,x1,y1\n"a', "päth".encode("latin-1")]
)
def test_a_file_that_is_no_csv(own_root, data):
    (own_root / "boxes.csv").write_bytes(data)
    with pytest.raises(UserError, match=r"boxes\.csv cannot be read"):
        open_dataset("folder", own_root)


def test_a_folder_without_classes_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(UserError, match=r"does not hold class folders in train/ or test/"):
        open_dataset("folder", tmp_path)


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\\"), min_size=1
).filter(lambda s: s == s.strip() and not s.startswith("./"))
BOX = st.tuples(*[st.floats(allow_nan=False, width=32)] * 4)


@given(st.lists(st.tuples(NAMES, BOX)), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_boxes_are_read_as_written(tmp_path_factory, rows, ending, mark):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=ending)
        writer.writerow(COLUMNS)
        writer.writerows([name, *box] for name, box in rows)
    problems = []
    expected = {}
    for name, box in rows:
        expected.setdefault(unicodedata.normalize("NFC", name), []).append(box)
    assert read_boxes(path, problems) == expected
    assert not problems


@given(st.text(max_size=200))
def test_any_text_is_read_or_told(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "wild.csv"
    path.write_bytes(f"{','.join(COLUMNS)}\n{text}".encode(errors="replace"))
    problems = []
    # What is no CSV at all (a quote that is never closed) is a UserError and nothing else.
    with suppress(UserError):
        found = read_boxes(path, problems)
        assert all(len(box) == 4 for boxes in found.values() for box in boxes)
        assert {kind for kind, _ in problems} <= {Problem.ANNOTATION}
