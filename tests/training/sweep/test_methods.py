"""The sweep `methods`: its rows are the recipes themselves, its runs are the files that ship."""

from pathlib import Path

import pytest

from dfm_viz.checkpoint import checkpoint_folders, read_card
from dfm_viz.types import UserError
from training.__main__ import main
from training.recipe import RECIPES, load_recipe
from training.sweep.methods import methods_plan
from training.sweep.results import FOLDER, load_results

ROOT = Path(__file__).parents[3]
BASE = "mobilenetv1_cub50_cam"
FAMILY = ROOT / "checkpoints" / "mobilenetv1_cub50"


def test_rows_are_the_recipes_of_the_family_word_for_word():
    plan = methods_plan(BASE)
    names = [row.name for row in plan.rows]
    assert names == ["cam", "cam_slow", "has", "acol", "adl", "dfm", "dfm_add"]
    for row in plan.rows:
        assert load_recipe(BASE, row.overrides) == load_recipe(f"mobilenetv1_cub50_{row.name}")
    assert plan.rows[0].title == "CAM"
    titles = {row.name: row.title for row in plan.rows}
    assert titles["dfm_add"] == "DFM with Eq. 16 as printed"


def test_another_backbone_on_the_same_base_is_no_row(tmp_path):
    base = (RECIPES / f"{BASE}.toml").read_text()
    (tmp_path / "mine_cam.toml").write_text(base)
    extends = 'extends = "mine_cam"\n[model]\n'
    (tmp_path / "mine_deep.toml").write_text(
        f'{extends}backbone = "vgg16"\nfreeze_through = "pool3"\n'
    )
    with pytest.raises(UserError, match="No recipe extends mine_cam"):
        methods_plan(str(tmp_path / "mine_cam.toml"))
    (tmp_path / "mine_adl.toml").write_text(
        f'{extends}points = ["block5_2"]\nmethod = "adl"\nfreeze_bn = true\n'
    )
    plan = methods_plan(str(tmp_path / "mine_cam.toml"))
    assert [row.name for row in plan.rows] == ["cam", "adl"]
    found = load_recipe(tmp_path / "mine_cam.toml", plan.rows[1].overrides)
    assert found == load_recipe(tmp_path / "mine_adl.toml")
    (tmp_path / "torn.toml").write_text("[model")
    with pytest.raises(UserError, match=r"torn\.toml cannot be read as TOML"):
        methods_plan(str(tmp_path / "mine_cam.toml"))


@pytest.mark.parametrize("words", [["--values", "1"], ["--kind", "inference"]])
def test_methods_are_trained_as_they_are(words, capsys):
    assert main(["sweep", "methods", "--data-root", ".", *words]) == 2
    assert "methods trains the recipes of a family as they are" in capsys.readouterr().err


def test_the_files_that_ship_are_the_seed_0_that_the_table_counts():
    found = load_results(FOLDER / "methods_mobilenetv1_cub50_retrained.json")
    folders = checkpoint_folders(FAMILY)
    assert {folder.name for folder in folders} == set(found.rows) - {"cam_slow"}
    for folder in folders:
        card, name = read_card(folder), folder.name
        assert card.name == f"mobilenetv1_cub50/{name}"
        (run,) = [run for run in found.rows[name]["runs"] if run["seed"] == 0]
        assert (run["sha256"], card.recipe["seed"]) == (card.sha256, 0)
        assert card.recipe == load_recipe(f"mobilenetv1_cub50_{name}").to_dict()
        for mode, scores in run["modes"].items():
            told = card.metrics["test"]
            told = told if mode == "off" else told["modes"][mode]
            assert (scores["top1_clas"], scores["oracle"]) == (told["top1_clas"], told["oracle"])
