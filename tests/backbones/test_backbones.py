"""Backbones: stages, insertion, CAM, and agreement with torchvision, timm and torch-cam."""

import pytest
import safetensors.torch
import timm
import torch
import torchcam.methods
import torchvision

from dfm_viz.backbones import BACKBONES, create_model, default_params, descend, forward_mode
from dfm_viz.methods import METHODS, ADLParams, DFMParams, Placement
from dfm_viz.types import AdlDraw, Draw, Mode, UserError

X = torch.linspace(-1, 1, 2 * 3 * 64 * 64).sin().reshape(2, 3, 64, 64)


@pytest.fixture(scope="module", params=list(BACKBONES))
def backbone(request):
    return request.param


def fresh(backbone, method="cam", seed=0, **kwargs):
    torch.manual_seed(seed)
    return create_model(backbone, 5, method=method, **kwargs).eval()


def bare(backbone, method="cam", **kwargs):
    """A network without storage: names and shapes only."""
    with torch.device("meta"):
        return create_model(backbone, 5, method=method, **kwargs).eval()


def test_14_by_14_at_224(backbone):
    with torch.inference_mode():
        features = fresh(backbone).feature_map(torch.zeros(1, 3, 224, 224))
    assert features.shape[2:] == (14, 14)
    assert (features >= 0).all()


@pytest.mark.parametrize("method", ["dfm", "adl", "has"])
def test_insertion_changes_no_names_and_no_answers(backbone, method):
    plain, with_it = fresh(backbone), fresh(backbone, method, seed=1)
    assert list(plain.state_dict()) == list(with_it.state_dict())
    assert with_it.load_state_dict(plain.state_dict())
    assert list(with_it.insertions) == list(BACKBONES[backbone].points[method])
    with torch.inference_mode():
        assert torch.equal(plain(X), with_it(X))  # the identity in evaluation


def test_any_two_stages_make_the_whole(backbone):
    model = fresh(backbone)
    names = model.features.names
    with torch.inference_mode():
        whole = model.features(X)
        for name in names:
            half = model.features.between(X, None, name)
            assert torch.equal(model.features.between(half, name, None), whole)
        first = model.features.between(X, None, names[2])
        second = model.features.between(first, names[2], names[4])
        assert torch.equal(second, model.features.between(X, None, names[4]))
        assert torch.equal(model.features.between(first, names[2], names[2]), first)


def test_unknown_or_reversed_stages_are_named(backbone):
    model = bare(backbone)
    with pytest.raises(UserError, match="nowhere"):
        model.features.between(X, None, "nowhere")
    with pytest.raises(UserError, match="comes before"):
        model.features.between(X, model.features.names[3], model.features.names[1])
    with pytest.raises(UserError, match="nowhere"):
        bare(backbone, "dfm", points=["nowhere"])


def test_draws_reach_their_own_point(backbone):
    model = fresh(backbone, "dfm", params=DFMParams(beta=0.5))
    first, second = model.insertions
    with torch.inference_mode():
        before = model.features.between(X, None, first)
        traced = model.insertions[first].trace(before, Draw.CHANNEL)
        features = model.features.between(traced.F_out, first, second)
        expected = model.insertions[second].trace(features, Draw.POSITION).F_out
        expected = model.features.between(expected, second, None)
        given = {first: Draw.CHANNEL, second: Draw.POSITION}
        assert torch.equal(model.feature_map(X, given), expected)
        found = dict(descend(model, X, (first, second)))
        assert torch.equal(found[Draw.CHANNEL, Draw.POSITION], expected)
        assert len(found) == 4


def test_training_draws_follow_their_generator(backbone):
    model = bare(backbone, "dfm")
    draws = [model.sample_draws(torch.Generator().manual_seed(s)) for s in (1, 1, 2, 3, 4, 5)]
    assert draws[0] == draws[1]
    assert len({tuple(d.values()) for d in draws}) > 1
    adl = bare(backbone, "adl").sample_draws(torch.Generator().manual_seed(0))
    assert all(isinstance(d, AdlDraw) for d in adl.values())


def test_mean_of_cam_plus_bias_is_the_logit(backbone):
    model = fresh(backbone)
    with torch.inference_mode():
        features = model.feature_map(X)
        logits = model.logits(features)
        for k in range(5):
            index = torch.tensor([k, k])
            mean = model.cam(features, index).mean(dim=(1, 2)) + model.fc.bias[k]
            assert torch.allclose(mean, logits[:, k], rtol=1e-4, atol=1e-4)


