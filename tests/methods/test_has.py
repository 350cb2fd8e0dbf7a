"""Hide-and-Seek: the right cells, a copy, pictures that are not square, an explicit draw."""

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.methods import METHODS, HaS, HaSParams
from dfm_viz.methods.has import CELL_SIDES, Hidden, hidden_pixels, hide
from dfm_viz.types import UserError


def draw(sides, cells):
    return Hidden(torch.tensor(sides), torch.tensor(cells, dtype=torch.bool))


class TestMaps:
    @given(
        st.lists(st.sampled_from([0, 1, 2, 3, 5, 20]), min_size=1, max_size=4),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(0, 10**6),
    )
    def test_parity(self, sides, height, width, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 1, (len(sides), 2, height, width))
        cells = rng.random((len(sides), height, width)) < 0.5
        out = HaS().trace(torch.from_numpy(x), draw(sides, cells)).F_out
        for i, side in enumerate(sides):
            assert out[i].tolist() == ref.has(x[i].tolist(), side, cells[i])

    def test_rows_are_rows_and_columns_are_columns(self):
        # 2 x 3 cells of side 2 on 3 rows and 5 columns; the last row and column of cells are cut.
        one = draw([2], [[[0, 0, 1], [1, 0, 0]]])
        assert hidden_pixels(one, 3, 5)[0].int().tolist() == [
            [0, 0, 0, 0, 1],
            [0, 0, 0, 0, 1],
            [1, 1, 0, 0, 0],
        ]

    def test_every_picture_has_its_own_side(self):
        three = draw([0, 1, 2], [[[1, 0], [0, 0]]] * 3)
        hidden = hidden_pixels(three, 2, 2).int().tolist()
        assert hidden == [[[0, 0], [0, 0]], [[1, 0], [0, 0]], [[1, 1], [1, 1]]]

    def test_hidden_is_the_mean_colour_in_all_channels(self):
        x = torch.ones(1, 3, 2, 2)
        out = hide(x, torch.tensor([[[True, False], [False, False]]]))
        assert out[0].tolist() == [[[0, 1], [1, 1]]] * 3

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_types_stay(self, dtype):
        assert hide(torch.ones(1, 3, 2, 2, dtype=dtype), torch.ones(1, 2, 2).bool()).dtype == dtype


class TestModule:
    def test_no_state(self):
        assert HaS().state_dict() == {}
        assert list(HaS().parameters()) == []

    def test_identity_in_evaluation(self):
        x = torch.rand(2, 3, 40, 30)
        assert HaS().eval()(x) is x

    def test_the_callers_tensor_is_left_alone(self):
        x = torch.rand(8, 3, 64, 48) + 1
        before = x.clone()
        torch.manual_seed(0)
        out = HaS().train()(x)
        assert (out == 0).any()
        assert torch.equal(x, before)

    @pytest.mark.parametrize(("height", "width"), [(224, 224), (100, 260), (260, 100), (9, 7)])
    def test_draws_cover_any_size(self, height, width):
        module = HaS(HaSParams(hide_probability=1))
        given = module.sample(64, torch.Generator().manual_seed(0), (height, width))
        out = module(torch.ones(64, 3, height, width), given)
        for side, picture in zip(given.sides.tolist(), out, strict=True):
            assert picture.eq(0 if side else 1).all()
        assert set(given.sides.tolist()) == set(CELL_SIDES)

    def test_frequencies(self):
        generator = torch.Generator().manual_seed(0)
        given = HaS(HaSParams(hide_probability=0.3)).sample(4000, generator, (64, 64))
        assert abs(given.cells.float().mean().item() - 0.3) < 0.01
        for side in CELL_SIDES:
            assert abs((given.sides == side).float().mean().item() - 0.2) < 0.03

    def test_a_seed_repeats_the_draw_and_an_explicit_one_uses_no_chance(self):
        module, x = HaS().train(), torch.rand(6, 3, 64, 64)
        one, two, other = (
            module.sample(6, torch.Generator().manual_seed(seed), (64, 64)) for seed in (1, 1, 2)
        )
        state = torch.get_rng_state()
        assert torch.equal(module(x, one), module(x, two))
        assert not torch.equal(module(x, one), module(x, other))
        assert torch.equal(torch.get_rng_state(), state)

    def test_looking_changes_nothing(self):
        x = torch.rand(2, 3, 20, 20)
        trace = HaS().train().trace(x)
        assert trace.F_out is x
        assert not trace.hidden.any()

    @pytest.mark.parametrize(
        "wrong",
        [
            "mask",
            torch.ones(2).bool(),
            draw([2], [[[1] * 4] * 4]),  # one picture of two
            draw([2, 2], [[[1] * 4] * 3] * 2),  # 3 x 4 cells of side 2 leave rows out
        ],
    )
    def test_a_draw_that_does_not_fit_is_refused(self, wrong):
        with pytest.raises(ValueError, match=r"draw|cover"):
            HaS()(torch.rand(2, 3, 8, 8), wrong)

    def test_gradient_stops_where_it_is_hidden(self):
        x = torch.rand(1, 1, 2, 2, requires_grad=True)
        HaS().trace(x, draw([1], [[[1, 0], [0, 0]]])).F_out.sum().backward()
        assert x.grad[0, 0].tolist() == [[0, 1], [1, 1]]


class TestParams:
    def test_defaults(self):
        assert HaSParams().hide_probability == 0.5
        assert CELL_SIDES == (0, 16, 32, 44, 56)
        assert METHODS["has"].params is HaSParams

    @pytest.mark.parametrize("value", [-0.1, 1.1, "half", None])
    def test_bad(self, value):
        with pytest.raises(UserError, match="hide_probability"):
            HaSParams(hide_probability=value)
