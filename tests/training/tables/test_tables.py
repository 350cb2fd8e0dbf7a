"""Tables show what the files hold: means, spreads, the paper's row, chance; nothing else."""

import pytest

from training.sweep.plans import Row
from training.sweep.results import Results
from training.tables.layout import Table, grid
from training.tables.spread import difference, spread
from training.tables.sweeps import sweep_table

RECIPE = {
    "model": {"init": "file", "freeze_through": "block2_2"},
    "data": {"family": "tiny", "knows": "3 coloured birds only"},
    "optim": {"epochs": 10, "batch": 32},
}


def scores(clas, loc, n=4):
    return {
        "n": n,
        "top1_clas": clas,
        "fixed": {"threshold": 0.2, "top1_loc": loc, "gt_known_loc": loc + 5},
        "oracle": {"threshold": 0.38, "top1_loc": loc + 1, "gt_known_loc": loc + 6,
                   "maxboxacc_v2": 44.0},
    }  # fmt: skip


def results(kind="retrained", plan="table1", **changes):
    base = {"recipe": RECIPE} if kind == "retrained" else {"checkpoint": "a/dfm", "sha256": "x"}
    fields = dict(plan=plan, title="Title", kind=kind, backbone="mobilenetv1", dataset="tiny",
                  base=base, command="the command", chance={})  # fmt: skip
    return Results(**{**fields, **changes})


def with_runs(found, name, *modes_of_seeds):
    for seed, modes in enumerate(modes_of_seeds):
        found = found.with_run(Row(name, name, ()), {"seed": seed, "modes": modes}, found.chance)
    return found


def test_spread_and_difference_by_hand():
    assert spread([70.0]) == "70.0"
    assert spread([70.0, 72.0]) == "71.0 ± 1.4"  # sqrt(2) with n - 1
    assert spread([]) == spread([None]) == "–"
    assert difference([70.0, 72.0], 41.17) == "41.17 (+29.8)"
    assert difference([], 41.17) == "41.17"
    assert difference([70.0], None) == "–"


def test_a_row_per_mode_with_the_papers_row_beside():
    found = with_runs(results(), "cam", {"off": scores(80, 40)}, {"off": scores(82, 42)})
    found = with_runs(found, "focused", {"expected": scores(70, 30), "off": scores(60, 20)})
    table = sweep_table(found)
    cells = {(row[0] or "focused", row[1]): row for row in table.rows}
    assert cells["cam", "off"] == (
        "cam", "off", "2", "81.0 ± 1.4", "41.0 ± 1.4", "46.0 ± 1.4", "42.0 ± 1.4",
        "47.0 ± 1.4 (at 38.0 ± 0.0 %)", "44.0 ± 0.0", "78.49 (+2.5)", "41.17 (-0.2)",
    )  # fmt: skip
    assert cells["focused", "off"][-2:] == ("81.06 (-21.1)", "56.14 (-36.1)")
    assert cells["focused", "expected"][3] == "70.0"
    assert cells["focused", "expected"][-2:] == ("", "")  # the paper has one mode
    assert any("replicate nothing" in note for note in table.notes)
    assert any("ResNet50" in note for note in table.notes)
    assert "n = 4 test pictures" in table.to_markdown()


def test_a_plain_classifier_has_no_boxes():
    found = with_runs(results(), "plain", {"off": {"n": 4, "top1_clas": 75.0}})
    row = sweep_table(found).rows[0]
    assert row[3:] == ("75.0", "–", "–", "–", "–", "–", "79.76 (-4.8)", "–")


def test_chance_stands_below():
    chance = {"centred_square": {"gt_known_loc": 59.12}, "whole_image": {"gt_known_loc": 19.0}}
    found = with_runs(results(chance=chance), "cam", {"off": scores(80, 40)})
    rows = sweep_table(found).rows
    assert [row[:2] for row in rows[1:]] == [("whole image", "chance"),
                                             ("best centred square", "chance")]  # fmt: skip
    assert rows[2][7] == "59.1"


def test_inference_time_tables_are_labelled_and_have_no_paper_row():
    found = with_runs(results("inference", "omega"), "omega-0", {"expected": scores(1, 2)})
    table = sweep_table(found)
    assert "inference-time" in table.title
    assert "nothing is trained" in table.to_markdown()
    assert not any("paper" in column for column in table.columns)


def test_a_threshold_table_has_its_own_columns():
    at = {"n": 4, "top1_clas": 80.0,
          "fixed": {"threshold": 0.5, "top1_loc": 12.0, "gt_known_loc": 13.0}}  # fmt: skip
    table = sweep_table(with_runs(results("inference", "threshold"), "threshold-0.5", {"off": at}))
    assert table.columns[-2:] == ("Top-1 Loc", "GT-known")
    assert table.rows == (("threshold-0.5", "off", "1", "80.0", "12.0", "13.0"),)


def test_markdown_by_hand():
    assert grid(("a", "b"), (("x", "1"),)) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    with pytest.raises(ValueError, match="2 cells"):
        Table("t", "retrained", (), ("a",), (("x", "1"),))


def test_the_recipes_of_a_family_stand_beside_the_papers_methods():
    found = with_runs(results(plan="methods"), "adl", {"off": scores(70, 40)})
    found = with_runs(found, "dfm_add", {"off": scores(60, 30)})
    table = sweep_table(found)
    assert table.lead[0].startswith("Every row is a recipe of the family: CAM's, 10 epochs")
    assert [row[-2:] for row in table.rows] == [("70.43 (-0.4)", "47.74 (-7.7)"), ("", "")]
    assert "replicate nothing" in table.notes[0]