def test_cam_agrees_with_torch_cam(backbone):
    model = fresh(backbone)
    with torchcam.methods.CAM(model, "features", "fc") as extractor:
        scores = model(X[:1])
        top = int(scores.argmax())
        (theirs,) = extractor(top, scores, normalized=False)
    with torch.inference_mode():
        ours = model.cam(model.feature_map(X[:1]), torch.tensor([top]))
    # torch-cam's CAM ends in a ReLU; ours is raw.
    assert torch.allclose(ours.relu(), theirs.relu(), rtol=1e-4, atol=1e-5)
    assert (ours > 0).any()


def test_parameter_groups_cover_every_parameter_once(backbone):
    model = bare(backbone)
    groups = model.parameter_groups()
    ids = [id(p) for group in groups.values() for p in group]
    assert sorted(ids) == sorted(id(p) for p in model.parameters())
    assert len(groups["head"]) == 2
    assert groups["last_stage"]
    assert groups["base"]


def test_resnet_weights_keep_their_meaning(tmp_path):
    torch.manual_seed(3)
    theirs = torchvision.models.resnet50().eval()
    path = tmp_path / "resnet.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), path)
    ours = create_model("resnet50", 1000, init=path).eval()
    theirs.layer4[0].conv2.stride = theirs.layer4[0].downsample[0].stride = (1, 1)
    with torch.inference_mode():
        assert torch.allclose(ours(X), theirs(X), rtol=1e-4, atol=1e-5)


def test_mobilenet_weights_keep_their_meaning(tmp_path):
    torch.manual_seed(3)
    args = {"pad_type": "same", "bn_eps": 1e-3, "output_stride": 16}
    theirs = timm.create_model("mobilenetv1_100", **args).eval()
    path = tmp_path / "mobilenet.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), path)
    ours = create_model("mobilenetv1", 1000, init=path).eval()
    with torch.inference_mode():
        assert torch.equal(ours(X), theirs(X))
    other_head = create_model("mobilenetv1", 7, init=path)
    assert other_head.fc.out_features == 7


def test_vgg_takes_convolutions_alone_and_keeps_their_meaning(tmp_path):
    torch.manual_seed(3)
    theirs = torchvision.models.vgg16().eval()
    convolutions = {k: v for k, v in theirs.state_dict().items() if k.startswith("features.")}
    path = tmp_path / "vgg.safetensors"
    safetensors.torch.save_file({k: v.half() for k, v in convolutions.items()}, path)
    ours = create_model("vgg16", 5, init=path).eval()
    theirs.features.load_state_dict(
        {k: v.half().float() for k, v in theirs.features.state_dict().items()}
    )
    with torch.inference_mode():
        expected = theirs.features[:-1](X)  # without pool5
        assert torch.equal(ours.features.between(X, None, "conv5_3"), expected)
    assert ours.fc.in_features == 1024


