"""Table 1: every row is a configuration of one module, with the numbers of the worked example."""

import dataclasses
import math

import numpy as np
import pytest
import reference as ref
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from dfm_viz import equations as eq
from dfm_viz.methods import DFM, DFMParams
from dfm_viz.methods.dfm import READINGS, different_readings, read_by
from dfm_viz.methods.table1 import TABLE1, row_of, switches_of
from dfm_viz.types import Apply, Branches, Draw, Fusion, Single, UserError

F = torch.tensor([[[[0.0, 1, 0], [1, 4, 1], [0, 1, 0]], [[2, 2, 2], [2, 2, 2], [0, 0, 0]]]])
C_E = (0.710844, 0.870062)
A, B, M, L = 0.761594, 0.905148, 0.995055, 0.462117
P_E = torch.tensor([[A, B, A], [B, M, B], [0, L, 0]])
HOLE = torch.tensor([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]])


OTHER = {
    "alpha": 0.2,
    "beta": 0.3,
    "omega": 0.9,
    "delta": 0.1,
    "gamma": 0.9,
    "tau": 0.1,
    "neighbourhood": "accumulate",
}


def maps(row, **changes):
    """(C_ME, P_ME) of a row of the table on the worked example."""
    params = TABLE1[row].params(dataclasses.replace(DFMParams(), **changes))
    trace = DFM(params).trace(F)
    return trace.C_ME[0], trace.P_ME[0]


def close(actual, *channels):
    torch.testing.assert_close(actual, torch.stack(channels), rtol=0, atol=1e-6)


def flat(value):
    return torch.full((3, 3), float(value))


class TestRows:
    def test_seven_in_order_and_two_without_the_module(self):
        assert [row.row for row in TABLE1] == list(range(7))
        assert [row.switches is None for row in TABLE1] == [True] * 2 + [False] * 5
        assert TABLE1[0].params() is None
        assert len({row.name for row in TABLE1}) == 7

    def test_2_channel_branch(self):
        enhancement, mask = maps(2)
        close(enhancement, flat(C_E[0]), flat(C_E[1]))
        close(mask, flat(1), flat(0))

    def test_3_position_branch_without_the_focused_matrix(self):
        enhancement, mask = maps(3)
        close(enhancement, P_E, P_E)
        close(mask, HOLE, HOLE)

    def test_4_normal_fusion(self):
        C_ME, P_ME = maps(4)
        close(C_ME, flat(1.426506), flat(0.522037))  # C_M + .6 C_E
        corner, edge, centre, low = 1.304638, 1.362059, 0.398022, 1.184847  # P_M + .4 P_E
        expected = torch.tensor(
            [[corner, edge, corner], [edge, centre, edge], [1, low, 1]],
        )
        close(P_ME, expected, expected)

    def test_5_cross_fusion(self):
        C_ME, P_ME = maps(5)
        close(C_ME, 1 + 0.6 * P_E, 0.6 * P_E)
        close(P_ME, HOLE + 0.284338, HOLE + 0.348025)

    def test_6_is_the_paper(self):
        C_ME, P_ME = maps(6)
        default = DFM().trace(F)
        assert TABLE1[6].params() == DFMParams()
        assert torch.equal(C_ME, default.C_ME[0])
        assert torch.equal(P_ME, default.P_ME[0])
        close(P_ME, 1.15 * HOLE + 0.284338, 1.15 * HOLE + 0.348025)

    def test_other_parameters_stay_as_given(self):
        given = DFMParams(alpha=0.3, omega=0.5, apply=Apply.ADD, single=Single.SUM)
        for row in TABLE1[2:]:
            params = row.params(given)
            assert (params.alpha, params.apply, params.single) == (0.3, Apply.ADD, Single.SUM)
            assert params.omega == (0.5 if row.row == 6 else 0)


class TestSum:
    @pytest.mark.parametrize(
        ("branches", "expected"),
        [
            (Branches.CHANNEL, torch.stack([flat(1.426506), flat(0.522037)])),
            (Branches.POSITION, (1.15 * HOLE + 0.4 * P_E).expand(2, 3, 3)),
        ],
    )
    def test_both_outcomes_are_the_sum(self, branches, expected):
        trace = DFM(DFMParams(branches=branches, single="sum")).trace(F)
        assert torch.equal(trace.C_ME, trace.P_ME)
        close(trace.P_ME[0], *expected)

    def test_chance_no_longer_matters(self):
        module = DFM(DFMParams(branches="channel", single="sum"))
        outputs = [module(F, draw) for draw in Draw]
        assert torch.equal(*outputs)


