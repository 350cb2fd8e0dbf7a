"""ImageNet families out of published weights, tested up to the download."""

import dataclasses
import json
from pathlib import Path

import pytest
import timm
import torch
import torchvision

import dfm_viz
from dfm_viz.__main__ import main
from dfm_viz.backbones import BACKBONES, create_model
from dfm_viz.checkpoint import imagenet, load_checkpoint, read_card
from dfm_viz.pictures import to_input

BUILDERS = {
    "mobilenetv1": (timm, "create_model"),
    "resnet50": (torchvision.models, "resnet50"),
    "resnet101": (torchvision.models, "resnet101"),
    "vgg16": (torchvision.models, "vgg16"),
}


@pytest.fixture
def library(monkeypatch):
    """Makes a library's builder, asked for published weights, call a function instead."""

    def answer(backbone, download):
        home, name = BUILDERS[backbone]
        real, asked = getattr(home, name), []

        def build(*args, **kwargs):
            wanted = kwargs.get("weights") or kwargs.get("pretrained")
            if not wanted:
                return real(*args, **kwargs)
            asked.append(wanted)
            return download(real)

        monkeypatch.setattr(home, name, build)
        return asked

    return answer


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DFM_VIZ_FAMILIES", str(tmp_path / "families"))
    return tmp_path / "families"


def test_a_fetched_resnet50_says_what_the_librarys_network_says(
    library, root, picture, monkeypatch, capsys
):
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50()
    with torch.no_grad():
        for module in theirs.modules():  # statistics that are alive, and a decided answer
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
        theirs.fc.weight.mul_(20)
    published = theirs.state_dict()

    def download(build):
        net = build()
        net.load_state_dict(published)
        return net

    asked = library("resnet50", download)
    small = dataclasses.replace(imagenet.PUBLISHED["resnet50"], image_size=64)
    monkeypatch.setitem(imagenet.PUBLISHED, "resnet50", small)

    assert main(["fetch", "resnet50_imagenet1k"]) == 0
    assert str(root / "resnet50_imagenet1k") in capsys.readouterr().out
    assert asked == [torchvision.models.ResNet50_Weights.IMAGENET1K_V1]
    assert [p.name for p in root.iterdir()] == ["resnet50_imagenet1k"]
    assert main(["families"]) == 0
    (info,) = json.loads(capsys.readouterr().out)
    assert info["name"] == "resnet50_imagenet1k"
    assert len(info["classes"]) == 1000

    theirs.load_state_dict({k: v.half() for k, v in published.items()})  # as it is stored
    theirs.layer4[0].conv2.stride = theirs.layer4[0].downsample[0].stride = (1, 1)
    spec = BACKBONES["resnet50"]
    with torch.inference_mode():
        x = to_input(picture, 64, mean=spec.mean, std=spec.std)
        score, index = theirs.eval()(x).softmax(dim=1)[0].max(dim=0)
    family = dfm_viz.load_family("resnet50_imagenet1k", device="cpu")
    found = family.inspect(family.open(picture), dfm_viz.Settings()).methods
    assert list(found) == ["cam", "adl", "dfm"]
    assert found["cam"].label == imagenet.class_names()[index]
    assert found["cam"].score == pytest.approx(float(score), abs=1e-4)
    assert float(score) > 0.05  # one of a thousand classes stands out

    card = read_card(root / "resnet50_imagenet1k" / "cam")
    assert not card.trained
    assert card.init_weights.startswith("torchvision's ResNet50_Weights.IMAGENET1K_V1")
    assert "BSD-3-Clause" in card.licences[0]
    assert set(card.metrics["spot_check"]) == {"source", "chelsea", "coffee", "rocket"}
    assert "commit" not in card.run  # nothing here was trained at a commit of ours

    assert main(["fetch", "resnet50_imagenet1k"]) == 2
    said = capsys.readouterr().err
    assert "is not empty" in said
    assert said.count("\n") == 1
    assert len(asked) == 1  # it is refused before anything is downloaded


