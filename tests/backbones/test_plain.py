"""Row 0 of Table 1: the backbones as their libraries publish them."""

import pytest
import safetensors.torch
import timm
import torch
import torchvision

from dfm_viz.backbones import BACKBONES, create_model
from dfm_viz.types import UserError

PLAIN = {"plain": True}
DENSE = {"dense": True}
X = torch.linspace(-1, 1, 3 * 96 * 64).sin().reshape(1, 3, 96, 64)


def saved(network, folder):
    path = folder / "weights.safetensors"
    safetensors.torch.save_file(network.state_dict(), path)
    return path


@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_resnet_is_torchvisions(name, tmp_path):
    torch.manual_seed(3)
    theirs = getattr(torchvision.models, name)().eval()
    ours = create_model(name, 1000, init=saved(theirs, tmp_path), options=PLAIN).eval()
    with torch.inference_mode():
        torch.testing.assert_close(ours(X), theirs(X), rtol=1e-4, atol=1e-5)
        assert ours.feature_map(X).shape[2:] == (3, 2)
    assert dict(ours.options) == PLAIN


def test_mobilenet_is_timms(tmp_path):
    torch.manual_seed(3)
    theirs = timm.create_model("mobilenetv1_100", pad_type="same", bn_eps=1e-3).eval()
    ours = create_model("mobilenetv1", 1000, init=saved(theirs, tmp_path), options=PLAIN).eval()
    with torch.inference_mode():
        torch.testing.assert_close(ours(X), theirs(X))
        assert ours.feature_map(X).shape[2:] == (3, 2)


def test_vgg_is_torchvisions_with_its_fully_connected_layers(tmp_path):
    torch.manual_seed(3)
    with torch.device("meta"):
        theirs = torchvision.models.vgg16()
    theirs = theirs.to_empty(device="cpu").eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parameter.uniform_(-1, 1).mul_(0.1 if "bias" in name else parameter[0].numel() ** -0.5)
    ours = create_model("vgg16", 1000, init=saved(theirs, tmp_path), options=PLAIN).eval()
    with torch.inference_mode():
        torch.testing.assert_close(ours(X), theirs(X), rtol=1e-4, atol=1e-6)
        assert ours.feature_map(X).shape == (1, 4096, 1, 1)
    assert ours.fc.out_features == 1000
    assert (theirs(X).std() > 0).all()
    # The dense network is its classifier, slid over a map that is larger than 7 x 7.
    del ours
    dense = create_model("vgg16", 1000, init=tmp_path / "weights.safetensors", options=DENSE).eval()
    pooled = torch.linspace(0, 50, 512 * 8 * 7).cos().relu().reshape(1, 512, 8, 7)
    with torch.inference_mode():
        slid = dense.features.between(pooled, "pool5", None)
        assert slid.shape == (1, 4096, 8, 7)
        every = torch.stack([dense.cam(slid, torch.tensor([k]))[0] for k in range(0, 1000, 99)])
        for row in (3, 4):  # the two windows that lie within
            window = pooled[:, :, row - 3 : row + 4].flatten(1)
            expected = theirs.classifier(window)[0, ::99]
            found = every[:, row, 3] + dense.fc.bias[::99]
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        at_the_edge = torch.nn.functional.pad(pooled[:, :, :4, :4], (3, 0, 3, 0))
        expected = theirs.classifier(at_the_edge.flatten(1))[0, ::99]
        torch.testing.assert_close(
            every[:, 0, 0] + dense.fc.bias[::99], expected, rtol=1e-4, atol=1e-6
        )


def test_the_plain_network_of_a_dense_one_is_the_published_one():
    with torch.device("meta"):
        made = [create_model("vgg16", 5, options=o) for o in (PLAIN, DENSE, {**DENSE, **PLAIN})]
        shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in made]
        maps = [m.feature_map(torch.empty(1, 3, 448, 448)).shape[2:] for m in made]
    assert shapes[0] == shapes[1] == shapes[2]
    assert maps == [(1, 1), (14, 14), (1, 1)]


@pytest.mark.parametrize("name", ["mobilenetv1", "resnet50", "toynet"])
def test_a_plain_network_trains(name):
    torch.manual_seed(0)
    model = create_model(name, 3, options=PLAIN).train()
    (logits,) = model.training_logits(X.expand(2, -1, -1, -1), torch.tensor([0, 2]))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", list(BACKBONES))
def test_plain_takes_no_method(name):
    with pytest.raises(UserError, match=r"plain .*'dfm'"):
        create_model(name, 3, method="dfm", options=PLAIN)


def test_not_plain_is_the_default():
    names = create_model("mobilenetv1", 3, options={"plain": False}).state_dict()
    assert list(names) == list(create_model("mobilenetv1", 3).state_dict())


def test_options_are_checked():
    with pytest.raises(UserError, match="no option 'plane'; its options are convention, plain"):
        create_model("mobilenetv1", 3, options={"plane": True})
    with pytest.raises(UserError, match="plain of ResNet50 must be a bool"):
        create_model("resnet50", 3, options={"plain": "yes"})
    with pytest.raises(UserError, match="tf_slim, timm"):
        create_model("mobilenetv1", 3, options={"convention": "caffe"})