def test_weights_that_do_not_fit(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(UserError, match=r"other\.safetensors do not fit ResNet50"):
        create_model("resnet50", 5, init=path)
    path.write_bytes(b"text")
    with pytest.raises(UserError, match="safetensors"):
        create_model("resnet50", 5, init=path)
    with pytest.raises(UserError, match="no weights file"):
        create_model("resnet50", 5, init=tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    ("backbone_name", "home", "builder"),
    [
        ("mobilenetv1", timm, "create_model"),
        ("resnet50", torchvision.models, "resnet50"),
    ],
)
def test_published_weights_are_asked_from_the_library(monkeypatch, backbone_name, home, builder):
    asked = {}

    def offline(*args, **kwargs):
        asked.update(kwargs)
        raise ConnectionError("no network")

    monkeypatch.setattr(home, builder, offline)
    with pytest.raises(UserError, match=r"could not be downloaded .*local safetensors file"):
        create_model(backbone_name, 5, init="imagenet")
    published = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
    assert asked.get("pretrained") is True or asked.get("weights") is published
    # timm's own weights want timm's own padding, not TF-Slim's.
    assert "pad_type" not in asked


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(UserError, match=r"mobilenetv1, resnet50, resnet101, vgg16, toynet\."):
        create_model("alexnet", 5)
    with pytest.raises(UserError, match="cam, has, acol, adl, dfm, cbam, abn"):
        create_model("resnet50", 5, method="magic")


@pytest.mark.parametrize("method", list(METHODS))
def test_every_pair_answers_and_trains_one_step(backbone, method):
    model, x, labels = fresh(backbone, method), X[..., :32], torch.tensor([1, 3])
    logits, maps = forward_mode(model, x, Mode.OFF)
    with torch.inference_mode():
        features = model.feature_map(x)
        assert torch.equal(logits, model.logits(features))
        assert torch.equal(maps, model.cam(features, logits.argmax(dim=1)))
    assert maps.isfinite().all()
    model.train()
    draws = model.sample_draws(torch.Generator().manual_seed(0), len(x), tuple(x.shape[2:]))
    parts = model.training_logits(x, labels, draws)
    sum(torch.nn.functional.cross_entropy(part, labels) for part in parts).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_learning_modules_know_the_channels_of_their_place(backbone):
    points = bare(backbone).features.names
    model = bare(backbone, "cbam", points=points)
    with torch.inference_mode():
        model(X.to("meta"))  # every gate fits what passes
    assert list(model.insertions) == list(points)


def test_points_are_data_for_every_method_that_inserts(backbone):
    spec = BACKBONES[backbone]
    names = bare(backbone).features.names
    for name, method in METHODS.items():
        if method.placement is Placement.FEATURES:
            assert spec.points[name]
            assert set(spec.points[name]) <= set(names)
        elif method.placement is Placement.INPUT:
            assert spec.points[name] == ("input",)
        else:
            assert name not in spec.points


def test_learned_modules_come_on_top_of_the_bare_stages(backbone):
    plain = set(bare(backbone).state_dict())
    for method in ("cbam", "abn"):
        with_it = set(bare(backbone, method).state_dict())
        assert plain < with_it
        assert all(name.startswith("features.insertions.") for name in with_it - plain)


def test_has_hides_parts_of_the_input_in_training_only(backbone):
    model = fresh(backbone, "has")
    draws = model.sample_draws(torch.Generator().manual_seed(4), 2, (64, 64))
    assert list(draws) == ["input"]
    hidden = model.insertions["input"].trace(X, draws["input"]).F_out
    assert 0 < (hidden == 0).float().mean() < 1
    with torch.inference_mode():
        assert torch.equal(model(X, draws), model(hidden))


def test_a_method_only_goes_where_it_can():
    with pytest.raises(UserError, match=r"no point 'block1_1' for HaS .* choose from input\."):
        create_model("mobilenetv1", 5, method="has", points=["block1_1"])
    with pytest.raises(UserError, match="no stage 'input' for DFM"):
        create_model("mobilenetv1", 5, method="dfm", points=["input"])
    with pytest.raises(UserError, match="CAM inserts nothing"):
        create_model("mobilenetv1", 5, points=["block1_1"])
    with pytest.raises(UserError, match="DFM takes DFMParams, but got ADLParams"):
        create_model("mobilenetv1", 5, method="dfm", params=ADLParams())


def test_toynet_is_small_and_starts_from_nothing_but_its_own_weights(tmp_path):
    torch.manual_seed(3)
    model = create_model("toynet", 4)
    assert 80_000 < sum(p.numel() for p in model.parameters()) < 120_000
    with pytest.raises(UserError, match=r"no published weights; train it from init=none\."):
        create_model("toynet", 4, init="imagenet")
    whole = create_model("toynet", 1000).eval()
    state = {k.removeprefix("features."): v for k, v in whole.state_dict().items()}
    path = tmp_path / "toynet.safetensors"
    safetensors.torch.save_file(state, path)
    again = create_model("toynet", 1000, init=path).eval()
    with torch.inference_mode():
        assert torch.equal(again(X), whole(X))
    safetensors.torch.save_file({k: v for k, v in state.items() if k != "fc.bias"}, path)
    with pytest.raises(UserError, match="do not fit ToyNet"):
        create_model("toynet", 1000, init=path)


def test_adl_threshold_is_the_published_one_for_the_backbone():
    assert default_params("resnet50", "adl").drop_threshold == 0.90
    assert default_params("mobilenetv1", "adl").drop_threshold == 0.95
