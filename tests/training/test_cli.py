import json

import pytest
import timm
import torch
from safetensors.torch import save_file

from dfm_viz.checkpoint import load_checkpoint
from training.__main__ import main

RECIPE = """
title = "tiny"
[model]
method = "{method}"
init = "none"
freeze_through = "block3_2"
[data]
family = "tiny"
knows = "3 coloured birds only"
hold_out_every = 0
image_size = 32
decode_side = 32
notes = ["Painted by a test."]
[optim]
batch = 6
epochs = 1
"""


@pytest.fixture
def recipe(tmp_path):
    def write(method):
        path = tmp_path / f"{method}.toml"
        path.write_text(RECIPE.format(method=method))
        return str(path)

    return write


def test_fit_then_evaluate(recipe, cub_root, tmp_path, capsys):
    out, result = tmp_path / "family" / "dfm", tmp_path / "results" / "scores.json"
    fit = ["fit", recipe("dfm"), "--data-root", str(cub_root), "--out", str(out), "--threads", "1"]
    assert main([*fit, "lr=.02", "tau=.5"]) == 0
    model, card = load_checkpoint(out)
    assert card.params["tau"] == 0.5
    assert card.recipe["optim"]["lr"] == 0.02
    assert card.name == "mobilenetv1_tiny/dfm"
    assert card.classes == ("Red Bird", "Blue throated Bird", "Green Bird")
    assert card.notes == ("Painted by a test.",)
    assert "non-commercial" in card.licences[0]
    assert card.metrics["test"]["n"] == 6
    assert not model.training
    assert str(tmp_path) not in card.to_json()

    command = ["evaluate", str(out), "--data-root", str(cub_root.parent), "--json", str(result)]
    assert main([*command, "--threads", "1"]) == 0
    scores = json.loads(result.read_text())
    measured = {k: v for k, v in card.metrics["test"].items() if k in scores}
    assert scores == measured  # the card's numbers are those of the shipped file
    assert set(scores["modes"]) == {"expected", "position", "channel"}
    assert set(scores) >= {"n", "top1_clas", "fixed", "oracle", "chance", "errors", "protocol"}

    assert main(["evaluate", str(out.parent), "--data-root", str(cub_root)]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 3)[3])["methods"]["dfm"]["n"] == 6


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fit", "nothing", "--data-root", ".", "--out", "x"], "There is no recipe"),
        (["fit", "mobilenetv1_cub50_cam", "--data-root", "absent", "--out", "x"], "is no folder"),
        (["evaluate", "absent", "--data-root", "."], "There is no checkpoint or family"),
        (["imagenet", "--init-weights", "absent", "--out", "x"], "There is no weights file"),
    ],
)
def test_a_users_error_is_one_sentence_and_exit_code_2(words, told, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_an_unknown_flag_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "x", "--data-root", ".", "--fast"])
    assert caught.value.code == 2
    assert "--fast" in capsys.readouterr().err


def test_the_imagenet_checkpoint_keeps_the_given_weights(tmp_path):
    torch.manual_seed(0)
    net = timm.create_model("mobilenetv1_100")
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    words = ["--init-weights", str(tmp_path / "w.safetensors"), "--out", str(tmp_path / "cam")]
    assert main(["imagenet", *words]) == 0
    model, card = load_checkpoint(tmp_path / "cam")
    assert not card.trained
    assert card.init_weights.startswith("a file given by the user (SHA-256 ")  # not TF-Slim's
    assert len(set(card.classes)) == 1000
    assert card.classes[285] == "Egyptian cat"
    assert card.classes[134] != card.classes[517]
    assert (tmp_path / "cam" / "model.safetensors").stat().st_size < 10e6
    assert torch.allclose(model.fc.weight, net.classifier.weight, atol=1e-3)
