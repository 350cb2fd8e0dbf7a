"""Series of questions: every entry is what `inspect` says, and what runs is counted."""

import math
import shutil
import threading

import numpy as np
import pytest
import torch

from dfm_viz.backbones import create_model
from dfm_viz.backbones.staged import Stages
from dfm_viz.inspection import SWEPT, Settings, engine, load_family, network
from dfm_viz.inspection.ablation import NO_PLAIN
from dfm_viz.inspection.family import MODELS
from dfm_viz.inspection.network import ONE_AT_A_TIME, forget
from dfm_viz.types import UserError

SIX = {"alpha": 0.9, "beta": 0.98, "omega": 0.3, "delta": 0.5, "gamma": 0.9, "tau": 0.6}
TRUTHS = [[10, 10, 60, 60]]
ROW_SWITCHES = [
    None,
    None,
    {"branches": "channel", "omega": 0.0},
    {"branches": "position", "omega": 0.0},
    {"branches": "both", "fusion": "normal", "omega": 0.0},
    {"branches": "both", "fusion": "cross", "omega": 0.0},
    {"branches": "both", "fusion": "cross", "omega": 0.3},
]
VALUES = {
    **dict.fromkeys(("alpha", "beta", "omega", "delta", "gamma", "tau"), (0, 0.35, 1.0)),
    "threshold": (0.1, 0.5),
    "apply": ("mul", "add", "residual"),
    "neighbourhood": ("once", "accumulate"),
    "branches": ("both", "channel", "position"),
    "fusion": ("normal", "cross"),
    "single": ("sum", "random"),
    "points": ("block4_1", "block5_2", "block4_1+block5_2", "all"),
}


def same(entry, inspected):
    """Whether an entry of a series is the DFM answer of an inspection, bit for bit."""
    found = entry.result
    return (
        np.array_equal(found.map, inspected.map)
        and np.array_equal(found.grid, inspected.grid)
        and (found.box, found.iou) == (inspected.box, inspected.iou)
        and (entry.label, entry.class_index, entry.score, entry.note)
        == (inspected.label, inspected.class_index, inspected.score, inspected.note)
    )


def fresh(family, opened, settings):
    """DFM's answer with nothing kept from before."""
    forget()
    return family.inspect(opened, settings, TRUTHS).methods["dfm"]


@pytest.fixture
def counted(tiny_family, picture, runs):
    """What runs from here on, with nothing kept but what opening the picture left."""
    forget()
    tiny_family.open(picture)
    runs.clear()
    return runs


