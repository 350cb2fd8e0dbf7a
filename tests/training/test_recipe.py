import pytest

from dfm_viz.types import UserError
from training.recipe import RECIPES, Recipe, load_recipe

FILES = sorted(RECIPES.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_recipe_on_disk_loads_and_survives_json(path):
    recipe = load_recipe(path)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert path.stem == f"{recipe.model.backbone}_{recipe.data.family}_{recipe.model.method}"


def test_overrides_are_typed_and_found_in_their_table():
    recipe = load_recipe("mobilenetv1_cub27_dfm", ["lr=1", "optim.epochs=7", "tau=.5", "seed=9"])
    assert recipe.optim.lr == 1.0
    assert isinstance(recipe.optim.lr, float)
    assert recipe.optim.epochs == 7
    assert recipe.params.tau == 0.5
    assert recipe.seed == 9


def test_points_default_to_the_backbones_own():
    assert load_recipe("mobilenetv1_cub27_dfm").model.points == ("block4_1", "block5_2")
    assert load_recipe("mobilenetv1_cub27_cam").model.points == ()


def test_adl_takes_the_threshold_published_for_the_backbone():
    assert load_recipe("mobilenetv1_cub27_adl").params.drop_threshold == 0.95


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("learning_rate=.1", "no field 'learning_rate'"),
        ("epoch=3", "did you mean 'epochs'"),
        ("epochs=0", "from 1 to"),
        ("epochs=2.5", "type int"),
        ("lr=nan", "from 0 to"),
        ("lr=fast", "type float"),
        ("tau=1.5", "tau must be from 0 to 1"),
        ("apply=sum", "add, mul, residual"),
        ("precision=float16", "float32, bfloat16"),
        ("warmup_epochs=900", "must not exceed epochs"),
        ("settle_epochs=900", "must not exceed epochs"),
        ("hold_out_every=1", "nothing to train on"),
        ("backbone=vgg99", "no backbone"),
        ("method=magic", "no method"),
        ("seed=-1", "seed must be"),
        ("lr", "field=value"),
    ],
)
def test_a_bad_override_gets_one_sentence(override, told):
    with pytest.raises(UserError, match=told) as caught:
        load_recipe("mobilenetv1_cub27_dfm", [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model": {"method": "cam", "points": ["block4_1"]}}, "inserts nothing"),
        ({"model": {"method": "cam"}, "optim": {"settle_epochs": 1}}, "inserts nothing"),
        ({"model": {"method": "cam"}, "params": {"tau": 0.5}}, "not a parameter"),
        ({"optimizer": {}}, "did you mean 'optim'"),
        ({"optim": {"lr": True}}, "type float"),
        ({"optim": 3}, "must be a table"),
    ],
)
def test_parts_check_each_other(values, told):
    with pytest.raises(UserError, match=told):
        Recipe.from_dict(values)


def test_missing_and_broken_files_are_told(tmp_path):
    with pytest.raises(UserError, match="mobilenetv1_cub27_cam"):
        load_recipe("nothing_like_it")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model\n")
    with pytest.raises(UserError, match=r"broken\.toml cannot be read as TOML"):
        load_recipe(broken)
