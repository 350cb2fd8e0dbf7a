"""Trials: what may be chosen by, the rule by hand, and that what ships is what it took."""

import json
from pathlib import Path

import pytest

from dfm_viz.checkpoint import read_card
from dfm_viz.types import UserError
from training.__main__ import main
from training.recipe import Recipe, load_recipe
from training.sweep.plans import Row
from training.sweep.results import FOLDER, Results, load_results
from training.sweep.trials import TRIALS, choose, load_trials

ROOT = Path(__file__).parents[3]
FILES = sorted(TRIALS.glob("*.toml"))


def results(*rows):
    """Trials measured as (checkpoint, name, [(Top-1, GT-known at best) or None if it diverged])."""
    found = Results("trials", "Title", "retrained", "mobilenetv1", "tiny", {}, "", split="val")
    for checkpoint, name, seeds in rows:
        for seed, scores in enumerate(seeds):
            top1, boxes = scores or (None, None)
            modes = {"off": {"top1_clas": top1, "oracle": {"gt_known_loc": boxes}}}
            run = {"seed": seed, "modes": modes if scores else {}}
            found = found.with_run(Row(name, name, (), checkpoint), run, {})
    return found


def test_the_rule_by_hand():
    found = results(
        ("cam", "short", [(80.0, 40.0)]),
        ("cam", "long", [(81.0, 30.0)]),  # CAM looks at Top-1 only
        ("cam", "same", [(81.0, 90.0)]),  # the first wins a tie
        ("adl", "able", [(75.0, 41.0), (77.0, 45.0)]),  # means: 76 and 43
        ("adl", "best boxes", [(72.9, 60.0)]),  # 3.1 points below the best
        ("adl", "just within", [(73.0, 44.0)]),  # 3.0 points below
        ("dfm", "lost", [(90.0, 90.0), None]),  # a seed diverged
        ("dfm", "stays", [(10.0, 5.0)]),
    )
    assert choose(found) == {"cam": "long", "adl": "just within", "dfm": "stays"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_trial_is_a_recipe_and_holds_out_pictures(path):
    trials = load_trials(path.stem)
    loaded = [
        load_recipe(trials.recipe, (*r.overrides, *trials.overrides)) for r in trials.plan.rows
    ]
    assert all(recipe.data.hold_out_every for recipe in loaded)
    plain = [json.dumps(recipe.to_dict(), sort_keys=True) for recipe in loaded]
    assert len(set(plain)) == len(plain)
    assert len({row.name for row in trials.plan.rows}) == len(plain)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title =", "cannot be read as TOML"),
        ('title = "a"\nrecipe = "mobilenetv1_cub50_cam"', "it lacks or misuses 'overrides'"),
        (
            'title = "a"\nrecipe = "mobilenetv1_cub50_cam"\noverrides = []\ntrial = []',
            "put hold_out_every=5 into overrides",
        ),
    ],
)
def test_wrong_files_are_told(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mine\.toml") as error:
        load_trials(path)
    assert told in str(error.value)


def test_an_unknown_name_lists_what_there_is(capsys):
    assert main(["search", "nothing", "--data-root", "."]) == 2
    assert "mobilenetv1_pets3" in capsys.readouterr().err


TRIALS_TEXT = """
title = "Trials for a test"
recipe = "{recipe}"
overrides = ["hold_out_every=2"]
[[trial]]
checkpoint = "cam"
name = "cam"
title = "CAM"
fields = ["method=cam"]
[[trial]]
checkpoint = "dfm"
name = "dfm"
title = "DFM"
fields = ["method=dfm"]
"""
RECIPE = """
title = "tiny"
[model]
init = "none"
freeze_through = "block3_2"
[data]
family = "tiny"
image_size = 32
decode_side = 32
[optim]
batch = 4
epochs = 1
"""


def test_a_search_trains_scores_on_validation_pictures_and_never_on_the_test(
    cub_root, tmp_path, capsys
):
    recipe, mine = tmp_path / "tiny.toml", tmp_path / "mine.toml"
    recipe.write_text(RECIPE)
    mine.write_text(TRIALS_TEXT.format(recipe=recipe))
    words = ["search", str(mine), "--data-root", str(cub_root), "--runs", str(tmp_path / "runs")]
    words += ["--results", str(tmp_path), "--device", "cpu", "--threads", "1"]
    assert main(words) == 0
    assert "dfm: dfm (method=dfm)" in capsys.readouterr().out
    found = load_results(tmp_path / "trials_mobilenetv1_tiny_retrained.json")
    assert found.split == "val"
    cards = [read_card(path.parent) for path in (tmp_path / "runs").rglob("card.json")]
    assert [set(card.metrics) for card in cards] == [{"val"}, {"val"}]
    held_out = cards[0].metrics["val"]["n"]
    assert found.rows["cam"]["runs"][0]["modes"]["off"]["n"] == held_out
    assert held_out + cards[0].run["train_pictures"] == 18


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_ships_is_what_the_rule_took(path):
    """The shared recipe is CAM's chosen trial, a method's own fields are those of its own trial."""
    trials = load_trials(path.stem)
    base = load_recipe(trials.recipe, trials.overrides)
    family = f"{base.model.backbone}_{base.data.family}"
    found = load_results(FOLDER / f"trials_{family}_retrained.json")
    assert set(found.rows) == {row.name for row in trials.plan.rows}
    chosen = choose(found)
    shared = found.rows[chosen["cam"]]["overrides"]
    for checkpoint, row in chosen.items():
        words = (*shared, *found.rows[row]["overrides"], *trials.overrides, "hold_out_every=0")
        took = _plain(load_recipe(trials.recipe, words).to_dict())
        recipe = load_recipe(f"{family}_{checkpoint}").to_dict()
        assert _plain(recipe) == took, checkpoint
        card = read_card(ROOT / "checkpoints" / family / checkpoint)
        # Options that came later have their defaults on older cards.
        assert _plain(Recipe.from_dict(card.recipe).to_dict()) == took, checkpoint


def _plain(recipe):
    """Without what is only told: the title and the notes on the data."""
    data = {key: value for key, value in recipe["data"].items() if key != "notes"}
    return json.loads(json.dumps({**recipe, "data": data, "title": ""}))
