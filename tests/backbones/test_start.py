"""A file of weights fits wholly, or the sentence says which names do not."""

import re

import pytest
import safetensors.torch
import torch
import torchvision

from dfm_viz.backbones import create_model
from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.types import UserError

X = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)


def same(a, b):
    wanted, given = a.state_dict(), b.state_dict()
    return wanted.keys() == given.keys() and all(torch.equal(wanted[k], given[k]) for k in wanted)


def saved(state, path):
    safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, path)
    return path


@pytest.mark.parametrize("name", ["cam", "dfm", "adl"])
@pytest.mark.parametrize("as_folder", [True, False])
def test_a_checkpoint_of_ours_is_a_valid_start(families_root, name, as_folder):
    folder = families_root / "tiny" / name
    model, card = load_checkpoint(folder)
    init = folder if as_folder else folder / "model.safetensors"
    for method in ("cam", "dfm"):
        again = create_model(card.backbone, len(card.classes), method=method, init=init)
        assert same(again, model)
        assert again.options == model.options


def test_a_head_for_other_classes_and_modules_start_anew_and_the_rest_is_taken(tmp_path):
    torch.manual_seed(3)
    model = create_model("toynet", 4)
    path = saved(model.state_dict(), tmp_path / "w.safetensors")
    for method in ("cam", "cbam", "abn", "acol"):
        other = create_model("toynet", 7, method=method, init=path)
        assert other.fc.out_features == 7
        weights = other.state_dict()
        for name, tensor in model.state_dict().items():
            if name.startswith("features."):
                assert torch.equal(weights[name], tensor), (method, name)


def test_a_checkpoint_whose_modules_would_be_dropped_is_refused(tmp_path):
    path = saved(create_model("toynet", 4, method="cbam").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"w\.safetensors do not fit ToyNet \(it has unknown feat"):
        create_model("toynet", 4, init=path)
    half = create_model("toynet", 4).state_dict()
    del half["features.conv2.0.weight"], half["fc.bias"]
    path = saved(half, tmp_path / "half.safetensors")
    with pytest.raises(UserError, match=r"it lacks features\.conv2\.0\.weight, fc\.bias\)"):
        create_model("toynet", 4, init=path)


def test_vggs_own_head_is_taken_and_somebody_elses_is_named(tmp_path):
    torch.manual_seed(3)
    model = create_model("vgg16", 5).eval()
    path = saved(model.state_dict(), tmp_path / "ours.safetensors")
    again = create_model("vgg16", 5, init=path).eval()
    assert same(again, model)  # conv6 and fc with the rest
    features = torchvision.models.vgg16().features.state_dict()
    theirs = {f"features.{k}": v for k, v in features.items()}
    theirs |= {"conv6.weight": torch.zeros(1024, 512, 3, 3), "fc.weight": torch.zeros(5, 1024)}
    path = saved(theirs, tmp_path / "theirs.safetensors")
    with pytest.raises(UserError, match=r"unknown conv6\.weight, fc\.weight"):
        create_model("vgg16", 5, init=path)


def test_a_plain_vgg_is_not_given_a_random_end(tmp_path):
    features = torchvision.models.vgg16().features.state_dict()
    path = saved({f"features.{k}": v for k, v in features.items()}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"it lacks classifier\.0"):
        create_model("vgg16", 5, init=path, options={"plain": True})


def test_a_checkpoint_keeps_its_way_of_computing(families_root, tmp_path):
    _, card = load_checkpoint(families_root / "tiny" / "cam")
    model = create_model("mobilenetv1", 4, options={"convention": "timm"}).eval()
    save_checkpoint(tmp_path / "cam", model, card, dtype=torch.float32)
    again = create_model("mobilenetv1", 4, init=tmp_path / "cam").eval()
    with torch.inference_mode():
        assert torch.equal(again(X), model(X))
    with pytest.raises(UserError, match="is a checkpoint of mobilenetv1, not of toynet"):
        create_model("toynet", 4, init=tmp_path / "cam")


@pytest.mark.parametrize("name", ["own.pth", "own.pth.tar", "own.safetensors"])
def test_the_two_lines_of_python_in_the_sentence_work(name, tmp_path):
    model = create_model("toynet", 4)
    state = {f"module.{k}": v for k, v in model.state_dict().items()}
    path = tmp_path / name
    if name.endswith("tensors"):
        saved(state, path)
    else:
        torch.save({"epoch": 3, "state_dict": state} if name.endswith("tar") else state, path)
    with pytest.raises(UserError, match="two lines of Python") as caught:
        create_model("toynet", 4, init=path)
    first, second = re.findall("`([^`]*)`", str(caught.value))
    names = {}
    exec(first, names)
    exec(second, names)
    (made,) = set(tmp_path.iterdir()) - {path}
    assert same(create_model("toynet", 4, init=made), model)
