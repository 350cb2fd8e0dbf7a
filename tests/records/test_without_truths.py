"""Records without true boxes: everything that can be asked without them has the same answer."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from records_made import record, write_records

from dfm_viz.boxes import SIDE, best_iou, error_type, iop, iou, resize_box, scale_box
from dfm_viz.examples import recorded
from dfm_viz.examples.recorded import RecordedPictures
from dfm_viz.records import HELD_BACK, read_about, read_records
from dfm_viz.records.failures import Flag, Order, Study, Wanted, counts, error_counts, find
from dfm_viz.records.sets import find_sets, read_rows
from dfm_viz.types import UserError
from training.__main__ import main
from training.evaluation.metrics import scores, tally
from training.evaluation.stripped import strip_records

SIZE = (100, 50)
TRUTHS = [(10.0, 5.0, 60.0, 45.0), (0.0, 0.0, 99.0, 49.0), (40.0, 10.0, 90.0, 40.0)]
BOXES = {"cam": [(20, 20, 140, 200), (50, 50, 100, 100), (0, 0, 60, 60)],
         "dfm": [(0, 0, 223, 223), (10, 10, 200, 200), (80, 40, 210, 190)]}  # fmt: skip


def row(number, box, mode):
    truth = TRUTHS[number]
    grid = resize_box(truth, SIZE)
    level = np.linspace(0, iou(box, grid), 256, dtype=np.float32)
    return record(
        number,
        mode,
        truths=[list(truth)],
        picture=f"images/bird/{number}.png",
        box=box,
        box_pixels=scale_box(box, (SIDE, SIDE), SIZE),
        iou=iou(box, grid),
        iop=iop(box, grid),
        error=str(error_type(True, box, [grid])),
        curve_own=level,
        curve_known=level[::-1],
        curve_known_multi=level,
    )


@pytest.fixture
def whole(tmp_path):
    """Records of CAM in one mode and DFM in two, with the true boxes of three pictures."""
    for name, modes in (("cam", ("off",)), ("dfm", ("off", "expected"))):
        rows = [row(n, BOXES[name][n], mode) for n in range(3) for mode in modes]
        write_records(tmp_path / "whole" / f"{name}.parquet", rows)
    return tmp_path / "whole"


@pytest.fixture
def bare(whole, tmp_path):
    strip_records(whole, tmp_path / "bare")
    return tmp_path / "bare"


def study_of(folder):
    (one,), problems = find_sets(folder, "birds")
    assert not problems
    return Study({name: read_rows(one.files[name]) for name in ("cam", "dfm")})


def test_every_filter_count_and_order_answers_as_with_true_boxes(whole, bare):
    before, after = study_of(whole), study_of(bare)
    for flags in ((), *((flag,) for flag in Flag)):
        for order in Order:
            for mode in ("off", "expected"):
                wanted = Wanted("dfm", mode, flags=frozenset(flags), order=order, high=0.9)
                assert find(after, wanted).tolist() == find(before, wanted).tolist()
                assert counts(after, wanted) == counts(before, wanted)
                assert error_counts(after, wanted) == error_counts(before, wanted)
    assert find(before, Wanted("dfm", "off", low=0.5)).size  # not all of it is empty
    assert after.first.objects.tolist() == before.first.objects.tolist() == [1, 1, 1]


def test_nothing_in_the_file_is_a_true_box_or_a_curve(bare):
    for path in bare.glob("*.parquet"):
        there = set(pq.read_schema(path).names)
        assert not there & set(HELD_BACK)
        assert {"iou", "iop", "error", "box", "box_pixels", "misdirected", "objects"} <= there
        _, table = read_records(path)
        for name in table.column_names:
            for said in table[name].to_pylist():
                assert not isinstance(said, list) or tuple(said) not in TRUTHS


def test_the_best_threshold_is_the_evaluation_s_and_ious_are_read_off_there(whole, bare):
    best = scores(tally(whole / "dfm.parquet", "expected"), resamples=2)["oracle"]["threshold"]
    about, table = read_records(bare / "dfm.parquet", mode="expected")
    assert about.best[about.modes.index("expected")] == best
    _, full = read_records(whole / "dfm.parquet", mode="expected")
    for own, curve in zip(
        table["iou_at_best"].to_pylist(), full["curve_own"].to_pylist(), strict=True
    ):
        assert own == pytest.approx(curve[int(255 * best)])


def test_what_needs_the_true_boxes_says_so(bare):
    with pytest.raises(UserError, match="holds no true boxes, so it has no truths, curve_own"):
        tally(bare / "cam.parquet", "off")


@pytest.mark.parametrize("wrong", ["same", "none", "bare", "in the way"])
def test_whole_records_are_never_lost(whole, bare, tmp_path, capsys, wrong):
    (tmp_path / "none").mkdir()
    kept = {path: path.read_bytes() for path in whole.iterdir()}
    source, target, words = {
        "same": (whole, whole, "give another folder"),
        "none": (tmp_path / "none", bare, "There are no records in"),
        "bare": (bare, tmp_path / "new", "has no true boxes already"),
        "in the way": (tmp_path / "again", whole, "holds true boxes"),
    }[wrong]
    if wrong == "in the way":
        write_records(source / "cam.parquet", [row(0, BOXES["cam"][0], "off")])
    assert main(["strip-records", str(source), str(target)]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert {path: path.read_bytes() for path in whole.iterdir()} == kept


def test_the_command_says_what_it_wrote_and_may_run_again(whole, tmp_path, capsys):
    for _ in range(2):
        assert main(["strip-records", str(whole), str(tmp_path / "out")]) == 0
        assert capsys.readouterr().out.count("kB, without true boxes") == 2
    assert not read_about(tmp_path / "out" / "cam.parquet").truths


@pytest.fixture
def data(tmp_path):
    """The pictures, with the lists that CUB-200-2011 has."""
    root = tmp_path / "data" / "CUB_200_2011"
    (root / "images" / "bird").mkdir(parents=True)
    for n in range(3):
        Image.new("RGB", SIZE).save(root / "images" / "bird" / f"{n}.png")
    (root / "images.txt").write_text("".join(f"{n} bird/{n}.png\n" for n in range(3)))
    lines = [f"{n} {x} {y} {a - x} {b - y}\n" for n, (x, y, a, b) in enumerate(TRUTHS)]
    (root / "bounding_boxes.txt").write_text("".join(lines))
    return root


def test_with_the_data_set_true_boxes_are_read_from_its_lists(bare, data):
    rows = study_of(bare).first
    here = RecordedPictures(rows, data.parent)
    assert here.listed
    assert [here.true_boxes(rows, n) for n in range(3)] == [(truth,) for truth in TRUTHS]
    away = RecordedPictures(rows, None)
    assert not away.listed
    assert away.true_boxes(rows, 0) == ()


def test_boxes_that_were_not_evaluated_with_are_not_drawn(bare, data):
    text = (data / "bounding_boxes.txt").read_text().replace("0 10.0 5.0", "0 30.0 5.0")
    (data / "bounding_boxes.txt").write_text(text)
    rows = study_of(bare).first
    here = RecordedPictures(rows, data.parent)
    assert here.true_boxes(rows, 0) == ()
    assert here.true_boxes(rows, 1) == (TRUTHS[1],)


def test_ilsvrc_s_boxes_are_those_of_its_list(bare, tmp_path, data):
    root = tmp_path / "ILSVRC"
    (root / "images" / "bird").mkdir(parents=True)
    for n in range(3):
        Image.new("RGB", SIZE).save(root / "images" / "bird" / f"{n}.png")
    said = [" ".join(map(str, truth)) for truth in TRUTHS]
    lines = [f"0,n01440764 {said[0]} n02087394 1 2 3 4 \n", f"1,n01440764 {said[1]} \n", "2,x\n"]
    (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(lines))
    rows = study_of(bare).first
    here = RecordedPictures(rows, root)
    found = [here.true_boxes(rows, n) for n in range(3)]
    assert found == [(TRUTHS[0],), (TRUTHS[1],), ()]
    assert best_iou((0, 0, 99, 49), found[1]) == 1


def test_photographs_that_ship_are_found_without_a_data_root(whole, data, monkeypatch):
    rows = study_of(whole).first
    assert not RecordedPictures(rows, None).there
    monkeypatch.setattr(recorded, "SHIPPED", (data,))
    shipped = RecordedPictures(rows, None)
    assert shipped.there
    assert shipped.read(rows, 1).width == SIZE[0]
