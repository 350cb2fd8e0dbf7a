"""README.md of a checkpoint says what its card says, in the Hub's own format."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from dfm_viz.__main__ import main
from dfm_viz.backbones import BACKBONES
from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.checkpoint.card import CARD, INTENDED_USE, Card, KnownFailure, parse_card, read_card
from dfm_viz.checkpoint.convert import convert
from dfm_viz.checkpoint.model_card import render
from dfm_viz.inspection import load_family
from dfm_viz.methods import METHODS
from dfm_viz.types import UserError

SHIPPED = sorted((Path(__file__).parents[2] / "checkpoints").glob("*/*/card.json"))
SCORES = {
    "n": 80,
    "top1_clas": 76.25,
    "fixed": {"threshold": 0.2, "top1_loc": 30.0, "gt_known_loc": 41.25},
    "oracle": {"threshold": 0.37, "top1_loc": 50.0, "gt_known_loc": 62.5},
    "errors": {"right": 24, "cls": 19, "more": 37},
    "chance": {"whole_image": 20.0, "centred_square": {"side": 130, "gt_known_loc": 57.5}},
    "intervals": {"fixed": {"gt_known_loc": [30.5, 52.0]}},
    "protocol": "as usual",
    "seeds": 3,
    "command": "python -m training evaluate made --split test",
}
CARD_MADE = Card(
    name="vgg16_made/dfm",
    method="dfm",
    backbone="vgg16",
    dataset="made",
    knows="two | things",
    classes=tuple(f"class {i}" for i in range(40)),
    points=("conv5_3",),
    params={"alpha": 0.5, "apply": "mul"},
    image_size=224,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    licence="cc-by-4.0",
    licences=("Weights: ours.",),
    init_weights="random",
    recipe={"title": "a | b\nc", "seed": 7, "optim": {"lr": 0.01, "milestones": [3, 6]}},
    run={"commit": "abc-dirty", "wall_seconds": 61},
    metrics={"test": {**SCORES, "modes": {"expected": {**SCORES, "top1_clas": 70.0}}}},
    known_failures=(
        KnownFailure(
            sentence="Takes the branch for the bird.",
            picture="toy-7",
            method="dfm",
            settings={"mode": "off", "threshold": 0.2},
            label="class 3",
            score=0.75,
            box=(1.0, 2.0, 30.5, 40.0),
            iou=0.125,
        ),
    ),
    notes=("Made for a test.",),
    sha256="f" * 64,
)


def edit(folder, **changes):
    path = folder / CARD
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def as_version_1(folder):
    """Write the card of a folder as version 1 had it; returns the version 2 it came from."""
    card = read_card(folder)
    run = {"train_pictures": 5, "machine": "cpu", "versions": {"torch": "2.8"}, "selection": "x"}
    card = dataclasses.replace(
        card,
        recipe={"seed": 3, "optim": {"lr": 0.1}},
        run={**run, "data_fingerprint": "0f", "last_epoch": {"loss": 1.5}, "wall_seconds": 12},
    )
    old = json.loads(card.to_json())
    for name in ("run", "known_failures", "intended_use", "licence"):
        del old[name]
    facts = {k: v for k, v in card.run.items() if k != "wall_seconds"}
    old["recipe"] |= {**facts, "seconds": 12}
    (folder / CARD).write_text(json.dumps({**old, "schema_version": 1}))
    (folder / "README.md").unlink()
    return card


@pytest.fixture
def root(families_root, tmp_path):
    for name in ("camonly", "tiny"):
        shutil.copytree(families_root / name, tmp_path / "root" / name)
    return tmp_path / "root"


def test_the_hub_reads_the_scores_back():
    data = ModelCard(render(CARD_MADE)).data
    assert (data.license, data.library_name, data.datasets) == ("cc-by-4.0", "dfm_viz", ["made"])
    assert data.pipeline_tag == "image-classification"
    assert {"dfm", "vgg16"} <= set(data.tags)
    assert data.model_name == "vgg16_made/dfm"
    found = {r.metric_name: r.metric_value for r in data.eval_results}
    best = "oracle threshold 0.37 (the best of this very split)"
    assert found == {
        "Top-1 Clas, mode off": 76.25,
        "Top-1 Loc, mode off, fixed threshold 0.2": 30.0,
        "GT-known Loc, mode off, fixed threshold 0.2": 41.25,
        f"Top-1 Loc, mode off, {best}": 50.0,
        f"GT-known Loc, mode off, {best}": 62.5,
        "Top-1 Clas, mode expected": 70.0,
        "Top-1 Loc, mode expected, fixed threshold 0.2": 30.0,
        "GT-known Loc, mode expected, fixed threshold 0.2": 41.25,
        f"Top-1 Loc, mode expected, {best}": 50.0,
        f"GT-known Loc, mode expected, {best}": 62.5,
    }
    assert {r.dataset_split for r in data.eval_results} == {"test"}


def test_the_text_says_all_that_the_card_says():
    text = ModelCard(render(CARD_MADE)).text
    for said in (
        INTENDED_USE,
        "class 29 and 10 more",
        "| alpha | 0.5 |",
        "| title | a \\| b c |",
        "| optim.milestones | 3, 6 |",
        "| commit | abc-dirty |",
        "| off | 76.2 | fixed, 0.2 | 30.0 | 41.2 [30.5, 52.0] |",
        "| expected | 70.0 | oracle, 0.37 | 50.0 | 62.5 |",
        "centred square (130 of 224) | | | | 57.5 |",
        "wrong class 19",
        "95 % bootstrap interval",
        "Seeds: 3",
        "- Takes the branch for the bird. (example toy-7; mode off, threshold 0.2)",
        "- Weights: ours.",
        f"`{'f' * 64}`",
    ):
        assert said in text, said


def test_a_card_without_scores_has_none_in_the_metadata():
    data = ModelCard(render(dataclasses.replace(CARD_MADE, metrics={}))).data
    assert data.eval_results is None
    assert "Not measured." in render(dataclasses.replace(CARD_MADE, metrics={"spot_check": {}}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_method_and_backbone_has_a_model_card(method, backbone):
    card = dataclasses.replace(CARD_MADE, method=method, backbone=backbone, params={}, points=())
    assert METHODS[method].paper in ModelCard(render(card)).text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.parent.name}/{p.parent.name}")
def test_the_shipped_readme_is_what_its_card_says(path):
    """If this fails, run `python -m dfm_viz convert checkpoints`."""
    assert (path.parent / "README.md").read_text(encoding="utf-8") == render(read_card(path.parent))


def test_saving_writes_the_readme_and_the_code_in_it_runs(root, tmp_path, monkeypatch, picture):
    from PIL import Image

    model, card = load_checkpoint(root / "tiny" / "dfm")
    card = save_checkpoint(root / "tiny" / "dfm", model, card)
    text = (root / "tiny" / "dfm" / "README.md").read_text(encoding="utf-8")
    assert text == render(card)
    code = text.split("```python\n")[1].split("```")[0]
    Image.fromarray(picture).save(tmp_path / "picture.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFM_VIZ_FAMILIES", str(root))
    exec(compile(code, "README.md", "exec"), {})


def test_an_earlier_card_names_the_command_that_upgrades_it(root, capsys):
    folders = [root / "tiny" / "cam", root / "tiny" / "dfm"]
    wanted = [as_version_1(folder) for folder in folders]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    with pytest.raises(UserError) as error:
        load_family(root / "tiny", device="cpu")
    command = str(error.value).partition("python -m dfm_viz ")[2].split()
    assert command == ["convert", str(folders[0])]
    assert main(command) == 0
    assert "converted" in capsys.readouterr().out
    assert main(["convert", str(root)]) == 0  # the rest of a folder of families
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[2] for line in said if "tiny/adl" not in line] == [
        "up to date",
        "up to date",
        "converted",
    ]
    assert [read_card(folder) for folder in folders] == wanted
    assert [(folder / "model.safetensors").read_bytes() for folder in folders] == weights
    assert load_checkpoint(folders[1])[1] == wanted[1]
    assert set(convert(root / "tiny").values()) == {False}  # again: nothing to do


def test_nothing_is_written_if_one_card_cannot_be_understood(root):
    as_version_1(root / "tiny" / "cam")
    before = (root / "tiny" / "cam" / CARD).read_bytes()
    edit(root / "tiny" / "dfm", classes=[])
    with pytest.raises(UserError, match="tiny/dfm"):
        convert(root / "tiny")
    assert (root / "tiny" / "cam" / CARD).read_bytes() == before


def test_a_conversion_that_fails_half_way_can_be_repeated(root, monkeypatch):
    wanted = as_version_1(root / "tiny" / "cam")
    replace, done = Path.replace, []

    def second_fails(self, target):
        done.append(target)
        if len(done) == 2:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", second_fails)
        with pytest.raises(UserError, match="free some space"):
            convert(root / "tiny" / "cam")
    with pytest.raises(UserError, match="schema version 1"):
        read_card(root / "tiny" / "cam")
    assert convert(root / "tiny" / "cam") == {root / "tiny" / "cam": True}
    assert read_card(root / "tiny" / "cam") == wanted


def test_a_card_that_nothing_was_trained_for():
    values = json.loads(CARD_MADE.to_json())
    assert parse_card(values, "here") == CARD_MADE
    assert parse_card({**values, "recipe": {}}, "here").recipe == {}


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_where_there_is_no_checkpoint(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert main(["convert", str(tmp_path / name)]) == 2
    assert "There is no checkpoint in" in capsys.readouterr().err
