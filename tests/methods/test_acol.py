"""ACoL's parts: rescaling, erasing, fusing, against the loops and by hand."""

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from dfm_viz.methods import METHODS, ACoLParams
from dfm_viz.methods.acol import erase, erasing_mask, fuse, head_map, normalize
from dfm_viz.types import UserError


@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 10**6),
    st.floats(0, 1, width=32),
)
def test_parity(b, c, h, w, seed, threshold):
    rng = np.random.default_rng(seed)
    F, weight = rng.normal(0, 1, (b, c, h, w)), rng.normal(0, 1, (3, c))
    labels = rng.integers(0, 3, b)
    features = torch.from_numpy(F)
    rescaled = head_map(features, torch.from_numpy(weight), torch.from_numpy(labels))
    left = erase(features, erasing_mask(rescaled, threshold))
    for i in range(b):
        slow = ref.min_max(ref.class_map(F[i].tolist(), weight[labels[i]].tolist()))
        assume(all(abs(v - threshold) > 1e-6 or v == 1 for row in slow for v in row))
        np.testing.assert_allclose(rescaled[i], slow, rtol=0, atol=1e-9)
        expected = ref.acol_erase(F[i].tolist(), slow, threshold)
        np.testing.assert_allclose(left[i], expected, rtol=0, atol=0)
        other = rng.random((h, w))
        fused = fuse(rescaled[i : i + 1], torch.from_numpy(other)[None])[0]
        np.testing.assert_allclose(fused, ref.acol_fuse(slow, other.tolist()), rtol=0, atol=1e-9)


def test_by_hand():
    raw = torch.tensor([[[-2.0, 0.0], [1.0, 3.0]]])
    rescaled = normalize(raw)
    torch.testing.assert_close(rescaled, torch.tensor([[[0.0, 0.4], [0.6, 1.0]]]))
    assert erasing_mask(rescaled, 0.5).tolist() == [[[1, 1], [0, 0]]]
    # The limit itself is erased.
    assert erasing_mask(torch.tensor([[[0.0, 0.5], [0.4, 1.0]]]), 0.5)[0].tolist() == [
        [1, 0],
        [1, 0],
    ]
    fused = fuse(rescaled, torch.full((1, 2, 2), 0.5))
    torch.testing.assert_close(fused, torch.tensor([[[0.5, 0.5], [0.6, 1.0]]]))
    features = torch.ones(1, 3, 2, 2)
    out = erase(features, torch.tensor([[[1.0, 1], [0, 0]]]))
    assert out[0].tolist() == [[[1, 1], [0, 0]]] * 3
    assert features.eq(1).all()


def test_every_sample_is_rescaled_by_itself():
    weak, strong = torch.rand(1, 4, 4), torch.rand(1, 4, 4) * 100 - 50
    assert torch.equal(normalize(torch.cat([weak, strong]))[:1], normalize(weak))


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
@pytest.mark.parametrize("threshold", [0.0, 0.6])
def test_a_flat_map_is_zero_and_erases_nothing(value, threshold):
    flat = normalize(torch.full((2, 3, 3), value))
    assert flat.eq(0).all()
    assert erasing_mask(flat, threshold).eq(1).all()


def test_the_mask_is_a_constant_to_the_gradient():
    raw = torch.rand(1, 3, 3, requires_grad=True)
    assert not erasing_mask(normalize(raw), 0.5).requires_grad


def test_gradient_of_a_flat_map_is_finite():
    raw = torch.full((1, 3, 3), 2.0, requires_grad=True)
    normalize(raw).sum().backward()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    features, weight = torch.rand(2, 4, 3, 3, dtype=dtype), torch.rand(5, 4, dtype=dtype)
    rescaled = head_map(features, weight, torch.tensor([1, 4]))
    assert rescaled.dtype == torch.float32
    assert erase(features, erasing_mask(rescaled, 0.6)).dtype == dtype


def test_params():
    assert ACoLParams().erase_threshold == 0.6
    assert METHODS["acol"].params is ACoLParams
    with pytest.raises(UserError, match="erase_threshold"):
        ACoLParams(erase_threshold=1.5)
