"""CBAM against the loops, and how its gates start."""

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.methods import CBAM, METHODS, CBAMParams
from dfm_viz.types import UserError


def layer(module):
    return module.weight.tolist(), module.bias.tolist()


class TestMaps:
    @given(
        st.integers(1, 2),
        st.integers(1, 6),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 4),
        st.integers(0, 10**6),
    )
    def test_parity(self, b, c, h, w, reduction, seed):
        torch.manual_seed(seed)
        x = torch.randn(b, c, h, w, dtype=torch.float64)
        module = CBAM(c, CBAMParams(reduction=reduction)).double()
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter)
        conv, norm = module.conv
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        t = module.eval().trace(x)
        for i in range(b):
            slow = ref.cbam(
                x[i].tolist(),
                first=layer(module.mlp[0]),
                second=layer(module.mlp[2]),
                kernel=conv.weight[0].tolist(),
                norm=ref.statistics(norm),
            )
            for fast, expected in zip((t.channel_gate, t.spatial_gate, t.F_out), slow, strict=True):
                np.testing.assert_allclose(fast[i].detach(), expected, rtol=0, atol=1e-9)

    def test_by_hand(self):
        module = CBAM(2, CBAMParams(reduction=2))
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.zero_()
            module.mlp[0].weight.copy_(torch.tensor([[1.0, 0.0]]))
            module.mlp[2].weight.copy_(torch.tensor([[1.0], [-1.0]]))
            module.conv[0].weight[0, 0, 3, 3] = 1.0  # the maximum over channels, here
            module.conv[1].weight.fill_(1)
        module.conv[1].eps = 0.0
        module.eval()
        x = torch.tensor([[[[1.0, 3.0]], [[0.0, 4.0]]]])
        t = module.trace(x)
        # Channel 1: mean 2, maximum 3; the gates are sigmoid(5) and sigmoid(-5).
        torch.testing.assert_close(t.channel_gate[0], torch.tensor([0.9933072, 0.0066929]))
        # Maxima of the gated channels: .9933072 and 2.9799215.
        torch.testing.assert_close(t.spatial_gate[0, 0], torch.tensor([0.7297407, 0.9516588]))
        torch.testing.assert_close(t.F_out[0, 0, 0], torch.tensor([0.7248566, 2.8358683]))

    def test_gradients(self):
        torch.manual_seed(0)
        module = CBAM(3, CBAMParams(reduction=1)).double().eval()
        x = torch.rand(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(module, (x,))
        module(x).sum().backward()
        assert all((p.grad != 0).any() for p in module.parameters())

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, dtype):
        x = torch.rand(1, 8, 5, 5, dtype=dtype)
        assert CBAM(8).to(dtype)(x).dtype == dtype


class TestStart:
    def test_gates_start_open(self):
        module = CBAM(32).eval()
        t = module.trace(torch.zeros(1, 32, 5, 5))
        assert (t.spatial_gate - 0.982014).abs().max() < 1e-6
        torch.manual_seed(0)
        busy = module.trace(torch.rand(4, 32, 7, 7))
        assert busy.channel_gate.min() > 0.9
        assert busy.spatial_gate.min() > 0.9

    @pytest.mark.parametrize(("channels", "hidden"), [(512, 32), (64, 4), (8, 1)])
    def test_reduction_is_sixteen(self, channels, hidden):
        assert CBAM(channels).mlp[0].out_features == hidden

    def test_there_is_nothing_to_draw(self):
        module, x = CBAM(8).train(), torch.rand(1, 8, 4, 4)
        assert torch.equal(module(x), module(x))

    def test_in_training_the_spatial_gate_stays_open_where_the_features_are_large(self):
        """Its batch norm takes the scale away: weights of the size of a start cannot shut it."""
        torch.manual_seed(0)
        module = CBAM(8).train()
        gate = module.trace(1000 * torch.rand(4, 8, 7, 7)).spatial_gate
        assert gate.median() > 0.9
        shut = torch.sigmoid(module.conv[0](1000 * torch.rand(4, 2, 7, 7)))
        assert shut.min() < 0.01


def test_params():
    assert METHODS["cbam"].params is CBAMParams
    for value in (0, 65, "many"):
        with pytest.raises(UserError, match="reduction"):
            CBAMParams(reduction=value)
