import shutil

import pytest

from dfm_viz.types import UserError
from training.data import check_dataset, open_dataset

WNIDS = ("n01440764", "n02012849", "n03126707")


def test_classes_pictures_and_several_boxes(ilsvrc_root):
    data = open_dataset("ilsvrc", ilsvrc_root)
    assert data.classes == WNIDS
    assert [i.label for i in data.train] == [0, 0, 1, 1, 2, 2]
    assert not any(i.boxes for i in data.train)
    assert [i.path.stem[-1] for i in data.test] == ["1", "2", "3", "4", "5"]
    assert [i.label for i in data.test] == [1, 2, 0, 1, 2]
    assert [len(i.boxes) for i in data.test] == [1, 2, 3, 3, 3]
    assert data.test[1].boxes == ((4.0, 3.0, 20.0, 30.0), (7.0, 3.0, 23.0, 30.0))
    check_dataset(data)


def test_every_layout_gives_the_same_set(ilsvrc_root, tmp_path):
    plain = open_dataset("ilsvrc", ilsvrc_root)

    def same(root):
        data = open_dataset("ilsvrc", root)
        assert data.classes == plain.classes
        found = sorted((i.path.name, i.label, i.boxes) for i in data.train + data.test)
        assert found == sorted((i.path.name, i.label, i.boxes) for i in plain.train + plain.test)
        check_dataset(data)

    kaggle = tmp_path / "kaggle"
    inner = kaggle / "ILSVRC"
    shutil.copytree(ilsvrc_root / "train", inner / "Data" / "CLS-LOC" / "train")
    shutil.copytree(ilsvrc_root / "val", inner / "Data" / "CLS-LOC" / "val")
    shutil.copytree(ilsvrc_root / "Annotations", inner / "Annotations" / "CLS-LOC")
    same(kaggle)

    sorted_val = tmp_path / "sorted"
    shutil.copytree(ilsvrc_root, sorted_val)
    for item in plain.test:
        home = sorted_val / "val" / WNIDS[item.label]
        home.mkdir(exist_ok=True)
        (sorted_val / "val" / item.path.name).rename(home / item.path.name)
    same(sorted_val)

    # Without any XML the solution file has labels and boxes.
    shutil.rmtree(inner / "Annotations")
    rows = [
        ",".join(
            (
                i.path.stem,
                "".join(f"{WNIDS[i.label]} {' '.join(f'{v:g}' for v in b)} " for b in i.boxes),
            )
        )
        for i in plain.test
    ]
    (kaggle / "LOC_val_solution.csv").write_bytes(
        "\r\n".join(["ImageId,PredictionString", *rows]).encode()
    )
    same(kaggle)


def test_sorted_pictures_without_annotations_have_labels_only(ilsvrc_root):
    for n, path in enumerate(sorted((ilsvrc_root / "val").iterdir())):
        home = ilsvrc_root / "val" / WNIDS[n % 3]
        home.mkdir(exist_ok=True)
        path.rename(home / path.name)
    shutil.rmtree(ilsvrc_root / "Annotations")
    data = open_dataset("ilsvrc", ilsvrc_root)
    assert [i.label for i in data.test] == [0, 0, 1, 1, 2]
    assert not any(i.boxes for i in data.test)


def test_names_from_the_mapping_are_readable_and_differ(ilsvrc_root):
    (ilsvrc_root / "LOC_synset_mapping.txt").write_text(
        "n01440764 tench, Tinca tinca\nn02012849 crane\nn03126707 crane\nn09999999 unused\n"
    )
    assert open_dataset("ilsvrc", ilsvrc_root).classes == (
        "tench",
        "crane (bird)",
        "crane (machine)",
    )


def test_evaluation_needs_no_training_pictures_and_training_no_validation(ilsvrc_root):
    shutil.rmtree(ilsvrc_root / "train")
    data = open_dataset("ilsvrc", ilsvrc_root)
    assert len(data.split("test")) == 5
    with pytest.raises(UserError, match="3 classes have no training picture"):
        check_dataset(data)


def test_training_needs_no_validation_pictures(ilsvrc_root):
    shutil.rmtree(ilsvrc_root / "val")
    data = open_dataset("ilsvrc", ilsvrc_root)
    assert len(data.split("train")) == 6
    check_dataset(data)


def test_what_does_not_fit_is_told_together(ilsvrc_root, write_annotation):
    notes = ilsvrc_root / "Annotations" / "val"
    stem = "ILSVRC2012_val_0000000"
    (notes / f"{stem}1.xml").unlink()
    (notes / f"{stem}2.xml").write_text("<annotation><object>")
    swapped = write_annotation("x", WNIDS[0], [(30, 3, 20, 30)])
    (notes / f"{stem}3.xml").write_text(swapped)
    beyond = write_annotation("x", WNIDS[0], [(3, 3, 20, 30), (3, 3, 60, 30)])
    (notes / f"{stem}4.xml").write_text(beyond)
    empty = ilsvrc_root / "train" / "n04000000"
    empty.mkdir()
    (ilsvrc_root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG").write_text("gone")
    with pytest.raises(UserError) as caught:
        check_dataset(open_dataset("ilsvrc", ilsvrc_root))
    text = str(caught.value)
    assert "2 annotations do not fit" in text
    assert f"{stem}1.JPEG: no XML file and no line has it" in text
    assert f"{stem}2.xml: is no XML" in text
    assert f"1 impossible box (val/{stem}3.JPEG: 30 3 20 30)" in text
    assert f"1 box reaches beyond its picture (val/{stem}4.JPEG: 3 3 60 30 in 48 x 36)" in text
    assert "1 class has no training picture (n04000000)" in text
    assert "1 picture cannot be read (n01440764/n01440764_0.JPEG is a text file" in text


def test_a_folder_that_contradicts_the_annotation_is_told(ilsvrc_root):
    path = next((ilsvrc_root / "val").glob("*1.JPEG"))
    (ilsvrc_root / "val" / WNIDS[0]).mkdir()
    path.rename(ilsvrc_root / "val" / WNIDS[0] / path.name)
    with pytest.raises(UserError, match="its annotation says n02012849"):
        open_dataset("ilsvrc", ilsvrc_root).split("test")


@pytest.mark.parametrize("line", ["n01440764 1 2 3", "bird 1 2 3 4", "n01440764 1 2 3 four", ""])
def test_a_wrong_line_of_the_solution_is_told(ilsvrc_root, line):
    (ilsvrc_root / "LOC_val_solution.csv").write_text(
        f"ImageId,PredictionString\nILSVRC2012_val_00000001,{line}\n"
    )
    with pytest.raises(UserError, match=r"LOC_val_solution\.csv line 2"):
        open_dataset("ilsvrc", ilsvrc_root).split("test")


def test_other_folders_are_refused(tmp_path, cub_root):
    with pytest.raises(UserError, match="does not hold ILSVRC 2012"):
        open_dataset("ilsvrc", cub_root)


def test_halves_choose_on_every_second_labelled_picture(ilsvrc_root):
    whole, halves = (open_dataset(name, ilsvrc_root) for name in ("ilsvrc", "ilsvrc_halves"))
    assert halves.split("val") == (whole.test[1], whole.test[3])
    assert halves.split("test") == (whole.test[0], whole.test[2], whole.test[4])
    assert halves.split("train", 2) == halves.train == whole.train
    assert "5 labelled validation pictures at hand, every second one" in halves.splits
    assert (whole.val, whole.splits) == (None, "")
    check_dataset(halves)
