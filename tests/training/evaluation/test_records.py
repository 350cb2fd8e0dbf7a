"""Records: what a row says, and that nothing wrong is ever taken for one."""

import dataclasses

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dfm_viz.boxes import iog, iop, iou
from dfm_viz.localization import box_from_map, unit_map
from dfm_viz.records import (
    COLUMNS,
    SCHEMA,
    About,
    Record,
    iterate_records,
    read_about,
    read_records,
    to_table,
)
from dfm_viz.types import UserError
from training.evaluation.judge import (
    Answer,
    Case,
    Preprocessing,
    energy_inside,
    judge,
    peak_of,
    read,
)
from training.evaluation.metrics import count_bits
from training.evaluation.storage import Store

ABOUT = About("a" * 64, "toy_toy/cam", "cam", "toy", "b" * 64, "test", 3, ("off",), 1)
CLASSES = ("red", "blue")


def blob(x, y, width=2.0, shape=(14, 14)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / width**2).astype(np.float32)


def rows(*maps, truths=((10.0, 20.0, 60.0, 80.0),), size=(120, 90), label=0, predicted=0):
    found = []
    for n, raw in enumerate(maps):
        case = Case(n, None, f"images/{n}.jpg", label, truths)
        answer = Answer("off", predicted, 0.75, raw, raw[::-1])
        found += judge(case, size, [answer], CLASSES, keep_maps=True)
    return found


class TestOneRow:
    def test_by_hand(self):
        (row,) = rows(blob(4, 7, 3.5))
        box = box_from_map(blob(4, 7, 3.5), 0.2)
        truth = (18, 49, 112, 199)  # 10 * 224 / 120 = 18.67, 20 * 224 / 90 = 49.8, ...
        assert row.box == box == row.known_box
        assert row.box_pixels == pytest.approx(
            [v * s / 224 for v, s in zip(box, (120, 90) * 2, strict=True)]
        )
        assert row.iou == row.known_iou == iou(box, truth)
        assert (row.iog, row.iop) == (iog(box, truth), iop(box, truth))
        assert (row.class_name, row.predicted_name, row.correct) == ("red", "red", True)
        assert row.error == "right"
        assert row.truths == [[10, 20, 60, 80]]
        x, y = row.peak
        assert abs(x - 4.5 * 16) <= 1
        assert abs(y - 7.5 * 16) <= 1
        assert not row.misdirected
        assert row.curve_own[51] == np.float32(row.iou)
        assert np.array_equal(row.curve_own, row.curve_known)
        assert row.known_map is None

    def test_a_wrong_class_has_two_maps(self):
        (row,) = rows(blob(4, 5), predicted=1)
        assert (row.correct, row.error, row.predicted_name) == (False, "cls", "blue")
        assert row.known_box == box_from_map(blob(4, 5)[::-1], 0.2) != row.box
        assert np.array_equal(row.known_map, blob(4, 5)[::-1])
        assert row.curve_known[51] == np.float32(row.known_iou)
        assert not np.array_equal(row.curve_own, row.curve_known)

    @pytest.mark.parametrize("raw", [np.zeros((4, 4)), np.full((3, 5), 2.5), blob(1, 1) * np.nan])
    def test_a_map_that_points_nowhere(self, raw):
        (row,) = rows(raw.astype(np.float32))
        assert row.box == (0, 0, 0, 0)
        assert row.peak is None
        assert row.misdirected
        assert row.energy == 0
        assert len(set(row.curve_own.tolist())) == 1

    def test_a_peak_outside_every_box_is_misdirected(self):
        near, far = (0.0, 0.0, 20.0, 20.0), (70.0, 60.0, 110.0, 85.0)
        assert rows(blob(12, 1), truths=(near, far))[0].misdirected
        assert not rows(blob(11, 11), truths=(near, far))[0].misdirected

    def test_iou_iog_and_iop_belong_to_the_best_of_several_boxes(self):
        (row,) = rows(blob(4, 7, 3.5), truths=((90.0, 60.0, 119.0, 89.0), (10.0, 20.0, 60.0, 80.0)))
        assert row.iou == pytest.approx(1 / (1 / row.iop + 1 / row.iog - 1))
        assert row.iou > 0.5

    @given(st.floats(0, 13), st.floats(0, 13), st.floats(0.5, 6), st.integers(0, 1))
    def test_consistency(self, x, y, width, predicted):
        (row,) = rows(blob(x, y, width), predicted=predicted)
        if row.iog > 0:
            assert row.iou == pytest.approx(1 / (1 / row.iop + 1 / row.iog - 1))
        assert (row.error == "right") == (row.correct and row.iou >= 0.5)
        assert 0 <= row.energy <= 1
        assert (row.curve_known_multi >= row.curve_known).all()
        assert row.curve_own[51] == np.float32(row.iou)

    def test_energy(self):
        unit = np.zeros((224, 224), np.float32)
        unit[:112] = 0.5
        assert energy_inside(unit, [(0, 0, 223, 55)]) == 0.5
        assert energy_inside(unit, [(0, 0, 223, 55), (0, 28, 223, 83)]) == 0.75  # the union
        assert energy_inside(unit, [(0, 112, 224, 224)]) == 0
        assert peak_of(unit) == (0, 0)
        raw = blob(7, 7) - 0.3  # negative values are shifted, as in what is drawn
        assert energy_inside(unit_map(raw), [(0, 0, 223, 223)]) == 1

    def test_the_input_is_that_of_the_app(self, tmp_path, picture):
        Image.fromarray(picture).save(tmp_path / "p.png")
        case = Case(0, tmp_path / "p.png", "p.png", 0, ())
        x, width, height = read(case, Preprocessing(64, (0, 0, 0), (1, 1, 1), "bilinear"))
        assert (x.shape, width, height) == ((3, 64, 64), 120, 90)
        assert 0 <= x.min() < x.max() <= 1


