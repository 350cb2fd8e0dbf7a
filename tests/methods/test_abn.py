"""ABN's branch against the loops."""

import numpy as np
import pytest
import reference as ref
import torch

from dfm_viz.methods import ABN, HeadStyle
from dfm_viz.methods.abn import apply_attention

SMALL = HeadStyle(width=6)


def branch(seed=0, style=SMALL):
    """A branch with weights and statistics that are all alive."""
    torch.manual_seed(seed)
    module = ABN(4, 3, style)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    for name, values in module.named_buffers():
        if "running" in name:
            values.uniform_(0.5, 2)
    return module.double().eval()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("style", [SMALL, HeadStyle(width=6, separable=True)])
def test_parity(seed, style):
    module = branch(seed, style)
    x = torch.randn(2, 4, 5, 3, dtype=torch.float64)
    with torch.no_grad():
        t = module.trace(x)
        maps = module.class_maps(x)
    assert (maps >= 0).all()
    weight = module.classify.weight[:, :, 0, 0].tolist()
    conv, norm = module.attend
    for i in range(2):
        logits, A, out = ref.abn(
            x[i].tolist(),
            maps[i].tolist(),
            classify=weight,
            attend=conv.weight[0].tolist(),
            norm=ref.statistics(norm),
        )
        np.testing.assert_allclose(t.logits[i], logits, rtol=0, atol=1e-9)
        np.testing.assert_allclose(t.A[i], A, rtol=0, atol=1e-9)
        np.testing.assert_allclose(t.F_out[i], out, rtol=0, atol=1e-9)


def test_the_maps_per_class_come_from_one_3x3_and_one_1x1_convolution():
    module = branch()
    conv, norm, _, to_classes, class_norm, _ = module.class_maps
    x = torch.randn(1, 4, 4, 5, dtype=torch.float64)
    patches = torch.nn.functional.unfold(x, 3, padding=1)  # every 3 x 3 neighbourhood as a column
    found = (conv.weight.flatten(1) @ patches)[0] + conv.bias[:, None]

    def normalized(values, layer):
        scale = layer.weight / (layer.running_var + 1e-5).sqrt()
        return (
            (values - layer.running_mean[:, None]) * scale[:, None] + layer.bias[:, None]
        ).relu()

    found = normalized(to_classes.weight[:, :, 0, 0] @ normalized(found, norm), class_norm)
    torch.testing.assert_close(module.class_maps(x)[0].flatten(1), found)


def test_where_attention_is_zero_nothing_is_lost():
    x = torch.rand(1, 2, 1, 3)
    out = apply_attention(x, torch.tensor([[[0.0, 0.5, 1.0]]]))
    torch.testing.assert_close(out, x * torch.tensor([1.0, 1.5, 2.0]))


def test_gradients():
    module = branch()
    x = torch.rand(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    t = module.trace
    assert torch.autograd.gradcheck(lambda x: (t(x).F_out, t(x).logits), (x,))


def test_attention_learns_from_both_answers():
    module = branch().train()
    x = torch.rand(4, 4, 3, 3, dtype=torch.float64)
    for of, silent in ((lambda t: t.F_out, "classify"), (lambda t: t.logits, "attend")):
        module.zero_grad(set_to_none=True)
        of(module.trace(x)).square().sum().backward()
        for name, parameter in module.named_parameters():
            assert (parameter.grad is None) == name.startswith(silent), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    t = branch().to(dtype).trace(torch.rand(1, 4, 5, 5, dtype=dtype))
    assert t.F_out.dtype == t.A.dtype == dtype