class TestAgainstTheLoops:
    @given(
        st.integers(1, 2),
        st.integers(1, 4),
        st.integers(1, 4),
        st.integers(1, 4),
        st.integers(0, 10**6),
        st.sampled_from(list(Branches)),
        st.sampled_from(list(Fusion)),
        st.sampled_from(list(Single)),
    )
    def test_parity(self, b, c, h, w, seed, branches, fusion, single):
        x = np.random.default_rng(seed).normal(0.5, 1, (b, c, h, w)).clip(0)
        numbers = {"alpha": 0.85, "beta": 0.95, "omega": 0.15, "delta": 0.6, "gamma": 0.4}
        switches = {"branches": branches, "fusion": fusion, "single": single}
        trace = DFM(DFMParams(**numbers, **switches)).trace(torch.from_numpy(x))
        for i, picture in enumerate(x.tolist()):
            assume(not ref.near_threshold(ref.eq1_gap(picture), 0.85))
            assume(not ref.near_threshold([v for r in ref.eq2_cap(picture) for v in r], 0.95))
            slow = ref.table1(picture, **numbers, **switches)
            for fast, expected in zip((trace.C_ME, trace.P_ME), slow, strict=True):
                np.testing.assert_allclose(fast[i].numpy(), expected, rtol=0, atol=1e-9)

    def test_the_default_is_bit_for_bit_what_it_was(self):
        torch.manual_seed(0)
        x = torch.rand(2, 5, 4, 6)
        t = DFM().trace(x, Draw.CHANNEL)
        wide = [eq.expand_channels(v, t.F_in) for v in (t.C_M, t.C_E)]
        tall = [eq.expand_positions(v, 5) for v in (t.P_M, t.P_E)]
        assert torch.equal(t.C_ME, eq.fuse_channel(wide[0], tall[1], 0.6))
        assert torch.equal(t.P_ME, eq.fuse_position(tall[0], wide[1], 0.4))

    @pytest.mark.parametrize("branches", list(Branches))
    @pytest.mark.parametrize("fusion", list(Fusion))
    @pytest.mark.parametrize("single", list(Single))
    @pytest.mark.parametrize("draw", list(Draw))
    def test_gradients(self, branches, fusion, single, draw):
        torch.manual_seed(0)
        x = torch.rand(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
        module = DFM(DFMParams(branches=branches, fusion=fusion, single=single))
        assert torch.autograd.gradcheck(lambda x: module.trace(x, draw).F_out, (x,))


class TestWhatIsRead:
    """`read_by` decides what a cache may keep, so it must name exactly what matters."""

    @pytest.mark.parametrize("branches", list(Branches))
    @pytest.mark.parametrize("fusion", list(Fusion))
    @pytest.mark.parametrize("single", list(Single))
    @pytest.mark.parametrize("draw", list(Draw))
    def test_a_number_matters_if_and_only_if_it_is_read(self, branches, fusion, single, draw):
        torch.manual_seed(2)
        x = torch.rand(1, 16, 7, 7) * torch.linspace(0.5, 1, 16)[:, None, None]
        params = DFMParams(beta=0.7, branches=branches, fusion=fusion, single=single)
        before = DFM(params).trace(x, draw).F_out
        read = read_by(draw, params)
        assert set(READINGS) - {"neighbourhood"} <= set(read)
        for name, value in OTHER.items():
            after = DFM(dataclasses.replace(params, **{name: value})).trace(x, draw).F_out
            assert torch.equal(before, after) == (name not in read), name


class TestParams:
    def test_old_cards_mean_the_paper(self):
        params = DFMParams.from_dict({"alpha": 0.85, "apply": "mul", "neighbourhood": "once"})
        assert (params.branches, params.fusion, params.single) == ("both", "cross", "random")

    def test_switches_are_readings(self):
        changed = DFMParams(branches="channel", fusion="normal", single="sum")
        assert different_readings(changed, DFMParams()) == ("branches", "fusion", "single")

    @pytest.mark.parametrize("name", ["branches", "fusion", "single"])
    @pytest.mark.parametrize("value", ["nonsense", None, 3, math.nan])
    def test_unknown_word(self, name, value):
        with pytest.raises(UserError, match=name):
            DFMParams(**{name: value})


class TestWhichRow:
    @pytest.mark.parametrize("row", TABLE1[2:], ids=lambda row: row.name)
    def test_every_row_is_found_by_its_switches(self, row):
        assert row_of(row.params(DFMParams(alpha=0.3, single="sum"))) is row

    @pytest.mark.parametrize(
        ("changed", "number", "switches"),
        [
            ({}, 6, {"branches": "both", "fusion": "cross", "omega": 0.15}),
            ({"omega": 0.0}, 5, {"branches": "both", "fusion": "cross", "omega": 0.0}),
            ({"fusion": "normal"}, None, {"branches": "both", "fusion": "normal", "omega": 0.15}),
            # A branch alone has nothing to fuse, and channels have no neighbours.
            ({"branches": "channel", "fusion": "normal"}, 2, {"branches": "channel", "omega": 0.0}),
            ({"branches": "position"}, None, {"branches": "position", "omega": 0.15}),
        ],
    )
    def test_what_acts_decides(self, changed, number, switches):
        params = DFMParams(**changed)
        assert switches_of(params) == switches
        found = row_of(params)
        assert (found.row if found else None) == number