class TestAblate:
    def test_seven_rows_with_their_switches(self, tiny_family, opened):
        rows = tiny_family.ablate(opened, SIX).rows
        assert [row.row for row in rows] == list(range(7))
        assert [row.switches for row in rows] == ROW_SWITCHES
        assert len({row.name for row in rows}) == 7
        assert all(row.value is None for row in rows)
        assert len({row.result.map.tobytes() for row in rows[1:]}) == 6

    @pytest.mark.parametrize("mode", ["expected", "position", "channel", "sampled"])
    def test_rows_2_to_6_are_inspections_in_the_mode(self, tiny_family, opened, mode):
        asked = {**SIX, "mode": mode, "seed": 3, "apply": "add"}
        rows = tiny_family.ablate(opened, asked, TRUTHS).rows
        for row, switches in zip(rows[2:], ROW_SWITCHES[2:], strict=True):
            assert same(row, fresh(tiny_family, opened, {**asked, **switches}))
            assert same(row, fresh(tiny_family, opened, row.settings))

    def test_row_1_is_the_same_network_with_the_module_off(self, tiny_family, opened):
        row = tiny_family.ablate(opened, SIX, TRUTHS).rows[1]
        inspected = tiny_family.inspect(opened, SIX, TRUTHS)
        assert same(row, inspected.dfm_off)
        assert not np.array_equal(row.result.map, inspected.methods["cam"].map)

    def test_on_cams_weights_row_1_is_cam(self, tiny_family, opened):
        rows = tiny_family.ablate(opened, {**SIX, "weights": "cam"}).rows
        cam = tiny_family.inspect(opened).methods["cam"]
        assert np.array_equal(rows[1].result.map, cam.map)
        assert rows[6].note == "not trained with it"

    def test_off_means_expected_for_the_rows_with_a_module(self, tiny_family, opened):
        off = tiny_family.ablate(opened, {**SIX, "mode": "off"}).rows
        expected = tiny_family.ablate(opened, SIX).rows
        assert all(a.settings == b.settings for a, b in zip(off[1:], expected[1:], strict=True))
        assert off[6].settings.mode == "expected"

    def test_one_class_for_all_rows_where_one_is_named(self, tiny_family, opened):
        rows = tiny_family.ablate(opened, {**SIX, "target": 2}).rows
        assert {(row.class_index, row.label) for row in rows} == {(2, "crow")}

    def test_what_runs(self, tiny_family, opened, counted):
        """Rows 5 and 6 differ by omega, which no channel draw reads: they share that branch."""
        tiny_family.ablate(opened, SIX)
        first, second = tiny_family.info.points
        assert counted.count((None, None)) == 1  # row 0
        assert counted.count((first, second)) == 4 * 2 + 1
        assert counted.count((second, None)) == 4 * 4 + 3  # no stage lies there
        assert len(counted) == 1 + 9 + 19

    def test_json(self, tiny_family, opened):
        values = tiny_family.ablate(opened, SIX, TRUTHS).to_json()
        assert set(values) == {"kind", "rows"}
        assert values["kind"] == "inference-time"
        for row in values["rows"]:
            assert list(row) == [
                "row", "name", "switches", "label", "class_index", "score", "map", "box", "iou"
            ]  # fmt: skip
        plain, last = values["rows"][0], values["rows"][6]
        assert (plain["map"], plain["box"], plain["iou"]) == (None, None, None)
        inspected = tiny_family.inspect(opened, SIX, TRUTHS).to_json()["methods"]["dfm"]
        assert all(last[key] == inspected[key] for key in ("map", "box", "iou", "label", "score"))


class TestPlainBackbone:
    def test_it_is_cams_weights_in_the_published_network(self, tiny_family, opened):
        model = create_model("mobilenetv1", 3, options={"plain": True}).eval()
        model.load_state_dict(tiny_family.model("cam").state_dict())
        with torch.inference_mode():
            logits = model(opened.networks["cam"].x)[0].double()
        row = tiny_family.ablate(opened).rows[0]
        assert (row.class_index, row.label) == (
            int(logits.argmax()),
            tiny_family.info.classes[int(logits.argmax())],
        )
        assert row.score == float(logits.softmax(0).max())
        assert row.result is None
        assert row.score != tiny_family.inspect(opened).methods["cam"].score

    def test_it_is_built_once_and_holds_no_weights_of_its_own(
        self, tiny_family, opened, runs, monkeypatch
    ):
        tiny_family.ablate(opened)
        monkeypatch.setattr("dfm_viz.inspection.plain.create_model", None)
        runs.clear()
        tiny_family.ablate(opened)
        assert (None, None) not in runs
        (plain,) = [
            model
            for key, (model, _) in MODELS._kept.items()
            if key[-1] == "plain" and str(tiny_family.checkpoints.folder.resolve()) in key[0]
        ]
        cam = tiny_family.model("cam").state_dict()
        for name, tensor in plain.state_dict().items():
            assert tensor.data_ptr() == cam[name].data_ptr()

    def test_a_family_without_cam_has_none(self, families_root, tmp_path, picture):
        shutil.copytree(families_root / "tiny" / "dfm", tmp_path / "one" / "dfm")
        family = load_family(tmp_path / "one", device="cpu")
        row, *others = family.ablate(family.open(picture)).rows
        assert (row.label, row.class_index, row.score, row.result) == (None, None, None, None)
        assert row.note == NO_PLAIN
        assert all(other.score is not None for other in others)
        with pytest.raises(UserError, match="no cam checkpoint"):
            family.ablate(family.open(picture), {"weights": "cam"})

    def test_nor_has_vgg_whose_published_end_is_another(self, checkpoint_maker, tmp_path, picture):
        checkpoint_maker(tmp_path / "vgg" / "cam", "cam", backbone="vgg16")
        family = load_family(tmp_path / "vgg", device="cpu")
        row = family.ablate(family.open(picture), {"points": "conv5_3"}).rows[0]
        assert (row.score, row.note) == (None, NO_PLAIN)


