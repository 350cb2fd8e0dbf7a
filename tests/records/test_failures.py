"""Filters over joined records: every number here is counted by hand."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from records_made import record, write_records

from dfm_viz import toy
from dfm_viz.examples.recorded import RecordedPictures
from dfm_viz.records.failures import Flag, Order, Wanted, counts, error_counts, find, inside, parse
from dfm_viz.records.failures import Study as MadeStudy
from dfm_viz.records.sets import ERRORS, find_sets, read_rows
from dfm_viz.types import UserError

# Picture:    0     1     2     3     4     5
CAM = (0.40, 0.80, 0.50, 0.10, 0.90, 0.49)
ADL_IOP = (0.20, 0.90, 0.49, 0.50, 0.00, 0.80)
DFM = (0.60, 0.30, 0.50, 0.20, 0.95, 0.50)
DFM_IOP = (0.70, 0.40, 0.50, 0.90, 0.90, 0.20)
OFF = (0.10, 0.20, 0.30, 0.40, 0.45, 0.05)
CLASSES = ("heron", "heron", "finch", "finch", "crow", "crow")
THREE = [[0, 0], [0, 1], [1, 1]]
KINDS = ("right", "more", "cls", "part", "right", "oth")


def rows(mode, ious, **columns):
    return [
        record(
            i,
            mode,
            iou=ious[i],
            class_name=CLASSES[i],
            label=("heron", "finch", "crow").index(CLASSES[i]),
            **{name: values[i] for name, values in columns.items()},
        )
        for i in range(6)
    ]


@pytest.fixture
def folder(tmp_path):
    """Records of CAM and ADL, and of DFM in two modes, about six pictures."""
    place = tmp_path / "records"
    write_records(place / "cam.parquet", rows("off", CAM))
    write_records(place / "adl.parquet", rows("off", CAM, iop=ADL_IOP))
    wrong = [kind == "cls" for kind in KINDS]
    said = ["heron" if w else name for w, name in zip(wrong, CLASSES, strict=True)]
    on = rows(
        "expected",
        DFM,
        iop=DFM_IOP,
        error=KINDS,
        correct=[not w for w in wrong],
        predicted_name=said,
        misdirected=(False, True, True, False, False, False),
    )
    both = [r for pair in zip(rows("off", OFF), on, strict=True) for r in pair]
    write_records(place / "dfm.parquet", both)
    return place


def study_of(folder):
    sets, problems = find_sets(folder, "birds")
    assert not problems
    (one,) = sets
    order = ("cam", "adl", "dfm")
    return MadeStudy({n: read_rows(one.files[n]) for n in order if n in one.files})


@pytest.fixture
def study(folder):
    return study_of(folder)


def asked(study, **changed):
    """The numbers of the pictures, in the records' order unless the test is about the order."""
    wanted = Wanted(**{"method": "dfm", "mode": "expected", "order": Order.RECORDS, **changed})
    return find(study, wanted).tolist()


@pytest.mark.parametrize(
    ("changed", "numbers"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"flags": {Flag.FIXES}}, [0, 5]),  # .4 -> .6 and .49 -> .5: found begins at .5
        ({"flags": {Flag.BREAKS}}, [1]),
        ({"flags": {Flag.SPILLS}}, [0, 2, 4]),  # share on the object: .2 | .7, .49 | .5, 0 | .9
        ({"flags": {Flag.WRONG}}, [2]),
        ({"flags": {Flag.OUTSIDE}}, [1, 2]),
        ({"flags": {Flag.SPILLS, Flag.OUTSIDE}}, [2]),
        ({"errors": {"more", "part"}}, [1, 3]),
        ({"label": "crow"}, [4, 5]),
        ({"low": 0.3, "high": 0.5}, [1, 2, 5]),  # both ends belong to it
        ({"label": "crow", "flags": {Flag.FIXES}}, [5]),
        ({"label": "heron", "errors": {"oth"}}, []),
        ({"mode": "off", "low": 0.4}, [3, 4]),
        ({"mode": "off", "flags": {Flag.FIXES}}, []),
        ({"mode": "off", "flags": {Flag.BREAKS}}, [1, 2, 4]),
        ({"method": "cam", "low": 0.5}, [1, 2, 4]),  # has one mode, whichever is asked for
        ({"method": "cam", "flags": {Flag.FIXES}}, [0, 5]),
        ({"order": Order.WORST}, [3, 1, 2, 5, 0, 4]),
        ({"order": Order.BEST}, [4, 0, 2, 5, 1, 3]),
        # DFM - CAM: .2, -.5, 0, .1, .05, .01
        ({"order": Order.LOST}, [1, 2, 5, 4, 3, 0]),
    ],
)
def test_filters(study, changed, numbers):
    for name in ("errors", "flags"):
        if name in changed:
            changed = {**changed, name: frozenset(changed[name])}
    assert asked(study, **changed) == numbers


