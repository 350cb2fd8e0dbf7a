import pytest

from dfm_viz.methods import METHODS
from dfm_viz.methods.params import Number
from dfm_viz.types import UserError
from training.recipe import RECIPES, Recipe, load_recipe

FILES = sorted(RECIPES.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_recipe_on_disk_loads_and_survives_json(path):
    recipe = load_recipe(path)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    if not path.stem.startswith(("ablation_", "trials_")):  # bases of sweeps and trials
        name = f"{recipe.model.backbone}_{recipe.data.family}_{recipe.model.method}"
        kinds = ("add", "hard", "slow", "strong", "tuned")
        assert path.stem in (name, *(f"{name}_{kind}" for kind in kinds))


def test_published_rows_have_a_recipe_each():
    """Table 3 on both data sets, and Table 4's rivals on ILSVRC."""
    deep = {(b, m) for b in ("resnet50", "resnet101") for m in ("cam", "dfm")}
    vgg = {("vgg16", m) for m in ("cam", "acol", "adl", "dfm")}
    mobile = {("mobilenetv1", m) for m in ("cam", "has", "adl", "dfm")}
    rivals = {
        ("resnet50", "cbam"),
        ("resnet101", "cbam"),
        ("vgg16", "abn"),
        ("mobilenetv1", "cbam"),
    }
    names = {f"{b}_{f}_{m}" for b, m in deep | vgg | mobile for f in ("cub200", "ilsvrc")}
    names |= {f"{b}_ilsvrc_{m}" for b, m in rivals}
    assert names <= {path.stem for path in FILES}
    assert load_recipe("vgg16_cub200_dfm").optim.weight_decay == 5e-4
    assert load_recipe("mobilenetv1_cub200_adl").params.drop_threshold == 0.95
    assert load_recipe("resnet50_ilsvrc_dfm").params.omega == 0.15


def test_the_shipped_recipes_keep_their_meaning():
    for method, settle in (("cam", 0), ("adl", 0), ("dfm", 1)):
        recipe = load_recipe(f"mobilenetv1_cub50_{method}")
        optim = recipe.optim
        assert (optim.epochs, optim.batch, optim.lr, optim.settle_epochs) == (5, 32, 0.01, settle)
        assert (optim.schedule, optim.draws, optim.ema, optim.clip_norm) == (
            "cosine",
            "batch",
            0,
            0,
        )
        assert (recipe.augment.crop, recipe.select.by) == ("resized", "last")
    assert load_recipe("mobilenetv1_cub50_dfm_add").params.apply == "add"


def test_a_recipe_extends_one_other(tmp_path):
    (tmp_path / "base.toml").write_text(
        'title = "b"\n[model]\nmethod = "dfm"\npoints = ["block4_1"]\n[params]\ntau = 0.1\n'
        "[optim]\nlr = 0.5\nbatch = 7\n"
    )
    (tmp_path / "same.toml").write_text(
        'extends = "base"\n[params]\nomega = 0.2\n[optim]\nlr = 0.3'
    )
    (tmp_path / "other.toml").write_text('extends = "base"\n[model]\nmethod = "adl"\n')
    (tmp_path / "third.toml").write_text('extends = "same"\n')
    same = load_recipe(tmp_path / "same.toml", ["batch=8"])
    assert (same.optim.lr, same.optim.batch, same.title) == (0.3, 8, "b")
    assert (same.params.tau, same.params.omega, same.model.points) == (0.1, 0.2, ("block4_1",))
    other = load_recipe(tmp_path / "other.toml")  # points and parameters belong to the method
    assert other.model.points == ("block4_1", "block5_2")
    assert other.params.drop_threshold == 0.95
    with pytest.raises(UserError, match=r"same\.toml extends 'base': extends must name one"):
        load_recipe(tmp_path / "third.toml")


def test_numbers_in_a_list_are_read_from_text():
    recipe = load_recipe("mobilenetv1_cub50_cam", ["schedule=steps", "milestones=2,4"])
    assert recipe.optim.milestones == (2, 4)


def test_overrides_are_typed_and_found_in_their_table():
    recipe = load_recipe("mobilenetv1_cub50_dfm", ["lr=1", "optim.epochs=7", "tau=.5", "seed=9"])
    assert recipe.optim.lr == 1.0
    assert isinstance(recipe.optim.lr, float)
    assert recipe.optim.epochs == 7
    assert recipe.params.tau == 0.5
    assert recipe.seed == 9


def test_points_default_to_the_backbones_own():
    assert load_recipe("mobilenetv1_cub50_dfm").model.points == ("block4_1", "block5_2")
    assert load_recipe("mobilenetv1_cub50_cam").model.points == ()


def test_adl_takes_the_threshold_published_for_the_backbone():
    assert load_recipe("mobilenetv1_cub50_adl").params.drop_threshold == 0.95


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
        ("schedule=steps", "milestones go with"),
        ("milestones=3,9", "milestones go with"),
        ("milestones=a", "milestones must be of type int"),
        ("select.by=loss", "last, top1, gt_known"),
        ("draws=often", "batch, process, sample"),
        ("plain=true", "for cam only"),
        ("cache=disk", "auto, memory, none"),
        ("active=2", "active must be from 0 to 1"),
        ("temperature=0", "temperature must be from 0.1 to 100"),
        ("weight=.5", 'give distil = "FOLDER"'),
        ("weight=2", "weight must be from 0 to 1"),
    ],
)
def test_a_bad_override_gets_one_sentence(override, told):
    with pytest.raises(UserError, match=told) as caught:
        load_recipe("mobilenetv1_cub50_dfm", [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model": {"method": "cam"}, "optim": {"active": 0.5}}, "nothing in it is drawn"),
        ({"model": {"init": "none", "keep_head": True}}, "keep_head=false for init=none"),
        ({"model": {"method": "acol", "keep_head": True}}, "keep_head=false"),
        ({"teacher": {"distil": 3}}, "distil must be of type str"),
        ({"model": {"method": "cam", "points": ["block4_1"]}}, "inserts nothing"),
        ({"model": {"method": "cam"}, "optim": {"settle_epochs": 1}}, "nothing in it is drawn"),
        ({"model": {"method": "cbam"}, "optim": {"settle_epochs": 1}}, "nothing in it is drawn"),
        ({"optim": {"schedule": "steps", "milestones": [9, 3]}}, "must rise"),
        ({"optim": {"schedule": "steps", "milestones": [20]}}, "between 0 and epochs"),
        ({"optim": {"schedule": "steps", "milestones": [True]}}, "a list of int"),
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
    with pytest.raises(UserError, match="mobilenetv1_cub50_cam"):
        load_recipe("nothing_like_it")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model\n")
    with pytest.raises(UserError, match=r"broken\.toml cannot be read as TOML"):
        load_recipe(broken)


def test_every_parameter_of_every_method_can_be_overridden_by_its_bare_name():
    for name, method in METHODS.items():
        for field, kind in method.params.kinds().items():
            value = kind.high if isinstance(kind, Number) else list(kind.options)[-1]
            recipe = load_recipe("mobilenetv1_cub50_cam", [f"method={name}", f"{field}={value}"])
            assert getattr(recipe.params, field) == value