class TestSweep:
    def test_the_parameters(self):
        assert set(VALUES) == set(SWEPT)

    @pytest.mark.parametrize("parameter", SWEPT)
    def test_every_value_is_an_inspection_bit_for_bit(self, tiny_family, opened, parameter):
        # One branch where it matters.
        common = {**SIX, "branches": "position"} if parameter == "single" else SIX
        rows = tiny_family.sweep(opened, common, parameter, VALUES[parameter], TRUTHS).rows
        assert [row.value for row in rows] == list(VALUES[parameter])
        for row in rows:
            setting = row.value
            if parameter == "points" and setting != "all":
                setting = setting.split("+")
            assert same(row, fresh(tiny_family, opened, {**common, parameter: setting}))
            assert same(row, fresh(tiny_family, opened, row.settings))

    def test_rows_say_which_configuration_they_are(self, tiny_family, opened):
        omegas = tiny_family.sweep(opened, {}, "omega", [0.0, 0.5]).rows
        assert [(row.row, row.switches["omega"]) for row in omegas] == [(5, 0.0), (6, 0.5)]
        fusions = tiny_family.sweep(opened, {}, "fusion", ["normal"]).rows
        assert (fusions[0].row, fusions[0].name) == (None, "no row of Table 1")
        off = tiny_family.sweep(opened, {"mode": "off"}, "omega", [0.5]).rows[0]
        assert (off.row, off.name, off.switches) == (1, "CAM", None)

    @pytest.mark.parametrize("parameter", ["tau", "threshold"])
    def test_what_only_weighs_or_cuts_runs_nothing(self, tiny_family, opened, counted, parameter):
        tiny_family.inspect(opened, SIX)
        counted.clear()
        rows = tiny_family.sweep(opened, SIX, parameter, np.linspace(0, 1, 21)).rows
        assert len(rows) == 21
        assert counted == []

    @pytest.mark.parametrize("parameter", ["alpha", "beta", "omega", "delta", "gamma"])
    def test_a_number_runs_its_own_draw_only(self, tiny_family, opened, counted, parameter):
        tiny_family.inspect(opened, SIX)
        counted.clear()
        tiny_family.sweep(opened, SIX, parameter, np.linspace(0.03, 0.97, 10))
        first, second = tiny_family.info.points
        assert counted.count((first, second)) == 10
        assert counted.count((second, None)) == 10 * 3
        assert len(counted) == 40

    def test_nothing_that_others_use_is_crowded_out(self, tiny_family, opened):
        tiny_family.inspect(opened, SIX)
        features, traces = ([*c._kept] for c in (network.FEATURES, network.TRACES))
        tiny_family.sweep(opened, SIX, "alpha", np.linspace(0, 1, 9))
        tiny_family.grid(opened, SIX, [0.1, 0.2], [0.3, 0.4])
        assert set(features) == set(network.FEATURES._kept)
        assert set(traces) == set(network.TRACES._kept)

    def test_little_memory_costs_time_only(self, tiny_family, opened, monkeypatch):
        plenty = tiny_family.sweep(opened, SIX, "delta", [0.2, 0.4, 0.2]).rows
        monkeypatch.setattr(engine, "KEPT_BYTES", 0)
        forget()
        for a, b in zip(
            plenty, tiny_family.sweep(opened, SIX, "delta", [0.2, 0.4, 0.2]).rows, strict=True
        ):
            assert same(a, b.result)

    def test_json_has_the_value(self, tiny_family, opened):
        (row,) = tiny_family.sweep(opened, SIX, "apply", ["add"]).to_json()["rows"]
        assert list(row)[-2:] == ["iou", "value"]
        assert row["value"] == "add"

    @pytest.mark.parametrize(
        ("parameter", "values", "words"),
        [
            ("betta", [0.1], "no parameter 'betta'"),
            ("colormap", ["grey"], "no parameter 'colormap'"),
            (3, [0.1], "no parameter 3"),
            ("beta", [], "at least one value"),
            ("beta", 0.5, "list"),
            ("beta", "0.5", "list"),
            ("beta", [0.1, math.nan], "beta must be from 0 to 1, but got nan"),
            ("beta", [0.1, 1.5], "beta must be from 0 to 1"),
            ("beta", ["0.5"], "beta must be a number"),
            ("beta", [True], "beta must be a number"),
            ("beta", [None], "beta must be a number"),
            ("threshold", [-0.1], "threshold must be from 0 to 1"),
            ("apply", ["divide"], "apply must be one of add, mul, residual"),
            ("apply", [None], "apply must be one of"),
            ("apply", [["add"]], "apply must be one of"),
            ("points", ["block9"], "no insertion point 'block9'"),
            ("points", ["block4_1+"], "no insertion point ''"),
            ("points", [["block4_1"]], "joined by '\\+'"),
            ("tau", [0.5] * 202, "at most 201 values, but got 202"),
        ],
    )
    def test_errors_come_before_anything_runs(
        self, tiny_family, opened, runs, parameter, values, words
    ):
        runs.clear()
        with pytest.raises(UserError, match=words):
            tiny_family.sweep(opened, {**SIX, "alpha": 0.01}, parameter, values)
        assert runs == []

    def test_201_values_are_fine(self, tiny_family, opened):
        assert len(tiny_family.sweep(opened, SIX, "threshold", [0.5] * 201).rows) == 201


