"""Random weights: the same every time, apart from the trained ones, and the correlation by hand."""

import numpy as np
import pytest
import torch

from dfm_viz.inspection.family import MODELS
from dfm_viz.inspection.sanity import SEEDS, randomise, rank_correlation, sanity
from dfm_viz.types import UserError


def grid(*rows):
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (grid([1, 2], [3, 4]), grid([10, 20], [30, 1000]), 1.0),
        (grid([1, 2], [3, 4]), grid([4, 3], [2, 1]), -1.0),
        (grid([1, 2, 3]), grid([1, 3, 2]), 0.5),  # 1 - 6 * (0 + 1 + 1) / (3 * 8)
        (grid([1, 1, 2]), grid([1, 2, 3]), 0.75**0.5),  # ranks 1.5, 1.5, 3 and 1, 2, 3
        (grid([1, 2, 3]), grid([5, 5, 5]), None),
        (grid([0, 0, 0]), grid([1, 2, 3]), None),
    ],
)
def test_rank_correlation_by_hand(a, b, expected):
    assert rank_correlation(a, b) == (expected if expected is None else pytest.approx(expected))


def test_a_map_of_another_size_is_resized():
    a = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert rank_correlation(a, np.kron(a, np.ones((2, 2), np.float32))) > 0.99


@pytest.mark.parametrize("method", ["cam", "adl", "dfm"])
def test_the_random_network_explains_the_same_class_with_other_weights(
    tiny_family, picture, method
):
    opened = tiny_family.open(picture)
    found = sanity(tiny_family, opened, None, method)
    again = sanity(tiny_family, opened, None, method)
    own = tiny_family.inspect(opened).methods[method]
    assert np.array_equal(found.trained.map, own.map)
    assert found.random.class_index == own.class_index
    assert np.array_equal(found.random.map, again.random.map)
    assert not np.allclose(found.random.map, own.map)
    assert np.ptp(found.random.map) > 0
    assert found.correlation == rank_correlation(own.map, found.random.map)
    other = sanity(tiny_family, opened, None, method, seed=1)
    assert not np.array_equal(other.random.map, found.random.map)


def test_the_trained_network_stays_as_it_was(tiny_family, picture):
    opened = tiny_family.open(picture)
    model = tiny_family.model("dfm")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = len(MODELS)
    sanity(tiny_family, opened)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert len(MODELS) == kept


def test_random_weights_follow_the_rule(tiny_family):
    made = randomise(tiny_family.model("cam"), 0)
    weight = max(made.parameters(), key=lambda p: p.numel())
    spread = (2 / weight[0].numel()) ** 0.5
    assert weight.std().item() == pytest.approx(spread, rel=0.05)
    state = made.state_dict()
    for name, tensor in state.items():
        if tensor.ndim == 1 and tensor.is_floating_point():
            wanted = 1.0 if name.endswith(("weight", "running_var")) else 0.0
            assert torch.equal(tensor, torch.full_like(tensor, wanted)), name


def test_every_method_of_a_family_can_be_compared(all_family, picture):
    opened = all_family.open(picture)
    for method in all_family.info.methods:
        assert sanity(all_family, opened, None, method).random.map.ndim == 2


@pytest.mark.parametrize(
    ("method", "seed", "says"),
    [("rise", 0, "choose from cam, adl, dfm"), ("cam", SEEDS, "0 to 2"), ("cam", True, "0 to 2")],
)
def test_what_there_is_not_is_refused_in_one_sentence(tiny_family, picture, method, seed, says):
    with pytest.raises(UserError, match=says):
        sanity(tiny_family, tiny_family.open(picture), None, method, seed)
