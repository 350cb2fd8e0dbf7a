"""DFM as a module: no state, an explicit draw, and a trace whose last map is the output."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from dfm_viz.methods import METHODS, DFMParams
from dfm_viz.methods.dfm import DFM
from dfm_viz.types import Apply, Draw, Neighbourhood, UserError

PAPER = {"alpha": 0.85, "beta": 0.95, "omega": 0.15, "delta": 0.6, "gamma": 0.4, "tau": 0.7}


@pytest.fixture
def features():
    torch.manual_seed(3)
    return torch.rand(4, 6, 5, 7)


class TestModule:
    def test_no_parameters_no_buffers(self):
        module = DFM()
        assert list(module.parameters()) == []
        assert list(module.buffers()) == []
        assert module.state_dict() == {}

    def test_insertion_leaves_names_alone(self):
        plain = nn.ModuleDict({"a": nn.Conv2d(3, 4, 1), "b": nn.BatchNorm2d(4)})
        names = list(plain.state_dict())
        plain["dfm"] = DFM()
        assert list(plain.state_dict()) == names

    def test_identity_in_evaluation(self, features):
        assert DFM().eval()(features) is features

    @pytest.mark.parametrize("draw", list(Draw))
    @pytest.mark.parametrize("apply", list(Apply))
    @pytest.mark.parametrize("training", [True, False])
    def test_output_is_the_last_map_of_the_trace(self, features, draw, apply, training):
        module = DFM(DFMParams(apply=apply)).train(training)
        assert torch.equal(module(features, draw), module.trace(features, draw).F_out)

    def test_output_per_sample(self, features):
        module = DFM().eval()
        draw = torch.tensor([True, False, False, True])
        out = module(features, draw)
        assert torch.equal(out, module.trace(features, draw).F_out)
        for i, position in enumerate(draw.tolist()):
            one = Draw.POSITION if position else Draw.CHANNEL
            expected = module(features[i : i + 1], one)
            torch.testing.assert_close(out[i : i + 1], expected, rtol=0, atol=1e-6)

    def test_looking_changes_nothing(self, features):
        t = DFM().eval().trace(features)
        assert torch.equal(t.F_out, features)
        assert t.F_module is None
        assert t.C_ME.shape == t.P_ME.shape == features.shape

    def test_input_is_not_changed(self, features):
        before = features.clone()
        module = DFM().train()
        for _ in range(5):
            module(features)
        assert torch.equal(features, before)

    def test_training_draws_from_the_default_generator(self, features):
        module = DFM().train()
        possible = [module.trace(features, draw).F_out for draw in Draw]
        torch.manual_seed(0)
        first = [module(features) for _ in range(12)]
        torch.manual_seed(0)
        second = [module(features) for _ in range(12)]
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        kinds = {next(i for i, p in enumerate(possible) if torch.equal(out, p)) for out in first}
        assert kinds == {0, 1}

    def test_explicit_draw_leaves_the_generator_alone(self, features):
        module = DFM().train()
        torch.manual_seed(5)
        before = torch.get_rng_state()
        module(features, Draw.CHANNEL)
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_plain_word_is_that_draw(self, features):
        module = DFM().eval()
        for draw in Draw:
            assert torch.equal(module(features, draw.value), module(features, draw))
        words = [module(features, draw.value) for draw in Draw]
        assert not torch.equal(*words)

    def test_shown_numbers(self):
        assert "tau=0.7" in repr(DFM())


class TestSampling:
    @pytest.mark.parametrize("tau", [0.0, 0.3, 0.7, 1.0])
    def test_frequency_per_batch(self, tau):
        module = DFM(DFMParams(tau=tau))
        generator = torch.Generator().manual_seed(11)
        draws = [module.sample(generator=generator) for _ in range(4000)]
        assert set(draws) <= set(Draw)
        share = sum(draw is Draw.POSITION for draw in draws) / len(draws)
        spread = 4 * math.sqrt(tau * (1 - tau) / len(draws))
        assert abs(share - tau) <= spread  # tau 0 and 1 are exact

    @pytest.mark.parametrize("tau", [0.0, 0.7, 1.0])
    def test_frequency_per_sample(self, tau):
        module = DFM(DFMParams(tau=tau), per_sample=True)
        draw = module.sample(batch=4000, generator=torch.Generator().manual_seed(2))
        assert draw.shape == (4000,)
        assert draw.dtype == torch.bool
        spread = 4 * math.sqrt(tau * (1 - tau) / 4000)
        assert abs(draw.float().mean().item() - tau) <= spread + 1e-6

    def test_seed_repeats_the_draws(self):
        module = DFM()
        runs = [
            [module.sample(generator=torch.Generator().manual_seed(9)) for _ in range(3)]
            for _ in range(2)
        ]
        assert runs[0] == runs[1]

    def test_per_sample_training_mixes_within_a_batch(self):
        torch.manual_seed(0)
        features = torch.rand(1, 3, 4, 4).expand(64, -1, -1, -1)
        out = DFM(per_sample=True).train()(features)
        assert len({tuple(row.flatten().tolist()) for row in out}) == 2


class TestParams:
    def test_defaults_are_the_papers(self):
        params = DFMParams()
        assert {name: getattr(params, name) for name in PAPER} == PAPER
        assert params.apply is Apply.MUL
        assert params.neighbourhood is Neighbourhood.ONCE
        assert METHODS["dfm"].params is DFMParams

    def test_words_are_accepted(self):
        assert DFMParams(apply="residual").apply is Apply.RESIDUAL
        assert DFMParams(neighbourhood="accumulate").neighbourhood is Neighbourhood.ACCUMULATE

    @pytest.mark.parametrize("name", PAPER)
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.01, 1.01, 10**400])
    def test_out_of_range(self, name, value):
        with pytest.raises(UserError, match=name) as caught:
            DFMParams(**{name: value})
        assert "0 to 1" in str(caught.value)

    @pytest.mark.parametrize("name", PAPER)
    @pytest.mark.parametrize("value", ["0.5", None, True, [0.5], 1j])
    def test_wrong_kind(self, name, value):
        with pytest.raises((UserError, TypeError), match=name):
            DFMParams(**{name: value})

    @pytest.mark.parametrize("name", ["apply", "neighbourhood"])
    @pytest.mark.parametrize("value", ["nonsense", None, 3, ["mul"], ""])
    def test_unknown_word(self, name, value):
        with pytest.raises((UserError, TypeError), match=name) as caught:
            DFMParams(**{name: value})
        assert ("mul" if name == "apply" else "once") in str(caught.value)

    def test_borders_are_allowed(self):
        for value in (0, 1, 0.0, 1.0):
            assert DFMParams(**dict.fromkeys(PAPER, value)).tau == value

    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            DFMParams().alpha = 0.1

    def test_round_trip(self):
        params = DFMParams(alpha=0.5, apply="add")
        assert DFMParams.from_dict(params.to_dict()) == params

    def test_unknown_name(self):
        with pytest.raises(UserError, match="alpah"):
            DFMParams.from_dict({"alpah": 0.5})

    def test_every_field_describes_itself(self):
        for name, kind in DFMParams.kinds().items():
            assert kind.label, name
            assert kind.source, name
