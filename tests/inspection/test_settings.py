import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.inspection import Settings
from dfm_viz.methods import DFMParams
from dfm_viz.types import Apply, Draw, Fusion, Mode, Single, UserError


def test_defaults_are_the_papers():
    values = Settings().to_json()
    paper = {"alpha": 0.85, "beta": 0.95, "omega": 0.15, "delta": 0.6, "gamma": 0.4, "tau": 0.7}
    assert {k: values[k] for k in paper} == paper
    assert values["mode"] == "expected"
    assert values["threshold"] == 0.2
    assert values["points"] == "all"


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"alpha": 1.5}, ["alpha", "0 to 1", "1.5"]),
        ({"alpha": -0.01}, ["alpha", "-0.01"]),
        ({"tau": float("nan")}, ["tau", "nan"]),
        ({"beta": float("inf")}, ["beta", "inf"]),
        ({"beta": 10**400}, ["beta"]),
        ({"beta": "0.5"}, ["beta", "number", "'0.5'"]),
        ({"beta": True}, ["beta", "True"]),
        ({"beta": None}, ["beta", "None"]),
        ({"apply": "plus"}, ["apply", "add, mul, residual", "plus"]),
        ({"branches": "none"}, ["branches", "both, channel, position", "none"]),
        ({"fusion": "sum"}, ["fusion", "cross, normal", "sum"]),
        ({"single": 1}, ["single", "random, sum"]),
        ({"mode": "on"}, ["mode", "off", "sampled"]),
        ({"mode": ["off"]}, ["mode"]),
        ({"colormap": "jet"}, ["colormap", "cividis"]),
        ({"gama": 0.5}, ["gama", "gamma"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 1.5}, ["seed", "1.5"]),
        ({"seed": 2**64}, ["seed", "from 0 to 9223372036854775807", "18446744073709551616"]),
        ({"target": 2**64}, ["target", "to 9223372036854775807"]),
        ({"seed": 10**9999}, ["seed", "thousands of digits"]),
        ({"beta": 10**9999}, ["beta", "thousands of digits"]),
        ({"target": True}, ["target"]),
        ({"points": []}, ["points", "empty"]),
        ({"points": [3]}, ["points"]),
        ({"points": {"a": 1}}, ["points"]),
        ({"path": "left"}, ["path", "position"]),
        ({"path": 4}, ["path"]),
        ("[1]", ["object"]),
        ("{", ["JSON"]),
        ("[" * 100_000, ["JSON"]),
    ],
)
def test_wrong_settings_say_what_is_allowed(given_, words):
    with pytest.raises(UserError) as error:
        Settings.parse(given_)
    text = str(error.value)
    assert all(word in text for word in words)
    assert "\n" not in text


@given(
    st.dictionaries(
        st.sampled_from([*Settings.__dataclass_fields__, "nonsense"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_nonsense_is_either_a_setting_or_one_sentence(values):
    try:
        settings = Settings.parse(values)
    except UserError:
        return
    for name in DFMParams.kinds():
        value = getattr(settings, name)
        assert not isinstance(value, float) or math.isfinite(value)
    json.dumps(settings.to_json(), allow_nan=False)


def test_resolve_fills_in_what_the_family_decides():
    trained = DFMParams(apply=Apply.RESIDUAL, fusion=Fusion.NORMAL, omega=0.5)
    asked = Settings(path="channel", points=("b", "a"), single="sum")
    settings = asked.resolve(("a", "b", "c"), 5, trained)
    assert settings.apply is Apply.RESIDUAL
    assert settings.dfm_params() == DFMParams(
        apply=Apply.RESIDUAL, fusion=Fusion.NORMAL, single=Single.SUM
    )
    assert settings.points == ("a", "b")  # the network's order
    assert dict(settings.path) == {"a": Draw.CHANNEL, "b": Draw.CHANNEL}


@pytest.mark.parametrize("points", [["*"], ["a", "*"], "*", ["all"]])
def test_a_star_is_no_insertion_point(points):
    """In `path` it stands for every point; in `points` it used to leave none."""
    with pytest.raises(UserError, match=r"no insertion point '(\*|all)'.*a, b, or send 'all'"):
        Settings(points=points, path="channel").resolve(("a", "b"), 5, DFMParams())


def test_round_trip_through_json():
    settings = Settings(beta=0.5, mode=Mode.SAMPLED, points=("a",), path={"a": "channel"})
    again = Settings.parse(json.dumps(settings.to_json()))
    assert again == settings
