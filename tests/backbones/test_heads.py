"""The networks of ACoL and ABN: what their two answers are, and what is shown."""

import pytest
import reference as ref
import torch
from torch.nn import functional as nnf

from dfm_viz.backbones import BACKBONES, create_model
from dfm_viz.methods import ABNParams, ACoLParams
from dfm_viz.types import UserError

X = torch.linspace(-1, 1, 2 * 3 * 64 * 64).sin().reshape(2, 3, 64, 64)
LABELS = torch.tensor([1, 4])
SMALL = ("mobilenetv1", "vgg16")


def fresh(backbone, method, **kwargs):
    torch.manual_seed(0)
    return create_model(backbone, 5, method=method, **kwargs).eval()


@pytest.fixture(scope="module", params=SMALL)
def acol(request):
    return fresh(request.param, "acol")


@pytest.fixture(scope="module", params=SMALL)
def abn(request):
    return fresh(request.param, "abn")


class TestACoL:
    def test_head_a_is_the_mean_of_its_map_plus_the_bias(self, acol):
        with torch.inference_mode():
            shared = acol.feature_map(X)
            seen = acol.head_a(shared)
            maps = nnf.conv2d(seen, acol.fc.weight[:, :, None, None], acol.fc.bias)
            torch.testing.assert_close(acol.logits(shared), maps.mean(dim=(2, 3)))
            torch.testing.assert_close(acol(X), acol.logits(shared))

    def test_it_is_the_paper_step_by_step(self, acol):
        with torch.inference_mode():
            shared = acol.feature_map(X)
            a, b = acol.training_logits(X, LABELS)
            t = acol.trace(shared, LABELS)
            loss = sum(nnf.cross_entropy(part, LABELS, reduction="none") for part in (a, b))
        for i, label in enumerate(LABELS.tolist()):
            with torch.inference_mode():
                seen = acol.head_a(shared[i : i + 1])[0].tolist()
            weight, bias = acol.fc.weight.tolist(), acol.fc.bias.tolist()
            map_a = ref.min_max(ref.class_map(seen, weight[label]))
            left = ref.acol_erase(shared[i].tolist(), map_a, 0.6)
            with torch.inference_mode():
                seen_by_b = acol.head_b(torch.tensor([left]))[0].tolist()
            map_b = ref.min_max(ref.class_map(seen_by_b, acol.fc_b.weight.tolist()[label]))
            fused = torch.tensor(ref.acol_fuse(map_a, map_b))
            torch.testing.assert_close(t.fused[i], fused, rtol=0, atol=1e-4)
            slow_a = ref.linear(ref.eq1_gap(seen), weight, bias)
            slow_b = ref.linear(
                ref.eq1_gap(seen_by_b), acol.fc_b.weight.tolist(), acol.fc_b.bias.tolist()
            )
            expected = ref.cross_entropy(slow_a, label) + ref.cross_entropy(slow_b, label)
            assert loss[i].item() == pytest.approx(expected, abs=1e-4)

    def test_the_answer_is_head_as_and_the_map_is_the_larger(self, acol):
        with torch.inference_mode():
            a, b = acol.training_logits(X, LABELS)
            torch.testing.assert_close(a, acol(X))
            assert not torch.allclose(a, b)
            shared = acol.feature_map(X)
            t, fused = acol.trace(shared, LABELS), acol.cam(shared, LABELS)
        assert torch.equal(fused, torch.maximum(t.map_a, t.map_b))
        assert fused.amin() >= 0
        assert fused.amax(dim=(1, 2)).tolist() == [1, 1]
        assert (t.map_a[t.erased == 0] >= 0.6).all()
        assert (t.map_a[t.erased == 1] < 0.6).all()

    def test_the_label_decides_what_is_erased(self, acol):
        with torch.inference_mode():
            _, one = acol.training_logits(X, LABELS)
            _, other = acol.training_logits(X, LABELS - 1)
        assert not torch.equal(one, other)

    def test_head_b_does_not_move_head_a(self, acol):
        acol.zero_grad(set_to_none=True)
        acol.training_logits(X, LABELS)[1].sum().backward()
        assert all(p.grad is None for p in (*acol.head_a.parameters(), *acol.fc.parameters()))
        assert all(p.grad is not None for p in acol.features.parameters())

    def test_a_threshold_nobody_reaches_but_the_peak(self):
        model = fresh("mobilenetv1", "acol", params=ACoLParams(erase_threshold=1))
        with torch.inference_mode():
            t = model.trace(model.feature_map(X), LABELS)
        assert (t.erased == 0).sum(dim=(1, 2)).tolist() == [1, 1]

    def test_small_on_mobilenet_as_published_elsewhere(self):
        model = fresh("mobilenetv1", "acol")
        assert 2 * sum(t.numel() for t in model.state_dict().values()) < 10_000_000
        vgg = create_model("vgg16", 5, method="acol")
        assert "conv6" not in vgg.features.names  # the heads take its place
        assert [m.weight.shape for m in vgg.head_a if hasattr(m, "weight")] == [
            (1024, 512, 3, 3),
            (1024, 1024, 3, 3),
        ]

    def test_vgg_is_pooled_as_published(self):
        """Pool by pool: 3 x 3, the last one with stride 1, then the mean of 3 x 3."""
        model = fresh("vgg16", "acol")
        assert model.options == {"acol": True}
        x, inner = X, iter(model.features.state_dict().values())
        for stage, count in enumerate((2, 2, 3, 3, 3), start=1):
            for _ in range(count):
                weight, bias = next(inner), next(inner)
                x = nnf.conv2d(x, weight, bias, padding=1).relu()
            wide = nnf.pad(x, (1, 1, 1, 1), value=-torch.inf)
            patches = wide.unfold(2, 3, 1 if stage == 5 else 2).unfold(3, 3, 1 if stage == 5 else 2)
            x = patches.amax(dim=(4, 5))
        x = nnf.pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1).sum(dim=(4, 5)) / 9
        with torch.inference_mode():
            found = model.feature_map(X)
        assert found.shape[2:] == (4, 4)  # 14 x 14 at 224 px
        torch.testing.assert_close(found, x)

    def test_its_pooling_is_for_acol_only(self):
        with pytest.raises(UserError, match="acol"):
            create_model("vgg16", 5, options={"acol": True})
        older = create_model("vgg16", 5, method="acol", options={})  # a card of an earlier version
        assert "average" not in older.features.names

    def test_it_has_no_insertion_points(self):
        assert fresh("mobilenetv1", "acol").insertions == {}
        with pytest.raises(UserError, match=r"ACoL .*'block4_1'"):
            create_model("mobilenetv1", 5, method="acol", points=["block4_1"])