def test_counts_are_those_of_the_choice_that_would_be_made(study):
    wanted = Wanted("dfm", "expected", errors=frozenset({"right"}), label="crow")
    found = counts(study, wanted)
    assert found["errors"] == {"cls": 0, "right": 1, "m_ins": 0, "part": 0, "more": 0, "oth": 1}
    assert found["classes"] == {"heron": 1, "finch": 0, "crow": 1}
    assert found["flags"] == {"fixes": 0, "breaks": 0, "spills": 1, "wrong": 0, "outside": 0}
    assert found["methods"] == {"cam": 2, "adl": 2, "dfm": 1}
    assert found["modes"] == {"off": 2, "expected": 1}
    for name, number in found["methods"].items():
        assert len(asked(study, method=name, errors=wanted.errors, label="crow")) == number


def test_error_types_of_every_method_on_the_same_pictures(study):
    wanted = Wanted("dfm", "expected", errors=frozenset({"cls"}), label="finch")
    found = error_counts(study, wanted)
    assert dict(zip(ERRORS, found["dfm"], strict=True)) == {
        **dict.fromkeys(ERRORS, 0),
        **{"cls": 1, "part": 1},
    }
    assert found["cam"][ERRORS.index("right")] == 2


def test_an_outline_keeps_what_lies_in_it(study):
    # x: IoU of CAM, y: of DFM. The triangle holds (.8, .3) and (.9, .95) is beyond it.
    triangle = [[0.6, 0.0], [1.0, 0.0], [1.0, 0.8]]
    values = {"lasso": {"x": "cam/off", "y": "dfm/expected", "corners": triangle}}
    wanted, ignored = parse(values, study)
    assert ignored == []
    assert find(study, wanted).tolist() == [1]
    assert counts(study, wanted)["flags"]["breaks"] == 1


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=12),
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=20),
)
def test_inside_agrees_with_a_slow_count_of_crossings(corners, points):
    def slow(px, py):
        crossings = 0
        for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (y0 > py) != (y1 > py) and px < (x1 - x0) * (py - y0) / (y1 - y0) + x0:
                crossings += 1
        return crossings % 2 == 1

    x, y = np.array(points).T
    assert inside(x, y, corners).tolist() == [slow(px, py) for px, py in points]


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        ({"method": "abn"}, ["method"]),
        ({"method": ["dfm"]}, ["method"]),
        ({"mode": "sideways"}, ["mode"]),
        ({"errors": "cls"}, ["errors"]),
        ({"errors": ["cls", "none"]}, ["errors"]),
        ({"class": "eagle"}, ["class"]),
        ({"iou": [0.1]}, ["iou"]),
        ({"iou": [float("nan"), 1]}, ["iou"]),
        ({"iou": [True, 1]}, ["iou"]),
        ({"flags": ["fixes", {}]}, ["flags"]),
        (
            {"lasso": {"x": "cam/off", "y": "cam/on", "corners": [[0, 0], [0, 1], [1, 1]]}},
            ["lasso"],
        ),
        ({"lasso": {"x": "cam/off", "y": "cam/off", "corners": [[0, 0], [0, 1]]}}, ["lasso"]),
        ({"lasso": {"x": "cam/off", "y": "cam/off", "corners": [[0, 0]] * 401}}, ["lasso"]),
        ({"lasso": 3}, ["lasso"]),
        ({"order": "up"}, ["order"]),
        ({"method": 3, "class": 4}, ["method", "class"]),
        ({"class": None, "unknown": 1}, []),
    ],
)
def test_nonsense_is_left_out_and_said(study, values, left_out):
    wanted, ignored = parse(values, study)
    assert sorted(ignored) == sorted(left_out)
    assert wanted == Wanted("dfm", "expected")