def test_a_fetched_mobilenet_keeps_timms_convention(library, tmp_path):
    torch.manual_seed(0)
    theirs = timm.create_model("mobilenetv1_100", output_stride=16).eval()
    asked = library("mobilenetv1", lambda build: theirs)
    out = tmp_path / "mine"
    assert main(["fetch", "mobilenetv1_imagenet1k", "--out", str(out)]) == 0
    assert asked == [True]
    model, card = load_checkpoint(out / "cam")
    assert model.options == {"convention": "timm"}
    assert card.licence == "apache-2.0"
    theirs.half().float()
    x = torch.linspace(-1, 1, 3 * 64 * 64).sin().reshape(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), theirs(x))


@pytest.mark.parametrize("backbone", BUILDERS)
def test_every_published_classifier_gives_14_by_14(library, backbone):
    """Names and shapes only: the networks have no storage."""
    published = imagenet.PUBLISHED[backbone]
    size = published.image_size
    arguments = {"model_name": "mobilenetv1_100", "output_stride": 16}
    asked = library(
        backbone, lambda build: build(**arguments) if backbone == "mobilenetv1" else build()
    )
    with torch.device("meta"):
        model = create_model(backbone, 1000, init="imagenet", options=published.options)
        features = model.feature_map(torch.empty(1, 3, size, size))
    assert len(asked) == 1
    assert features.shape[2:] == (14, 14)
    assert "conv6" not in model.features.names  # its weights would be random


@pytest.mark.parametrize("backbone", BUILDERS)
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionError("no network"), "ConnectionError"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (RuntimeError("invalid hash value"), "RuntimeError"),
    ],
)
def test_a_download_that_fails_is_one_sentence_and_leaves_nothing(
    library, root, capsys, backbone, error, reason
):
    def fail(build):
        raise error

    asked = library(backbone, fail)
    assert main(["fetch", f"{backbone}_imagenet1k"]) == 2
    said = capsys.readouterr().err
    assert f"ImageNet weights could not be downloaded ({reason})" in said
    assert said.count("\n") == 1
    assert len(asked) == 1
    assert not root.exists()


@pytest.mark.parametrize("name", ["resnet18_imagenet1k", "resnet50", "_imagenet1k", "../cam"])
def test_an_unknown_name_is_answered_with_the_known_ones(name, root, capsys):
    assert main(["fetch", name]) == 2
    said = capsys.readouterr().err
    for known in (*imagenet.names(), "hf:OWNER/NAME@COMMIT"):
        assert known in said
    assert said.count("\n") == 1
    assert not root.exists()


def test_a_name_for_every_backbone_with_published_weights():
    assert imagenet.names() == tuple(f"{backbone}_imagenet1k" for backbone in BUILDERS)


def test_names_are_short_readable_and_differ():
    described = {
        "n01440764": "tench, Tinca tinca",
        "n02012849": "crane",
        "n03126707": "crane",
        "n03710637": "maillot",
        "n03710721": "maillot, tank suit",
        "n11111111": "same",
        "n22222222": "same",
        "n33333333": "",
    }
    assert imagenet.short_names(described) == {
        "n01440764": "tench",
        "n02012849": "crane (bird)",
        "n03126707": "crane (machine)",
        "n03710637": "maillot",
        "n03710721": "maillot, tank suit",
        "n11111111": "same (n11111111)",
        "n22222222": "same (n22222222)",
        "n33333333": "n33333333",
    }


def test_the_thousand_names_are_those_of_the_shipped_checkpoint():
    # Evaluation matches classes by name.
    names = imagenet.class_names()
    assert len(set(names)) == len(names) == 1000
    shipped = Path(__file__).parents[2] / "checkpoints" / "mobilenetv1_imagenet1k" / "cam"
    assert names == read_card(shipped).classes