class TestGrid:
    DELTAS, GAMMAS = (0.1, 0.5, 0.9, 1.0), (0.0, 0.4, 0.8)

    def test_every_cell_is_an_inspection_bit_for_bit(self, tiny_family, opened):
        rows = tiny_family.grid(opened, SIX, self.DELTAS, self.GAMMAS, TRUTHS).rows
        assert [row.value for row in rows] == [(d, g) for d in self.DELTAS for g in self.GAMMAS]
        for row in rows:
            delta, gamma = row.value
            asked = {**SIX, "delta": delta, "gamma": gamma}
            assert same(row, fresh(tiny_family, opened, asked))

    @pytest.mark.parametrize("swapped", [False, True])
    def test_the_network_runs_once_for_a_delta_and_once_for_a_gamma(
        self, tiny_family, opened, counted, swapped
    ):
        """n + m stretches instead of 4 n m: behind the last point MobileNetV1 has no stage."""
        n, m = (10, 6) if not swapped else (6, 10)
        rows = tiny_family.grid(opened, SIX, np.linspace(0, 1, n), np.linspace(0, 1, m)).rows
        first, second = tiny_family.info.points
        assert counted.count((first, second)) == n + m
        # Both draws the same: n and m ends; mixed, every cell has two of its own.
        assert counted.count((second, None)) == n + m + 2 * n * m
        assert len(counted) == 2 * (n + m) + 2 * n * m
        assert [row.value for row in rows] == sorted(row.value for row in rows)

    @pytest.mark.parametrize("shape", [(2, 12), (12, 2)])
    def test_a_long_grid_needs_no_more_memory_than_its_shorter_side(
        self, tiny_family, opened, counted, monkeypatch, shape
    ):
        monkeypatch.setattr(engine, "KEPT_BYTES", 2**20)
        tiny_family.grid(opened, SIX, np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1]))
        assert counted.count(tiny_family.info.points) == 14

    @pytest.mark.parametrize(
        ("deltas", "gammas", "words"),
        [
            ([], [0.1], "deltas must be a list"),
            ([0.1], 0.1, "gammas must be a list"),
            ([0.1, math.nan], [0.1], "delta must be from 0 to 1, but got nan"),
            ([0.1], ["x"], "gamma must be a number"),
            ([0.1] * 21, [0.1] * 22, "at most 441 cells, but 21 x 22"),
        ],
    )
    def test_errors(self, tiny_family, opened, deltas, gammas, words):
        with pytest.raises(UserError, match=words):
            tiny_family.grid(opened, {}, deltas, gammas)


