"""`evaluate --write-card`: scores reach the cards by the command that measures them."""

import dataclasses
import json

import pytest

from dfm_viz.checkpoint.card import CARD, read_card
from dfm_viz.checkpoint.imagenet import NOT_EVALUATED
from training.__main__ import main
from training.commands import evaluate
from training.data import open_dataset

CLASSES = ("Red Bird", "Blue throated Bird", "Green Bird")


@pytest.fixture
def family(tmp_path, checkpoint_maker):
    """CAM and DFM with random weights that know the classes of the tiny CUB folder."""
    folder = tmp_path / "birds"
    for method in ("cam", "dfm"):
        checkpoint_maker(folder / method, method, backbone="toynet", classes=CLASSES)
        card = read_card(folder / method)
        changed = dataclasses.replace(
            card, recipe={"data": {"name": "cub"}}, metrics={"val": {"n": 3}}
        )
        (folder / method / CARD).write_text(changed.to_json())
    return folder


def words(family, root, *more):
    return ["evaluate", str(family), "--data-root", str(root), "--workers", "0", *more]


def test_every_checkpoint_of_a_family_gets_its_own_scores(family, cub_root, tmp_path, capsys):
    out = tmp_path / "scores.json"
    assert main(words(family, cub_root, "--json", str(out), "--write-card")) == 0
    scores = json.loads(out.read_text())["methods"]
    for method in ("cam", "dfm"):
        card = read_card(family / method)
        told = card.metrics["test"]
        assert {k: v for k, v in told.items() if k in scores[method]} == scores[method]
        assert told["command"] == (
            f"python -m training evaluate birds/{method} --data-root DATA --split test --json OUT"
        )
        assert (told["seeds"], told["weights"]) == (1, "the shipped float16 file")
        assert set(told["intervals"]) == {"top1_clas", "fixed", "oracle"}
        assert card.metrics["val"] == {"n": 3}  # another split stays as it was
        low, high = told["intervals"]["top1_clas"]
        said = f"| off | {told['top1_clas']:.1f} [{low:.1f}, {high:.1f}] | fixed, 0.2 |"
        assert said in (family / method / "README.md").read_text()
    assert set(read_card(family / "dfm").metrics["test"]["modes"]) == {
        "expected", "position", "channel",
    }  # fmt: skip


def test_without_the_option_cards_stay(family, cub_root, tmp_path):
    before = (family / "cam" / CARD).read_bytes()
    assert main(words(family / "cam", cub_root, "--json", str(tmp_path / "s.json"))) == 0
    assert (family / "cam" / CARD).read_bytes() == before


def test_some_modes_are_no_card(family, cub_root, capsys):
    assert main(words(family, cub_root, "--write-card", "--modes", "off")) == 2
    assert "leave --modes out" in capsys.readouterr().err


def test_a_checkpoint_replaced_meanwhile_gets_no_scores(
    family, cub_root, checkpoint_maker, monkeypatch, capsys
):
    original = evaluate.evaluate_path

    def slow(*args, **options):
        result = original(*args, **options)
        checkpoint_maker(family / "cam", "cam", backbone="toynet", seed=5, classes=CLASSES)
        return result

    monkeypatch.setattr(evaluate, "evaluate_path", slow)
    assert main(words(family, cub_root, "--write-card")) == 2
    assert "was replaced while it was measured" in capsys.readouterr().err
    assert "test" not in read_card(family / "cam").metrics
    assert "test" not in read_card(family / "dfm").metrics


def test_published_weights_may_be_told_their_data(family, cub_root, capsys):
    """Their card names none; the note that they were not measured goes, the command says how."""
    folder = family / "cam"
    published = dataclasses.replace(
        read_card(folder), recipe={}, trained=False, notes=("Other.", NOT_EVALUATED)
    )
    (folder / CARD).write_text(published.to_json())
    assert main(words(folder, cub_root, "--write-card", "--data", "cub")) == 0
    card = read_card(folder)
    assert card.metrics["test"]["command"] == (
        "python -m training evaluate birds/cam --data cub --data-root DATA --split test --json OUT"
    )
    assert card.notes == ("Other.",)
    told = card.metrics["test"]["against_chance"]["centred_square"]["fixed"]
    assert (
        f"right alone {told['only_method']} and {told['only_box']} times"
        in (folder / "README.md").read_text()
    )
    # One that was trained keeps to what it was trained on.
    assert main(words(family, cub_root, "--write-card", "--data", "folder")) == 2
    assert "was trained on cub, not folder; leave --data out" in capsys.readouterr().err


def test_splits_that_are_ours_are_told_on_the_card_once(family, cub_root, monkeypatch):
    def ours(name, root):
        return dataclasses.replace(open_dataset(name, root), splits="Every second one.")

    monkeypatch.setattr("training.evaluation.run.open_dataset", ours)
    for _ in range(2):
        assert main(words(family / "cam", cub_root, "--write-card")) == 0
    assert read_card(family / "cam").notes == ("Every second one.",)
