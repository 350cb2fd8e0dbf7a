"""Results files: merged run by run, never mixed, never overwritten by another sweep."""

import json

import pytest

from dfm_viz.types import UserError
from training.sweep.plans import Kind, Row, make_plan
from training.sweep.results import Results, load_results, measured, save_results, take_up

ROW = Row("cam", "CAM", ("method=cam",))


def results(**changes):
    base = {"recipe": {"optim": {"epochs": 2}}}
    fields = dict(plan="table3", title="T", kind="retrained", backbone="mobilenetv1",
                  dataset="tiny", base=base, command="c")  # fmt: skip
    return Results(**{**fields, **changes})


def run(seed, clas=50.0):
    return {"seed": seed, "modes": {"off": {"n": 4, "top1_clas": clas}}}


def test_runs_are_kept_by_seed_and_a_repeated_seed_is_replaced():
    found = (
        results().with_run(ROW, run(1), {}).with_run(ROW, run(0), {}).with_run(ROW, run(1, 75), {})
    )
    assert [r["seed"] for r in found.rows["cam"]["runs"]] == [0, 1]
    assert found.rows["cam"]["runs"][1]["modes"]["off"]["top1_clas"] == 75


def test_rows_stand_in_the_order_of_the_plan():
    plan = make_plan("table3", "mobilenetv1", Kind.RETRAINED)
    found = results()
    for row in reversed(plan.rows):
        found = found.with_run(row, run(0), {})
    assert list(found.in_order(plan).rows) == [row.name for row in plan.rows]


def test_a_file_is_taken_up_and_read_back(tmp_path):
    path = save_results(results().with_run(ROW, run(0), {"whole_image": {}}), tmp_path)
    assert load_results(path).rows["cam"]["runs"] == [run(0)]
    again = take_up(results(command="new words"), tmp_path)
    assert again.rows["cam"]["runs"] == [run(0)]
    assert again.command == "new words"


def test_another_base_is_refused_by_name_and_nothing_is_lost(tmp_path):
    path = save_results(results().with_run(ROW, run(0), {}), tmp_path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"another base \(it differs in recipe\)"):
        take_up(results(base={"recipe": {"optim": {"epochs": 3}}}), tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 9, "kind": "retrained"}',
                                  '{"schema_version": 1, "kind": "mixed"}'])  # fmt: skip
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json cannot be read as results"):
        load_results(tmp_path / "x.json")


def test_only_the_metrics_of_every_mode_are_kept():
    full = {"n": 3, "top1_clas": 1.0, "fixed": {}, "protocol": "long", "chance": {},
            "modes": {"expected": {"n": 3, "top1_clas": 2.0, "protocol": "long"}}}  # fmt: skip
    assert measured(full) == {
        "off": {"n": 3, "top1_clas": 1.0, "fixed": {}},
        "expected": {"n": 3, "top1_clas": 2.0},
    }
    assert json.loads(json.dumps(measured(full, ("n",)))) == {"off": {"n": 3}, "expected": {"n": 3}}
