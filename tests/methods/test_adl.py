"""ADL as a module, against the slow transcription and by what must hold."""

import math

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from dfm_viz.methods import METHODS, ADLParams
from dfm_viz.methods.adl import ADL
from dfm_viz.types import AdlDraw, Draw, UserError


@pytest.fixture
def features():
    torch.manual_seed(4)
    return torch.rand(4, 6, 5, 7)


class TestMaps:
    @given(
        st.integers(1, 3),
        st.integers(1, 4),
        st.integers(1, 5),
        st.integers(1, 5),
        st.integers(0, 10**6),
        st.floats(0, 1, width=32),
        st.sampled_from(list(AdlDraw)),
    )
    def test_parity(self, b, c, h, w, seed, threshold, draw):
        F = np.random.default_rng(seed).normal(1, 1, (b, c, h, w)).astype(np.float32)
        slow = [ref.adl(f, drop_threshold=threshold, draw=str(draw)) for f in F.tolist()]
        for maps in slow:
            flat = [value for row in maps["attention"] for value in row]
            assume(not ref.near_threshold(flat, threshold))
        fast = ADL(ADLParams(drop_threshold=threshold)).trace(torch.from_numpy(F), draw)
        for name in ("attention", "importance", "drop_mask", "F_out"):
            expected = np.array([maps[name] for maps in slow])
            np.testing.assert_allclose(
                getattr(fast, name).numpy(), expected, rtol=0, atol=1e-6 * max(1, np.abs(F).max())
            )

    def test_known_values(self):
        F = torch.tensor([[[[0.0, 1.0], [2.5, 4.0]], [[0.0, 1.0], [1.5, 4.0]]]])
        t = ADL(ADLParams(drop_threshold=0.5)).trace(F, AdlDraw.MASK)
        assert t.attention[0].tolist() == [[0, 1], [2, 4]]
        assert t.drop_mask[0].tolist() == [[1, 1], [0, 0]]  # 2 is not below .5 x 4
        assert t.F_out[0].tolist() == [[[0, 1], [0, 0]], [[0, 1], [0, 0]]]
        torch.testing.assert_close(t.importance[0, 0], torch.tensor([0.5, 0.7310586]))

    def test_dead_map_is_dropped_and_negative_map_is_dropped(self):
        adl = ADL()
        assert not adl.trace(torch.zeros(1, 3, 4, 4)).drop_mask.any()
        negative = adl.trace(torch.full((1, 3, 4, 4), -1.0)).drop_mask
        assert (negative == 1).all()  # -1 < .9 x -1

    def test_the_limit_is_per_sample(self):
        weak, strong = torch.rand(1, 3, 5, 5), torch.rand(1, 3, 5, 5) * 100
        adl = ADL()
        both = adl.trace(torch.cat([weak, strong]))
        assert torch.equal(both.drop_mask[:1], adl.trace(weak).drop_mask)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, features, dtype):
        t = ADL().trace(features.to(dtype), AdlDraw.IMPORTANCE)
        assert t.F_out.dtype == dtype
        assert t.attention.dtype == t.importance.dtype == t.drop_mask.dtype == torch.float32

    def test_gradient_flows_through_the_sigmoid(self):
        F = torch.rand(1, 3, 4, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: ADL().trace(x, AdlDraw.IMPORTANCE).F_out, (F,))
        (grad,) = torch.autograd.grad(ADL().trace(F, AdlDraw.IMPORTANCE).F_out[0, 0, 1, 1], F)
        assert (grad[0, :, 1, 1] != 0).all()  # other channels reach it through the attention


class TestModule:
    def test_no_state(self):
        module = ADL()
        assert list(module.parameters()) == []
        assert list(module.buffers()) == []
        assert module.state_dict() == {}

    def test_identity_in_evaluation(self, features):
        assert ADL().eval()(features) is features

    @pytest.mark.parametrize("draw", list(AdlDraw))
    @pytest.mark.parametrize("training", [True, False])
    def test_output_is_the_last_map_of_the_trace(self, features, draw, training):
        module = ADL().train(training)
        assert torch.equal(module(features, draw), module.trace(features, draw).F_out)

    def test_per_sample_draw(self, features):
        draw = torch.tensor([True, False, True, False])
        t = ADL().trace(features, draw)
        mask = ADL().trace(features, AdlDraw.MASK).F_out
        importance = ADL().trace(features, AdlDraw.IMPORTANCE).F_out
        expected = torch.where(draw[:, None, None, None], mask, importance)
        assert torch.equal(t.F_out, expected)

    def test_looking_changes_nothing(self, features):
        assert torch.equal(ADL().trace(features).F_out, features)

    def test_input_is_not_changed(self, features):
        before = features.clone()
        for draw in AdlDraw:
            ADL().trace(features, draw).F_out.add_(1)
        assert torch.equal(features, before)

    @pytest.mark.parametrize("word", ["mask", "importance"])
    def test_a_plain_word_is_that_draw(self, features, word):
        out = ADL().trace(features, word).F_out
        assert torch.equal(out, ADL().trace(features, AdlDraw(word)).F_out)
        assert not torch.equal(out, features)

    @pytest.mark.parametrize("draw", list(Draw))
    def test_the_draw_of_dfm_is_refused(self, features, draw):
        with pytest.raises((TypeError, ValueError)):
            ADL().trace(features, draw)

    @pytest.mark.parametrize("probability", [0.0, 0.75, 1.0])
    def test_frequency(self, probability):
        module = ADL(ADLParams(drop_probability=probability))
        generator = torch.Generator().manual_seed(1)
        draws = [module.sample(generator=generator) for _ in range(3000)]
        share = sum(draw is AdlDraw.MASK for draw in draws) / len(draws)
        assert abs(share - probability) <= 4 * math.sqrt(probability * (1 - probability) / 3000)


class TestParams:
    def test_defaults(self):
        assert ADLParams() == ADLParams(drop_threshold=0.9, drop_probability=0.75)
        assert METHODS["adl"].params is ADLParams

    @pytest.mark.parametrize("name", ["drop_threshold", "drop_probability"])
    @pytest.mark.parametrize("value", [math.nan, -0.1, 1.5, "0.5", None, True])
    def test_bad(self, name, value):
        with pytest.raises((UserError, TypeError), match=name):
            ADLParams(**{name: value})
