"""Every row of every sweep is a recipe that loads, and means what the paper's row means."""

import pytest

from dfm_viz.methods import DFMParams
from dfm_viz.types import Apply, Branches, Fusion, UserError
from training import published
from training.recipe import load_recipe
from training.sweep.plans import NAMES, PARAMETERS, Kind, make_plan

BASE = "mobilenetv1_cub50_cam"


def recipes(name, **kwargs):
    plan = make_plan(name, "mobilenetv1", Kind.RETRAINED, **kwargs)
    return {row.name: load_recipe(BASE, row.overrides) for row in plan.rows}


@pytest.mark.parametrize("name", [n for n in NAMES if n != "threshold"])
def test_every_row_is_a_recipe_and_none_stands_twice(name):
    found = [str(sorted(r.to_dict().items())) for r in recipes(name).values()]
    assert len(found) == len(set(found)) > 1


def test_table_1_is_the_papers():
    rows = recipes("table1")
    assert list(rows) == list(published.TABLE1)
    assert rows["plain"].model.plain
    assert not rows["cam"].model.plain
    params = {name: r.params for name, r in rows.items() if isinstance(r.params, DFMParams)}
    assert [p.branches for p in params.values()] == [
        Branches.CHANNEL, Branches.POSITION, Branches.BOTH, Branches.BOTH, Branches.BOTH,
    ]  # fmt: skip
    assert params["normal"].fusion is Fusion.NORMAL
    assert params["cross"].fusion is params["focused"].fusion is Fusion.CROSS
    assert [p.omega for p in params.values()] == [0, 0, 0, 0, 0.15]


def test_table_2_covers_the_printed_grid():
    found = {(r.params.delta, r.params.gamma) for r in recipes("table2").values()}
    printed = {(d, g) for d in published.TABLE2_DELTA for g in published.TABLE2_GAMMA}
    assert found == printed
    assert len(published.TABLE2) == len(published.TABLE2_DELTA)
    assert all(len(row) == len(published.TABLE2_GAMMA) for row in published.TABLE2)
    # The chosen setting is where the printed grid has its largest number.
    best = max((v, d, g) for d, row in zip(published.TABLE2_DELTA, published.TABLE2, strict=True)
               for g, v in zip(published.TABLE2_GAMMA, row, strict=True))  # fmt: skip
    assert best == (56.14, 0.6, 0.4)


def test_table_3_has_every_reading_of_equation_16():
    rows = recipes("table3")
    assert {r.params.apply for n, r in rows.items() if n.startswith("dfm")} == set(Apply)
    assert {r.model.method for r in rows.values()} == {"cam", "has", "acol", "adl", "dfm"}


def test_points_take_each_alone_and_both():
    chosen = [r.model.points for r in recipes("points").values()]
    assert chosen == [("block4_1",), ("block5_2",), ("block4_1", "block5_2")]


def test_given_values_replace_the_list():
    assert [r.params.tau for r in recipes("tau", values=("0.2", "0.3")).values()] == [0.2, 0.3]


@pytest.mark.parametrize(
    ("name", "kind", "values", "told"),
    [
        ("table5", Kind.RETRAINED, (), "choose one of table1"),
        ("table3", Kind.INFERENCE, (), "use --kind retrained"),
        ("threshold", Kind.RETRAINED, (), "use --kind inference"),
        ("table1", Kind.RETRAINED, ("1",), "fixed rows"),
    ],
)
def test_what_makes_no_sense_is_refused(name, kind, values, told):
    with pytest.raises(UserError, match=told):
        make_plan(name, "mobilenetv1", kind, values)


def test_inference_rows_are_settings_of_one_network():
    names = [row.name for row in make_plan("table1", "resnet50", Kind.INFERENCE).rows]
    assert names == list(published.TABLE1)[1:]
    assert "threshold" in PARAMETERS


def test_only_some_rows():
    plan = make_plan("table3", "mobilenetv1", Kind.RETRAINED)
    assert [r.name for r in plan.only(("dfm", "cam")).rows] == ["cam", "dfm"]
    assert plan.only(()).rows == plan.rows
    with pytest.raises(UserError, match="no row 'cem'; its rows are cam, has"):
        plan.only(("cem",))