def test_a_range_is_clamped_and_put_in_order(study):
    wanted, ignored = parse({"iou": [2, 0.25]}, study)
    assert (wanted.low, wanted.high, ignored) == (0.25, 1.0, [])


def test_a_flag_without_its_records_cannot_be_asked(folder):
    (folder / "adl.parquet").unlink()
    study = study_of(folder)
    assert [str(f) for f in Flag if not study.can(f)] == ["spills"]
    assert parse({"flags": ["spills"]}, study)[1] == ["flags"]
    assert counts(study, Wanted("dfm", "expected"))["flags"]["spills"] == 0


def test_a_second_checkpoint_of_dfm_stands_for_dfm_when_it_is_listed(folder):
    write_records(folder / "dfm_add.parquet", rows("off", (1.0,) * 6), method="dfm")
    sets, _ = find_sets(folder, "birds")
    study = MadeStudy({n: read_rows(f) for n, f in sets[0].files.items()})
    fixes = frozenset({Flag.FIXES})
    assert asked(study, flags=fixes) == [0, 5]
    assert asked(study, method="dfm_add", flags=fixes) == [0, 3, 5]


def test_rows_hold_what_the_file_says(folder):
    sets, _ = find_sets(folder, "birds")
    found = read_rows(sets[0].files["dfm"])
    assert found.pictures[3] == "images/0003.png"
    assert [found.classes[i] for i in found.label] == list(CLASSES)
    assert found.modes["expected"].said.tolist()[2] == "heron"
    assert found.true_boxes(5) == ((0.0, 0.0, 50.0, 25.0),)
    assert found.modes["off"].peak[0].tolist() == [10, 20]


def test_several_true_boxes_and_flat_maps(tmp_path):
    two = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]
    made = [record(0), record(1, truths=two, peak=None), record(2)]
    write_records(tmp_path / "cam.parquet", made)
    found = read_rows(find_sets(tmp_path, "x")[0][0].files["cam"])
    assert found.true_boxes(1) == ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))
    assert found.true_boxes(2) == ((0.0, 0.0, 50.0, 25.0),)
    assert np.isnan(found.modes["off"].peak).all(axis=1).tolist() == [False, True, False]


def test_records_about_other_data_form_a_set_of_their_own(folder):
    write_records(folder / "has.parquet", rows("off", CAM), data="e" * 64)
    write_records(folder / "abn.parquet", rows("off", CAM), split="val")
    sets, problems = find_sets(folder, "birds")
    assert not problems
    assert [sorted(s.files) for s in sets] == [["adl", "cam", "dfm"], ["abn"], ["has"]]
    assert len({s.id for s in sets}) == 3
    assert find_sets(folder, "birds")[0][0].id == sets[0].id


def test_files_that_cannot_be_used_get_one_sentence_each_and_the_rest_works(folder, tmp_path):
    (folder / "torn.parquet").write_bytes((folder / "cam.parquet").read_bytes()[:-40])
    (folder / "text.parquet").write_text("hello")
    pq.write_table(pq.read_table(folder / "cam.parquet").select(["iou"]), folder / "few.parquet")
    write_records(folder / "old.parquet", rows("off", CAM), format=0)
    write_records(folder / "half.parquet", rows("off", CAM), pictures=12)
    sets, problems = find_sets(folder, "birds")
    assert sorted(sets[0].files) == ["adl", "cam", "dfm"]
    assert len(problems) == 5
    for name, problem in zip(("few", "half", "old", "text", "torn"), problems, strict=True):
        assert f"birds/{name}.parquet" in problem
        assert str(tmp_path) not in problem
        assert "\n" not in problem
        assert "evaluate" in problem


