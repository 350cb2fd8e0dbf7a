"""Eq. 1-16: the worked example, the edge cases, and parity with the slow transcription."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dfm_viz import equations as eq
from dfm_viz.types import Apply, Draw, Neighbourhood

PAPER = {"alpha": 0.85, "beta": 0.95, "omega": 0.15, "delta": 0.6, "gamma": 0.4}
EXAMPLE = [
    [[0, 1, 0], [1, 4, 1], [0, 1, 0]],
    [[2, 2, 2], [2, 2, 2], [0, 0, 0]],
]
MAPS = ("C_A", "P_A", "C_E", "P_E", "C_M", "P_M_prime", "Delta_M", "P_M", "C_ME", "P_ME")


def run(F, **changes):
    values = {**PAPER, "apply": Apply.MUL, "neighbourhood": Neighbourhood.ONCE, "draw": None}
    return eq.dfm(torch.as_tensor(F, dtype=torch.float32), **{**values, **changes})


def close(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(
        actual.detach().cpu().numpy(), np.asarray(expected), rtol=0, atol=tolerance
    )


class TestWorkedExample:
    """Numbers computed by hand-written numpy before any product code existed."""

    def test_attention(self):
        t = run([EXAMPLE])
        close(t.C_A[0], [0.888889, 1.333333])
        close(t.P_A[0], [[1, 1.5, 1], [1.5, 3, 1.5], [0, 0.5, 0]])

    def test_enhancement(self):
        t = run([EXAMPLE])
        a, b = 0.761594, 0.905148
        close(t.C_E[0], [0.710844, 0.870062])
        close(t.P_E[0], [[a, b, a], [b, 0.995055, b], [0, 0.462117, 0]])

    def test_masks(self):
        t = run([EXAMPLE])
        close(t.C_M[0], [1, 0])
        close(t.P_M_prime[0], [[1, 1, 1], [1, 0, 1], [1, 1, 1]])
        close(t.Delta_M[0], [[0.15] * 3, [0.15, 0, 0.15], [0.15] * 3])
        close(t.P_M[0], [[1.15] * 3, [1.15, 0, 1.15], [1.15] * 3])

    def test_fusion(self):
        t = run([EXAMPLE])
        close(t.C_ME[0, 0, 1, 1], 1.597033)
        close(t.C_ME[0, 1, 1, 1], 0.597033)
        close(t.C_ME[0, 0], 1 + 0.6 * t.P_E[0].numpy())
        close(t.C_ME[0, 1], 0.6 * t.P_E[0].numpy())
        for channel, (plain, masked) in enumerate([(1.434338, 0.284338), (1.498025, 0.348025)]):
            expected = np.full((3, 3), plain)
            expected[1, 1] = masked
            close(t.P_ME[0, channel], expected)

    def test_expected_map_at_the_centre(self):
        t = run([EXAMPLE])
        close((0.7 * t.P_ME + 0.3 * t.C_ME)[0, :, 1, 1], [0.678146, 0.422727])

    @pytest.mark.parametrize(
        ("apply", "centre", "corner"),
        [("add", 4.284338, 1.434338), ("mul", 1.137351, 0.0), ("residual", 5.137351, 0.0)],
    )
    def test_output(self, apply, centre, corner):
        t = run([EXAMPLE], draw=Draw.POSITION, apply=Apply(apply))
        close(t.F_out[0, 0, 1, 1], centre, 2e-6)
        close(t.F_out[0, 0, 0, 0], corner)
        assert torch.equal(t.F_module, t.P_ME)

    def test_channel_draw(self):
        t = run([EXAMPLE], draw=Draw.CHANNEL)
        assert torch.equal(t.F_module, t.C_ME)
        close(t.F_out[0, 0, 1, 1], 4 * 1.597033, 4e-6)


class TestEdgeCases:
    def test_dead_map_is_masked_everywhere(self):
        t = run(torch.zeros(1, 3, 4, 5))
        for name in ("C_M", "P_M_prime", "Delta_M", "P_M", "C_E", "P_E", "C_ME", "P_ME"):
            assert not getattr(t, name).any(), name

    def test_negative_maximum_masks_nothing(self):
        t = run(-torch.rand(2, 3, 4, 5) - 0.5)
        assert (t.C_M == 1).all()
        assert (t.P_M_prime == 1).all()
        assert not t.Delta_M.any()
        assert torch.equal(t.P_M, t.P_M_prime)

    def test_constant_positive_map_is_masked_everywhere(self):
        t = run(torch.full((1, 3, 4, 5), 2.0))
        assert not t.C_M.any()
        assert not t.P_M.any()

    def test_ratio_zero_masks_all_and_ratio_one_masks_the_maximum(self):
        F = torch.rand(1, 8, 5, 5) + 0.1
        none = run(F, alpha=0.0, beta=0.0)
        assert not none.C_M.any()
        assert not none.P_M_prime.any()
        one = run(F, alpha=1.0, beta=1.0)
        assert (one.C_M == 0).sum() == 1
        assert (one.P_M_prime == 0).sum() == 1
        assert one.C_A[0][one.C_M[0] == 0] == one.C_A.max()

    def test_larger_ratio_masks_fewer(self):
        F = torch.rand(2, 16, 7, 7)
        counts = [(run(F, alpha=r, beta=r).C_M == 0).sum() for r in (0.2, 0.6, 0.9, 1.0)]
        assert counts == sorted(counts, reverse=True)

    def test_dead_sample_does_not_touch_its_neighbour(self):
        alive = torch.rand(1, 3, 4, 5)
        both = run(torch.cat([torch.zeros_like(alive), alive]), draw=Draw.POSITION)
        alone = run(alive, draw=Draw.POSITION)
        torch.testing.assert_close(both.F_out[1:], alone.F_out, rtol=0, atol=1e-6)

    def test_one_cell(self):
        t = run(torch.full((1, 1, 1, 1), 3.0), draw=Draw.POSITION)
        close(t.P_ME, [[[[0.4 * np.tanh(3.0)]]]])


class TestFocusedMatrix:
    MASK = np.ones((5, 5))
    MASK[[0, 1, 1], [0, 1, 2]] = 0

    def focus(self, mask, neighbourhood):
        mask = torch.as_tensor(np.asarray(mask), dtype=torch.float32)[None]
        Delta_M = eq.focused_matrix(mask, 0.15, Neighbourhood(neighbourhood))
        return eq.focused_mask(mask, Delta_M)[0]

    def test_once(self):
        expected = np.ones((5, 5))
        expected[0:3, 0:4] = 1.15
        expected[self.MASK == 0] = 0
        close(self.focus(self.MASK, "once"), expected)

    def test_accumulate(self):
        expected = self.MASK.copy()
        expected[0, 1] = 1.45
        expected[[0, 1, 2, 2], [2, 0, 1, 2]] = 1.3
        expected[[0, 1, 2, 2], [3, 3, 0, 3]] = 1.15
        close(self.focus(self.MASK, "accumulate"), expected)

    @pytest.mark.parametrize("neighbourhood", list(Neighbourhood))
    def test_borders_clip(self, neighbourhood):
        mask = np.ones((4, 5))
        mask[0, 0] = 0
        expected = np.ones((4, 5))
        expected[:2, :2] = 1.15
        expected[0, 0] = 0
        close(self.focus(mask, neighbourhood), expected)

    @pytest.mark.parametrize("neighbourhood", list(Neighbourhood))
    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_all_or_none_masked(self, neighbourhood, value):
        mask = torch.full((2, 4, 3), value)
        assert not eq.focused_matrix(mask, 0.15, neighbourhood).any()

    @given(st.integers(1, 6), st.integers(1, 6), st.data())
    def test_parity(self, h, w, data):
        mask = data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=h * w, max_size=h * w))
        mask = np.array(mask).reshape(h, w)
        for neighbourhood in ("once", "accumulate"):
            expected = ref.eq8(mask.tolist(), ref.eq7(mask.tolist(), 0.15, neighbourhood))
            close(self.focus(mask, neighbourhood), expected)


@st.composite
def cases(draw):
    b, c = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    h, w = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**31))
    scale = draw(st.sampled_from([0.1, 1.0, 5.0]))
    F = np.random.default_rng(seed).normal(size=(b, c, h, w)).astype(np.float32) * scale
    if draw(st.booleans()):
        F = np.maximum(F, 0)  # after a ReLU, as in the paper
    numbers = {name: draw(st.floats(0, 1, width=32)) for name in PAPER}
    return SimpleNamespace(
        F=F,
        numbers=numbers,
        apply=draw(st.sampled_from(list(Apply))),
        neighbourhood=draw(st.sampled_from(list(Neighbourhood))),
        draws=[draw(st.sampled_from(list(Draw))) for _ in range(b)],
    )


class TestParity:
    @settings(max_examples=80)
    @given(cases())
    def test_every_map_matches_the_slow_transcription(self, case):
        samples = []
        for features, draw in zip(case.F.tolist(), case.draws, strict=True):
            slow = ref.dfm(
                features,
                **case.numbers,
                apply=str(case.apply),
                neighbourhood=str(case.neighbourhood),
                draw=str(draw),
            )
            assume(not ref.near_threshold(slow["C_A"], case.numbers["alpha"]))
            flat = [value for row in slow["P_A"] for value in row]
            assume(not ref.near_threshold(flat, case.numbers["beta"]))
            samples.append(slow)
        draws = torch.tensor([draw is Draw.POSITION for draw in case.draws])
        fast = run(
            case.F,
            **case.numbers,
            apply=case.apply,
            neighbourhood=case.neighbourhood,
            draw=draws,
        )
        for name in (*MAPS, "F_module", "F_out"):
            expected = np.array([slow[name] for slow in samples])
            assert getattr(fast, name).shape == expected.shape, name
            limit = 1e-6 * max(1.0, np.abs(expected).max())
            close(getattr(fast, name), expected, limit)

    @given(cases())
    def test_without_a_draw_nothing_changes(self, case):
        before = case.F.copy()
        F = torch.from_numpy(case.F)
        t = run(F, **case.numbers, apply=case.apply, neighbourhood=case.neighbourhood)
        assert torch.equal(t.F_out, F)
        np.testing.assert_array_equal(case.F, before)

    @given(cases())
    def test_per_batch_equals_per_sample(self, case):
        for draw in Draw:
            one = run(case.F, **case.numbers, apply=case.apply, draw=draw)
            many = torch.full((len(case.F),), draw is Draw.POSITION)
            each = run(case.F, **case.numbers, apply=case.apply, draw=many)
            assert torch.equal(one.F_out, each.F_out)


class TestTensors:
    @pytest.mark.parametrize("apply", list(Apply))
    @pytest.mark.parametrize("draw", list(Draw))
    def test_inputs_are_not_changed(self, apply, draw):
        F = torch.rand(2, 4, 3, 5)
        before = F.clone()
        t = run(F, apply=apply, draw=draw)
        t.F_out.add_(1)  # not a view of the input either
        assert torch.equal(F, before)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    @pytest.mark.parametrize("apply", list(Apply))
    def test_half_precision_keeps_small_maps_wide(self, dtype, apply):
        F = (torch.rand(2, 6, 5, 4) * 3).to(dtype)
        settings_ = {**PAPER, "apply": apply, "neighbourhood": Neighbourhood.ONCE}
        t = eq.dfm(F, **settings_, draw=Draw.POSITION)
        wide = eq.dfm(F.float(), **settings_, draw=Draw.POSITION)
        assert t.F_out.dtype == dtype
        for name in MAPS[:8]:
            assert getattr(t, name).dtype == torch.float32, name
            assert torch.equal(getattr(t, name), getattr(wide, name)), name
        assert torch.equal(t.F_out, wide.F_out.to(dtype))  # cast last

    def test_half_precision_does_not_overflow(self):
        F = torch.full((1, 3, 60, 60), 60.0, dtype=torch.float16)  # sums to 216000 > 65504
        t = eq.dfm(F, **PAPER, apply=Apply.MUL, neighbourhood=Neighbourhood.ONCE, draw=Draw.CHANNEL)
        assert torch.isfinite(t.C_A).all()
        close(t.C_A, np.full((1, 3), 60.0))

    def test_double_stays_double(self):
        F = torch.rand(1, 3, 4, 4, dtype=torch.float64)
        t = eq.dfm(F, **PAPER, apply=Apply.MUL, neighbourhood=Neighbourhood.ONCE, draw=Draw.CHANNEL)
        assert all(
            getattr(t, f.name).dtype == torch.float64
            for f in dataclasses.fields(t)
            if getattr(t, f.name) is not None
        )

    @pytest.mark.parametrize("apply", list(Apply))
    @pytest.mark.parametrize("draw", list(Draw))
    def test_gradient_flows_through_tanh(self, apply, draw):
        torch.manual_seed(0)
        F = torch.rand(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)

        def output(x):
            return eq.dfm(
                x, **PAPER, apply=apply, neighbourhood=Neighbourhood.ONCE, draw=draw
            ).F_out

        assert torch.autograd.gradcheck(output, (F,))

    def test_gradient_reaches_other_positions_through_the_enhancement(self):
        F = torch.rand(1, 3, 4, 3, dtype=torch.float64, requires_grad=True)
        t = eq.dfm(
            F, **PAPER, apply=Apply.ADD, neighbourhood=Neighbourhood.ONCE, draw=Draw.POSITION
        )
        (grad,) = torch.autograd.grad(t.F_out[0, 1, 2, 1], F)
        assert (grad[0, 1] != 0).all()  # C_E of channel 1 sees all its positions
        assert not grad[0, [0, 2]].any()

    def test_trace_is_frozen(self):
        t = run([EXAMPLE])
        with pytest.raises(dataclasses.FrozenInstanceError):
            t.C_A = t.C_E

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_cuda_gives_the_same_numbers(self):
        F = torch.rand(4, 64, 14, 14)
        for draw in Draw:
            cpu, gpu = (
                run(F, draw=draw),
                eq.dfm(
                    F.cuda(), **PAPER, apply=Apply.MUL, neighbourhood=Neighbourhood.ONCE, draw=draw
                ),
            )
            for name in (*MAPS, "F_out"):
                close(getattr(gpu, name), getattr(cpu, name).numpy(), 1e-5)


class TestSingleEquations:
    """Each equation alone, where the composition might hide a slip."""

    def test_they_compose_to_the_trace(self):
        F = torch.rand(2, 5, 4, 6)
        t = run(F, draw=Draw.CHANNEL)
        assert torch.equal(eq.channel_attention(F), t.C_A)
        assert torch.equal(eq.position_attention(F), t.P_A)
        assert torch.equal(eq.channel_enhancement(t.C_A), t.C_E)
        assert torch.equal(eq.position_enhancement(t.P_A), t.P_E)
        assert torch.equal(eq.channel_mask(t.C_A, 0.85), t.C_M)
        assert torch.equal(eq.position_mask(t.P_A, 0.95), t.P_M_prime)
        assert torch.equal(eq.focused_matrix(t.P_M_prime, 0.15), t.Delta_M)
        assert torch.equal(eq.focused_mask(t.P_M_prime, t.Delta_M), t.P_M)
        wide = [eq.expand_channels(v, t.F_in) for v in (t.C_E, t.C_M)]
        flat = [eq.expand_positions(v, 5) for v in (t.P_E, t.P_M)]
        assert all(v.shape == F.shape for v in (*wide, *flat))
        assert torch.equal(eq.fuse_channel(wide[1], flat[0], 0.6), t.C_ME)
        assert torch.equal(eq.fuse_position(flat[1], wide[0], 0.4), t.P_ME)
        assert torch.equal(eq.choose(t.C_ME, t.P_ME, Draw.CHANNEL), t.C_ME)
        assert torch.equal(eq.choose(t.C_ME, t.P_ME, Draw.POSITION), t.P_ME)
        assert torch.equal(eq.apply_module(F, t.C_ME, Apply.MUL), t.F_out)

    def test_mixed_draws_pick_per_sample(self):
        C_ME, P_ME = torch.zeros(3, 2, 2, 2), torch.ones(3, 2, 2, 2)
        out = eq.choose(C_ME, P_ME, torch.tensor([True, False, True]))
        assert out.mean(dim=(1, 2, 3)).tolist() == [1.0, 0.0, 1.0]
