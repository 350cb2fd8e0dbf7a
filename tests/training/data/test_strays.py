"""What counts as a picture, and what a data folder probably meant to be."""

import os
import shutil

import pytest

from dfm_viz.layouts import SYSTEM, files_in, folders_in
from dfm_viz.types import UserError
from training.data import check_dataset, open_dataset
from training.loop import fit


def litter(folder, picture):
    """Everything that systems leave in a folder, copies of a picture included."""
    for name in (*SYSTEM, ".git", ".ipynb_checkpoints", ".Trash-1000", "THUMBS.DB"):
        if name.lower().endswith((".db", ".ini")) or name == "Icon\r":
            (folder / name).write_bytes(b"x")
        else:
            (folder / name / "below").mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, folder / name / f"{picture.stem}-checkpoint{picture.suffix}")
            (folder / name / "below" / "HEAD").write_text("ref: refs/heads/main")
    for name in (".DS_Store", f"._{picture.name}"):
        (folder / name).write_bytes(b"x")


def test_hidden_and_system_things_are_no_pictures_and_no_classes(own_root):
    plain = open_dataset("folder", own_root)
    for item in (*plain.train, *plain.test):
        if not (item.path.parent / ".git").exists():
            litter(item.path.parent, item.path)
    for folder in (own_root / "train", own_root / "test", own_root, own_root.parent):
        litter(folder, plain.train[0].path)
    shutil.copytree(own_root / "train", own_root.parent / "__MACOSX" / "meine Daten" / "train")
    data = open_dataset("folder", own_root.parent)
    assert data == plain
    assert data.split("val", 3) == plain.split("val", 3)
    check_dataset(data)


def test_likewise_in_the_other_layouts(tiny_root, ilsvrc_root):
    for name, root in (("tiny_imagenet", tiny_root), ("ilsvrc", ilsvrc_root)):
        plain = open_dataset(name, root)
        for item in (*plain.train, *plain.test):
            if not (item.path.parent / ".git").exists():
                litter(item.path.parent, item.path)
        assert open_dataset(name, root) == plain


def test_files_below_are_sorted_and_links_to_folders_are_not_entered(tmp_path):
    for name in ("b/2.png", "a/1.png", ".x/0.png", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert files_in(tmp_path) == [tmp_path / "c.png"]
    deep = [tmp_path / name for name in ("a/1.png", "b/2.png", "c.png")]
    assert files_in(tmp_path, deep=True) == deep
    assert folders_in(tmp_path) == [tmp_path / name for name in ("a", "b", "loop")]
    assert files_in(tmp_path / "none") == folders_in(tmp_path / "none") == []


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    (tmp_path / "cat" / "locked").mkdir(parents=True)
    scandir = os.scandir

    def locked(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(UserError, match=r"cat cannot be read \(Permission denied\)"):
        files_in(tmp_path / "cat", deep=True)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("valid", "val"), ("validation", "val"), ("Val", "val"), ("testing", "test"), ("Dev", "val")],
)
def test_a_split_by_another_name_is_told(own_root, name, meant):
    shutil.copytree(own_root / "train", own_root / name)
    if meant == "test":
        shutil.rmtree(own_root / "test")
    with pytest.raises(
        UserError, match=rf"folder {name}/, which is not read.*rename it to {meant}"
    ):
        open_dataset("folder", own_root)


def test_training_pictures_by_another_name_are_told(own_root):
    (own_root / "train").rename(own_root / "Training")
    (own_root / "test").rename(own_root / "Tests")
    with pytest.raises(UserError, match=r"folder Tests/.*rename it to test/"):
        open_dataset("folder", own_root)


@pytest.mark.parametrize(
    "name", ["Boxes.csv", "boxes.csv.txt", "BOXES.CSV", "box.csv", "bboxes.csv", "boxes.xlsx"]
)
def test_boxes_by_another_name_are_told(own_root, name):
    (own_root / "boxes.csv").rename(own_root / name)
    with pytest.raises(UserError, match=rf"file {name}, which is not read.*make it boxes\.csv"):
        open_dataset("folder", own_root)


def test_other_files_beside_the_splits_are_nobodys_business(own_root):
    plain = open_dataset("folder", own_root)
    for name in ("README.md", "boxing.txt", "old boxes.csv"):
        (own_root / name).write_text("x")
    assert open_dataset("folder", own_root) == plain


def rewrite(root, change):
    head, *lines = (root / "boxes.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit(",", 4) for line in lines]
    made = [",".join([name, *map(str, change(*map(float, box)))]) for name, *box in rows]
    (root / "boxes.csv").write_text("\n".join([head, *made]), encoding="utf-8")


def test_boxes_from_0_to_1_are_told(own_root):
    rewrite(own_root, lambda x0, y0, x1, y1: (x0 / 48, y0 / 36, x1 / 48, y1 / 36))
    with pytest.raises(UserError, match=r"from 0 to 1.*multiply x by the picture's width"):
        open_dataset("folder", own_root)


def test_width_and_height_instead_of_corners_are_told(own_root):
    rewrite(own_root, lambda x0, y0, x1, y1: (x0 + 20, y0 + 20, 5, 5))
    with pytest.raises(UserError, match=r"(\d) of \1 boxes that end before.*x1 = x \+ width"):
        open_dataset("folder", own_root)
    (own_root / "boxes.csv").write_text("path,x,y,w,h\n")
    with pytest.raises(UserError, match=r"begins with 'path,x,y,w,h'.*x1 = x \+ width"):
        open_dataset("folder", own_root)


def test_one_class_is_told_before_training(own_root, quick, tmp_path):
    for split in ("train", "test"):
        for folder in folders_in(own_root / split)[1:]:
            (own_root / split / "Möwe" / folder.name).mkdir()
            for path in files_in(folder):
                path.rename(own_root / split / "Möwe" / folder.name / path.name)
            folder.rmdir()
    (own_root / "boxes.csv").unlink()
    told = r"one class only \(Möwe\).*folders heron \(grey\), 鳥 may be meant: move them up"
    with pytest.raises(UserError, match=told):
        fit(quick(), open_dataset("folder", own_root), tmp_path / "x")
    assert not (tmp_path / "x.run").exists()


def test_a_validation_split_that_would_be_empty_is_told(own_root):
    data = open_dataset("folder", own_root)
    assert len(data.split("val", 3)) == 3
    with pytest.raises(UserError, match=r"no class has more than 3; set .* to 3 or less"):
        data.split("val", 4)
    with pytest.raises(UserError, match="hold_out_every = 0 holds out none; set"):
        data.split("val")