class TestOnTheWay:
    def test_progress_and_cancel(self, tiny_family, opened):
        told = []

        def ask(cancelled):
            told.clear()
            return tiny_family.sweep(
                opened,
                SIX,
                "tau",
                [0.1, 0.2, 0.3],
                progress=lambda done, total: told.append((done, total)),
                cancelled=cancelled,
            ).rows

        assert len(ask(lambda: False)) == 3
        assert told == [(1, 3), (2, 3), (3, 3)]
        assert [row.value for row in ask(lambda: len(told) == 2)] == [0.1, 0.2]
        assert ask(lambda: True) == ()

    def test_a_cancelled_grid_keeps_the_order_of_its_cells(self, tiny_family, opened):
        done = []
        rows = tiny_family.grid(
            opened,
            SIX,
            [0.1, 0.2],
            [0.3, 0.4, 0.5],
            progress=lambda *count: done.append(count),
            cancelled=lambda: len(done) == 3,
        ).rows
        assert [row.value for row in rows] == [(0.1, 0.3), (0.1, 0.4), (0.2, 0.3)]

    def test_ablate_tells_of_seven(self, tiny_family, opened):
        told = []
        tiny_family.ablate(opened, progress=lambda *count: told.append(count))
        assert told == [(count, 7) for count in range(1, 8)]

    def test_another_visitor_waits_for_one_stretch_at_most(
        self, tiny_family, opened, picture, monkeypatch, waiting
    ):
        """Somebody who asks during a sweep's stretch is next; the sweep goes on afterwards."""
        forget()
        tiny_family.inspect(opened, SIX)
        other = tiny_family.open(picture[::-1].copy())
        tiny_family.inspect(other, SIX)
        order, visitor = [], []
        original = Stages.between

        def visit():
            tiny_family.inspect(other, {**SIX, "beta": 0.33, "gamma": 0.31})

        def watched(self, x, start, stop, draws=None):
            thread = threading.current_thread()
            order.append("visitor" if thread in visitor else "sweep")
            if not visitor:
                visitor.append(threading.Thread(target=visit))
                visitor[0].start()
                waiting(ONE_AT_A_TIME, 1)
            return original(self, x, start, stop, draws)

        monkeypatch.setattr(Stages, "between", watched)
        tiny_family.sweep(opened, SIX, "alpha", np.linspace(0.03, 0.97, 5))
        visitor[0].join()
        assert order[:2] == ["sweep", "visitor"]
        assert order.count("sweep") == order.count("visitor") * 5 == 5 * 4

    def test_settings_are_checked_as_in_inspect(self, tiny_family, opened):
        for ask in (
            lambda s: tiny_family.ablate(opened, s),
            lambda s: tiny_family.sweep(opened, s, "tau", [0.1]),
            lambda s: tiny_family.grid(opened, s, [0.1], [0.1]),
        ):
            with pytest.raises(UserError, match="beta must be"):
                ask('{"beta": 9}')
            with pytest.raises(UserError, match="block9"):
                ask({"points": ["block9"]})
            assert ask(Settings(beta=0.4)).rows[-1].settings.beta == 0.4
        with pytest.raises(UserError, match="four numbers"):
            tiny_family.ablate(opened, {}, [[1, 2, 3]])