@pytest.mark.parametrize(
    "strange",
    [
        [record(0), record(2)],
        [record(0), record(1, error="none")],
        [record(0), record(1, iou=None)],
        [record(0), record(1, class_name=None)],
    ],
)
def test_rows_that_no_evaluation_writes_are_refused(tmp_path, strange):
    write_records(tmp_path / "cam.parquet", strange)
    (one,), _ = find_sets(tmp_path, "x")
    with pytest.raises(UserError, match="hold rows that no evaluation writes"):
        read_rows(one.files["cam"])


def test_no_folder_has_no_records(tmp_path):
    assert find_sets(tmp_path / "none", "x") == ([], [])


# --- pictures -----------------------------------------------------------------------------------


def read_one(tmp_path, **said):
    write_records(tmp_path / "records" / "cam.parquet", [record(0, **said)])
    return read_rows(find_sets(tmp_path / "records", "x")[0][0].files["cam"])


def save(path, size=(100, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (9, 99, 199)).save(path)


@pytest.mark.parametrize("below", ["", "birds"])
def test_pictures_come_from_the_data_root_or_one_folder_below(tmp_path, below):
    found = read_one(tmp_path)
    save(tmp_path / "data" / below / "images" / "0000.png")
    source = RecordedPictures(found, tmp_path / "data")
    assert source.there
    assert source.read(found, 0).rgb[0, 0].tolist() == [9, 99, 199]


def test_without_the_data_root_there_are_no_pictures(tmp_path):
    found = read_one(tmp_path)
    for root in (None, tmp_path / "none", tmp_path):
        source = RecordedPictures(found, root)
        assert not source.there
        with pytest.raises(UserError, match="--data-root"):
            source.read(found, 0)


@pytest.mark.parametrize("name", ["../secret.png", "{root}/secret.png", "images/link.png", "."])
def test_nothing_outside_the_data_root_is_read(tmp_path, name):
    save(tmp_path / "secret.png")
    save(tmp_path / "data" / "images" / "other.png")
    (tmp_path / "data" / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    found = read_one(tmp_path, picture=name.format(root=tmp_path))
    source = RecordedPictures(found, tmp_path / "data")
    assert not source.there
    source.home = tmp_path / "data"
    with pytest.raises(UserError, match="is not in the data root"):
        source.read(found, 0)


def test_a_picture_of_another_size_is_not_the_one_evaluated(tmp_path):
    found = read_one(tmp_path)
    save(tmp_path / "data" / "images" / "0000.png", (50, 100))
    with pytest.raises(UserError, match=r"50 x 100 px here.*100 x 50"):
        RecordedPictures(found, tmp_path / "data").read(found, 0)


def test_toy_scenes_are_drawn_when_they_are_exactly_those(tmp_path):
    scene = toy.split_scene("test", 2, 7, size=64)
    name = toy.scene_file("test", 2, 7)
    assert name == "test/dotted/0007.png"
    size = {"width": 64, "height": 64}
    found = read_one(tmp_path, picture=name, truths=[list(map(float, scene.box))], **size)
    source = RecordedPictures(found, None)
    assert source.drawn
    assert (source.read(found, 0).rgb == scene.rgb).all()
    other = [[*map(float, scene.box[:3]), scene.box[3] + 1.0]]
    found = read_one(tmp_path, picture=name, truths=other, **size)
    assert not RecordedPictures(found, None).there


def test_scenes_are_those_the_training_data_has():
    """The seeds behind the file names of the data set; changing them would change its pictures."""
    first = toy.scene(2_000_000 + 3 * 4 + 1, size=64, label=1)
    assert (toy.scene_of_file("test/chequered/0003.png", size=64).rgb == first.rgb).all()
    for name in ("test/dotted/1.png", "none/dotted/0001.png", "test/none/0001.png", "a.png"):
        assert toy.scene_of_file(name, size=64) is None
