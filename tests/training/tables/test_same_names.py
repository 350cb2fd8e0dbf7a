"""One name with two numbers gets its reason; a blind box is compared on named pictures."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from dfm_viz.checkpoint.card import CARD, read_card
from training.recipe import load_recipe
from training.sweep.plans import Row
from training.sweep.results import Results
from training.tables.baselines import Scored, against_square, of_results
from training.tables.document import app_data
from training.tables.elsewhere import effective, same_names

RECIPE = "toynet_toy_cam"


def scored(top1, known=40.0):
    return {"n": 9, "top1_clas": top1, "oracle": {"threshold": 0.4, "gt_known_loc": known}}


@pytest.fixture
def root(families_root, tmp_path):
    """A family whose DFM was trained for 30 epochs, the last two of them with the module off."""
    folder = tmp_path / "toynet_toy"
    shutil.copytree(families_root / "tiny", folder)
    base = load_recipe(RECIPE).to_dict()
    recipe = {**base, "seed": 0, "params": {}}
    recipe["model"] = {**base["model"], "method": "dfm"}
    recipe["optim"] = {**base["optim"], "settle_epochs": 2, "epochs": 30}
    params = effective(base, ["method=dfm"])
    numbers = {k.partition(".")[2]: v for k, v in params.items() if k.startswith("params.")}
    card = dataclasses.replace(
        read_card(folder / "dfm"),
        name="toynet_toy/dfm",
        recipe=recipe,
        params={k: float(v) if v.replace(".", "").isdigit() else v for k, v in numbers.items()},
        metrics={"test": scored(75.0)},
    )
    (folder / "dfm" / CARD).write_text(card.to_json())
    return tmp_path


def table(top1=(56.6,), overrides=("method=dfm", "epochs=12"), **said):
    base = load_recipe(RECIPE).to_dict()
    found = Results("table3", "T", "retrained", "toynet", "toy", {"recipe": base}, "")
    for seed, value in enumerate(top1):
        run = {"seed": seed, "modes": {"off": scored(value)}}
        found = found.with_run(Row("dfm", "DFM", overrides), run, {})
    return dataclasses.replace(found, **said)


def test_a_name_with_two_numbers_says_both_and_what_differs(root):
    (told,) = same_names(table(), root)
    assert told["card"] == "toynet_toy/dfm"
    assert told["text"].startswith(
        "DFM has a Top-1 Clas of 56.6 here and 75.0 on the card toynet_toy/dfm (module off both "
        "times): "
    )
    assert "12 epochs here, 30 there" in told["text"]
    assert "the module off in the last 0 epochs here, in the last 2 there" in told["text"]
    assert "seed" not in told["text"]
    assert "input" not in told["text"]


def test_seeds_are_a_reason_and_equal_numbers_need_none(root):
    (told,) = same_names(table((56.0, 58.0)), root)
    assert "57.0 ± 1.4 here" in told["text"]
    assert "seeds 0, 1 here, 0 there" in told["text"]
    assert same_names(table((75.0,)), root) == ()
    assert same_names(table(kind="inference"), root) == ()
    assert same_names(table(), root / "nowhere") == ()


def test_another_setting_of_the_method_is_another_name(root):
    found = table().rows["dfm"] | {"overrides": ["method=dfm", "params.tau=.25"], "title": "τ"}
    results = dataclasses.replace(table(), rows={"tau-.25": found})
    assert same_names(results, root) == ()
    same = found | {"overrides": ["method=dfm", "params.tau=.70"]}
    assert len(same_names(dataclasses.replace(results, rows={"tau-.7": same}), root)) == 1


def test_what_no_method_clears_is_said_of_its_pictures():
    low, high = Scored("CAM", 47.9, 43.9, 53.1), Scored("ACoL", 54.4, 50.6, 59.9)
    said = against_square("the 399 test pictures of birds", 59.1, 134, [low, high])
    assert said.startswith("On the 399 test pictures of birds the best centred square (134 of 224")
    assert "none clears it there (closest: ACoL 54.4 [50.6, 59.9], and the square lies" in said
    over = against_square("elsewhere", 54.1, 130, [Scored("ADL", 56.2, 50.0, 61.0), low])
    assert "these clear it there: ADL 56.2 [50.0, 61.0]; but it lies inside" in over
    assert "CAM" not in over
    sure = against_square("elsewhere", 40.0, 130, [low, high])
    assert "intervals and all: ACoL 54.4 [50.6, 59.9], CAM 47.9 [43.9, 53.1]." in sure
    part = against_square("elsewhere", 45.0, 130, [low, high])
    assert part.endswith("intervals and all only ACoL.")


def test_a_table_is_compared_in_every_mode_by_the_mean_of_its_seeds():
    runs = [{"seed": s, "modes": {"off": scored(1.0, known), "expected": scored(1.0, known + 9)}}
            for s, known in enumerate((40.0, 50.0))]  # fmt: skip
    rows = {"dfm": {"title": "DFM", "overrides": [], "runs": runs}}
    square = {"centred_square": {"gt_known_loc": 50.0, "side": 100}}
    found = dataclasses.replace(table(), rows=rows, chance=square)
    (said,) = of_results(found)
    assert "these 9 test pictures of toy" in said
    assert "DFM, expected 54.0;" in said  # the mean of 49 and 59; off has 45
    assert "DFM 45" not in said
    assert list(of_results(dataclasses.replace(found, chance={}))) == []


def test_every_shipped_conclusion_about_the_square_names_pictures():
    """If this fails, run `python -m training table`."""
    told = json.loads(app_data())
    sentences = [*told["baselines"]["points"], *(t["baselines"] for t in told["tables"])]
    for sentence in filter(None, sentences):
        assert re.match(r"On (the|these) \d+ (test|validation) pictures of \w+", sentence)
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    for sentence in told["baselines"]["points"]:
        assert sentence in readme