@pytest.fixture
def file(tmp_path):
    store = Store(tmp_path, ABOUT)
    store.add(0, rows(blob(4, 5), blob(9, 9), np.zeros((3, 5), np.float32)))
    return store.finish(1)


class TestFile:
    def test_pandas_reads_it_in_one_line(self, file):
        frame = pandas.read_parquet(file)
        assert list(frame.columns) == list(COLUMNS)
        assert frame.attrs == {**dataclasses.asdict(ABOUT), "modes": ["off"], "best": []}
        assert frame.picture.tolist() == [f"images/{n}.jpg" for n in range(3)]
        expected = rows(blob(4, 5), blob(9, 9))[1]
        row = frame.iloc[1]
        assert np.array_equal(row.curve_known_multi, expected.curve_known_multi)
        assert np.array_equal(np.stack(row.own_map), blob(9, 9))
        assert tuple(row.box) == expected.box
        assert (row.iou, row.energy, row.error) == (expected.iou, expected.energy, expected.error)
        assert frame.peak[2] is None

    def test_our_reader(self, file):
        about, table = read_records(file, ["picture", "score"], mode="off")
        assert about == ABOUT
        assert table.column_names == ["picture", "score"]
        assert table["score"].to_pylist() == [0.75] * 3
        assert read_records(file)[1].schema.equals(SCHEMA)
        assert sum(len(batch) for batch in iterate_records(file, ["number"])) == 3
        with pytest.raises(UserError, match=r"no records of the mode 'expected'; it has off\."):
            read_records(file, mode="expected")

    def test_the_record_is_the_schema(self):
        assert [f.name for f in dataclasses.fields(Record)] == SCHEMA.names

    @pytest.mark.parametrize("damage", ["cut", "bit", "empty", "text", "folder"])
    def test_a_damaged_file(self, file, damage):
        data = bytearray(file.read_bytes())
        if damage == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif damage == "bit":
            data[2000] ^= 4
            file.write_bytes(data)
        elif damage == "folder":
            file.unlink()
            file.mkdir()
        else:
            file.write_bytes(b"" if damage == "empty" else b"picture,score\n")
        with pytest.raises(UserError, match=r"damaged or no Parquet file .*; remove") as caught:
            read_records(file)
        assert "\n" not in str(caught.value)

    def test_somebody_elses_file(self, tmp_path, file):
        other = tmp_path / "other.parquet"
        pq.write_table(pa.table({"x": [1]}), other)
        with pytest.raises(UserError, match="no file of evaluation records"):
            read_about(other)
        newer = dataclasses.replace(ABOUT, format=99)
        pq.write_table(to_table([], newer), other)
        with pytest.raises(UserError, match="of version 1"):
            read_about(other)
        pq.write_table(to_table(rows(blob(1, 1)), ABOUT), other)
        with pytest.raises(UserError, match=r"not whole: it has 1 of 3 rows"):
            read_about(other)
        with pytest.raises(UserError, match="There are no records"):
            read_about(tmp_path / "absent.parquet")


class TestStore:
    @pytest.mark.parametrize(
        ("field", "value", "told"),
        [
            ("checkpoint", "c" * 64, "another checkpoint"),
            ("data", "c" * 64, "other data"),
            ("modes", ("off", "expected"), "other modes"),
            ("protocol", 2, "another version of the protocol"),
            ("split", "val", "another split"),
        ],
    )
    def test_records_of_something_else_are_left_alone(self, file, field, value, told):
        before = file.read_bytes()
        with pytest.raises(UserError, match=told):
            Store(file.parent, dataclasses.replace(ABOUT, **{field: value}))
        assert file.read_bytes() == before

    def test_so_are_pieces(self, tmp_path):
        Store(tmp_path, ABOUT).add(0, rows(blob(1, 1)))
        with pytest.raises(UserError, match="another checkpoint"):
            Store(tmp_path, dataclasses.replace(ABOUT, checkpoint="d"))

    def test_pieces_in_any_order_give_the_same_bytes(self, tmp_path):
        (a, b, c), files = rows(blob(1, 1), blob(2, 2), blob(3, 3)), []
        for name, order in (("one", (0, 1)), ("two", (1, 0))):
            blocks = {0: [a, b], 1: [c]}
            for number in order:
                store = Store(tmp_path / name, ABOUT)  # as after an interruption
                assert [store.has(n) for n in (0, 1)] == [
                    n in order[: order.index(number)] for n in (0, 1)
                ]
                store.add(number, blocks[number])
            files.append(store.finish(2))
        assert files[0].read_bytes() == files[1].read_bytes()
        assert [p.name for p in files[0].parent.iterdir()] == ["cam.parquet"]

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "x").write_text("")
        with pytest.raises(UserError, match="Nothing can be written to"):
            Store(tmp_path / "x", ABOUT)


def test_bits_are_those_of_exact_fractions():
    curve = np.array([[0.5, np.nextafter(np.float32(0.5), np.float32(0))]], np.float32)
    bits = count_bits(np.array([True]), curve, curve, curve)
    assert np.unpackbits(bits, axis=2)[:, 0, :2].tolist() == [
        [1, 0],
        [1, 0],
        [1, 1],
        [1, 0],
        [0, 0],
    ]