class TestABN:
    def test_two_answers(self, abn):
        ((point, branch),) = abn.insertions.items()
        with torch.inference_mode():
            before = abn.features.before(point, X)
            t = branch.trace(before)
            perception, attention = abn.training_logits(X, LABELS)
            assert torch.equal(attention, t.logits)
            behind = abn.features.between(before * (1 + t.A[:, None]), point, None)
            torch.testing.assert_close(perception, abn.logits(behind))
            assert torch.equal(perception, abn(X))
            assert torch.equal(abn.attention(X).A, t.A)
        assert perception.shape == attention.shape == (2, 5)

    def test_map_is_the_cam_of_the_perception_branch(self, abn):
        with torch.inference_mode():
            features = abn.feature_map(X)
            mean = abn.cam(features, LABELS).mean(dim=(1, 2)) + abn.fc.bias[LABELS]
        torch.testing.assert_close(mean, abn(X)[[0, 1], LABELS], rtol=1e-4, atol=1e-4)

    def test_one_point_before_the_last_stage(self):
        assert {name: b.points["abn"] for name, b in BACKBONES.items()} == {
            "mobilenetv1": ("block4_6",),
            "resnet50": ("conv4_6",),
            "resnet101": ("conv4_23",),
            "vgg16": ("pool4",),
            "toynet": ("conv3_2",),
        }
        for points in ((), ("block4_1", "block4_2")):
            with pytest.raises(UserError, match="one point"):
                create_model("mobilenetv1", 5, method="abn", points=points)

    def test_small_on_mobilenet(self):
        model = fresh("mobilenetv1", "abn", params=ABNParams())
        assert 2 * sum(t.numel() for t in model.state_dict().values()) < 10_000_000
