"""The engine: exact mixtures, shared work, and nothing computed twice."""

import threading

import numpy as np
import pytest
import torch

from dfm_viz.backbones import BACKBONES, forward_mode
from dfm_viz.inspection import Settings, load_family
from dfm_viz.inspection.network import forget
from dfm_viz.methods import DFM, METHODS, DFMParams
from dfm_viz.types import Apply, Draw, Mode, Neighbourhood, Single, UserError

SIX = {"alpha": 0.7, "beta": 0.8, "omega": 0.3, "delta": 0.5, "gamma": 0.9, "tau": 0.6}


def full_pass(family, opened, draws, **params):
    """The whole network from the picture on, with freshly inserted modules."""
    model = family.model("dfm")
    values = {**DFMParams().to_dict(), **params}
    before = {name: m.params for name, m in model.insertions.items()}
    try:
        for module in model.insertions.values():
            module.params = DFMParams(**values)
        with torch.inference_mode():
            features = model.feature_map(opened.networks["dfm"].x, draws)
            return features, model.logits(features)[0]
    finally:
        for name, module in model.insertions.items():
            module.params = before[name]


CONFIGURATIONS = [
    *({"apply": a, "neighbourhood": n} for a in Apply for n in Neighbourhood),
    {"fusion": "normal"},
    *({"branches": b, "single": s} for b in ("channel", "position") for s in Single),
]


@pytest.mark.parametrize("readings", CONFIGURATIONS, ids=lambda r: " ".join(r.values()))
def test_every_path_equals_the_full_pass_bit_for_bit(tiny_family, opened, readings):
    values = {**SIX, **readings}
    result = tiny_family.inspect(opened, values)
    assert len(result.dfm_paths) == 4
    for path in result.dfm_paths:
        features, logits = full_pass(tiny_family, opened, path.draw, **values)
        target = torch.tensor([result.methods["dfm"].class_index])
        with torch.inference_mode():
            expected = tiny_family.model("dfm").cam(features, target)[0].numpy()
        assert np.array_equal(path.map, expected)
        assert path.logit == float(logits[target])


def test_off_equals_the_plain_full_pass_bit_for_bit(tiny_family, opened):
    result = tiny_family.inspect(opened, {**SIX, "mode": "off"})
    model = tiny_family.model("dfm")
    with torch.inference_mode():
        features = model.feature_map(opened.networks["dfm"].x)
        index = int(model.logits(features).argmax())
        expected = model.cam(features, torch.tensor([index]))[0].numpy()
    for off in (result.dfm_off, result.methods["dfm"]):
        assert off.class_index == index
        assert np.array_equal(off.map, expected)


def test_expected_is_the_exact_mixture_of_the_paths(tiny_family, opened):
    result = tiny_family.inspect(opened, SIX)
    probabilities = [path.probability for path in result.dfm_paths]
    assert probabilities == pytest.approx([0.36, 0.24, 0.24, 0.16])
    mixed = sum(
        p * path.map.astype(np.float64)
        for p, path in zip(probabilities, result.dfm_paths, strict=True)
    )
    assert result.methods["dfm"].map == pytest.approx(mixed, abs=1e-6)
    logits = sum(
        p * full_pass(tiny_family, opened, path.draw, **SIX)[1].double()
        for p, path in zip(probabilities, result.dfm_paths, strict=True)
    )
    assert result.methods["dfm"].class_index == int(logits.argmax())
    assert result.methods["dfm"].score == pytest.approx(float(logits.softmax(0).max()), abs=1e-6)


@pytest.mark.parametrize("mode", [m for m in Mode if m is not Mode.SAMPLED])
def test_inspection_agrees_with_the_batched_evaluation(tiny_family, opened, mode):
    result = tiny_family.inspect(opened, {"mode": str(mode)}).methods["dfm"]
    logits, maps = forward_mode(tiny_family.model("dfm"), opened.networks["dfm"].x, mode)
    assert result.class_index == int(logits.argmax())
    assert result.map == pytest.approx(maps[0].numpy(), abs=1e-5)


def test_position_and_channel_modes_are_the_first_and_the_last_path(tiny_family, opened):
    for mode, index in (("position", 0), ("channel", 3)):
        result = tiny_family.inspect(opened, {**SIX, "mode": mode})
        assert np.array_equal(result.methods["dfm"].map, result.dfm_paths[index].map)


def test_sampled_is_one_path_and_the_seed_decides_which(tiny_family, opened):
    seen = set()
    for seed in range(40):
        settings = {**SIX, "tau": 0.5, "mode": "sampled", "seed": seed}
        result = tiny_family.inspect(opened, settings)
        again = tiny_family.inspect(opened, settings)
        chosen = result.methods["dfm"].map
        assert np.array_equal(chosen, again.methods["dfm"].map)
        index = result.methods["dfm"].class_index
        full = [tiny_family.inspect(opened, {**SIX, "tau": 0.5, "target": index}).dfm_paths]
        seen |= {i for i, path in enumerate(full[0]) if np.array_equal(path.map, chosen)}
    assert seen == {0, 1, 2, 3}


def test_mean_of_cam_plus_bias_is_the_logit(tiny_family, opened):
    for name in ("cam", "adl", "dfm"):
        result = tiny_family.inspect(opened, {"mode": "off"}).methods[name]
        model = tiny_family.model(name)
        with torch.inference_mode():
            logits = model(opened.networks[name].x)[0]
        bias = model.fc.bias[result.class_index].item()
        assert result.map.mean() + bias == pytest.approx(
            logits[result.class_index].item(), rel=1e-5, abs=1e-5
        )


def test_the_points_show_the_chosen_path(tiny_family, opened):
    first, second = tiny_family.info.points
    result = tiny_family.inspect(opened, {**SIX, "path": {first: "channel", second: "position"}})
    features, _ = full_pass(
        tiny_family, opened, {first: Draw.CHANNEL, second: Draw.POSITION}, **SIX
    )
    assert np.array_equal(result.points[second].F_out, features[0].numpy())
    assert result.points[first].path == {first: Draw.CHANNEL}
    assert result.points[second].path == {first: Draw.CHANNEL, second: Draw.POSITION}
    p = result.points[first]
    assert np.array_equal(p.F_out, p.F_in * p.C_ME)
    assert pytest.approx(0.5 * p.P_E + p.C_M[:, None, None], abs=1e-6) == p.C_ME


def test_off_looks_and_changes_nothing(tiny_family, opened):
    for point in tiny_family.inspect(opened, {"mode": "off"}).points.values():
        assert np.array_equal(point.F_in, point.F_out)
        assert point.path is None
        assert 0 in point.P_M_prime


def test_one_point_gives_two_paths(tiny_family, opened):
    second = tiny_family.info.points[1]
    result = tiny_family.inspect(opened, {**SIX, "points": [second]})
    assert list(result.points) == [second]
    assert [p.probability for p in result.dfm_paths] == pytest.approx([0.6, 0.4])
    features, _ = full_pass(tiny_family, opened, {second: Draw.POSITION}, **SIX)
    assert np.array_equal(result.points[second].F_out, features[0].numpy())


def test_opening_runs_every_network_once(tiny_family, picture, runs):
    forget()
    tiny_family.open(picture)
    first, second = tiny_family.info.points
    assert sorted(runs, key=str) == sorted(
        3 * [(None, first), (first, second), (second, None)], key=str
    )
    runs.clear()
    tiny_family.open(picture)
    assert runs == []


@pytest.mark.parametrize(
    "moved",
    [
        {"tau": 0.1},
        {"threshold": 0.5},
        {"colormap": "viridis", "opacity": 0.3},
        {"target": 1},
        {"mode": "position"},
        {"mode": "sampled", "seed": 5},
        {"path": "channel"},
        {"weights": "own"},
    ],
)
def test_no_network_runs_for_what_only_reweighs_cuts_or_colours(tiny_family, opened, runs, moved):
    tiny_family.inspect(opened, SIX)
    tiny_family.inspect(opened, {**SIX, "path": "channel"})
    runs.clear()
    tiny_family.inspect(opened, {**SIX, **moved})
    assert runs == []


@pytest.mark.parametrize("name", ["alpha", "beta", "omega", "delta", "gamma"])
def test_a_moved_slider_runs_only_what_lies_behind_its_own_draw(tiny_family, opened, runs, name):
    tiny_family.inspect(opened, SIX)
    runs.clear()
    tiny_family.inspect(opened, {**SIX, name: 0.42})
    first, second = tiny_family.info.points
    # From the first point on once (of two branches); behind the last point there is no stage left.
    assert runs.count((first, second)) == 1
    assert all(start is not None for start, _ in runs)
    assert {r for r in runs if r != (first, second)} <= {(second, None)}


@pytest.mark.parametrize("readings", CONFIGURATIONS, ids=lambda r: " ".join(r.values()))
@pytest.mark.parametrize("name", ["alpha", "beta", "omega", "delta", "gamma", "tau"])
def test_after_a_move_nothing_old_is_shown(tiny_family, opened, readings, name):
    """What is kept from before a move must not hide it, in any configuration of Table 1."""
    tiny_family.inspect(opened, {**SIX, **readings})
    values = {**SIX, **readings, name: 0.42}
    moved = tiny_family.inspect(opened, values)
    forget()
    fresh = tiny_family.inspect(opened, values)
    for kept, computed in zip(moved.dfm_paths, fresh.dfm_paths, strict=True):
        assert np.array_equal(kept.map, computed.map)
        assert kept.logit == computed.logit
    for point, maps in fresh.points.items():
        assert np.array_equal(moved.points[point].F_out, maps.F_out)


@pytest.mark.parametrize(
    ("readings", "idle"),
    [
        ({"branches": "channel"}, {"beta", "omega", "gamma", "delta"}),
        ({"branches": "position"}, {"alpha", "delta", "gamma"}),
        ({"branches": "channel", "single": "sum"}, {"beta", "omega", "gamma"}),
        ({"branches": "position", "single": "sum"}, {"alpha", "delta"}),
        ({"fusion": "normal"}, set()),
    ],
)
def test_a_branch_that_is_not_there_runs_nothing(tiny_family, opened, runs, readings, idle):
    tiny_family.inspect(opened, {**SIX, **readings})
    for name in ("alpha", "beta", "omega", "delta", "gamma"):
        runs.clear()
        tiny_family.inspect(opened, {**SIX, **readings, name: 0.42})
        assert (runs == []) == (name in idle), name


def test_back_at_the_same_setting_nothing_runs(tiny_family, opened, runs):
    tiny_family.inspect(opened, SIX)
    tiny_family.inspect(opened, {**SIX, "beta": 0.3})
    runs.clear()
    tiny_family.inspect(opened, SIX)
    assert runs == []


def test_an_evicted_picture_is_computed_again_with_the_same_numbers(tiny_family, opened):
    before = tiny_family.inspect(opened, SIX)
    forget()
    after = tiny_family.inspect(opened, SIX)
    assert np.array_equal(before.methods["dfm"].map, after.methods["dfm"].map)


def test_cam_weights_for_all(tiny_family, opened):
    result = tiny_family.inspect(opened, {"weights": "cam"})
    assert np.array_equal(result.methods["cam"].map, result.methods["adl"].map)
    assert result.methods["dfm"].note == result.methods["adl"].note == "not trained with it"
    own = tiny_family.inspect(opened, {})
    assert own.methods["dfm"].note == own.methods["adl"].note == ""
    assert not np.array_equal(own.methods["cam"].map, own.methods["adl"].map)


def test_a_family_with_cam_only_lends_its_weights(families_root, picture):
    family = load_family("camonly", root=families_root, device="cpu")
    result = family.inspect(family.open(picture))
    assert list(result.methods) == ["cam", "adl", "dfm"]
    assert not result.methods["dfm"].trained
    assert set(result.adl_points) == set(family.info.points)


def test_not_as_trained_is_said(tiny_family, opened):
    result = tiny_family.inspect(opened, {"apply": "add"})
    assert result.methods["dfm"].note == "not as trained: apply = add"
    assert result.dfm_off.note == ""


def test_boxes_and_iou_in_the_pictures_own_pixels(tiny_family, opened):
    whole = tiny_family.inspect(opened, {"threshold": 0.0}, [[0, 0, 120, 90]]).methods["cam"]
    x0, y0, x1, y1 = whole.box
    assert 0 <= x0 < x1 <= 120 * 223 / 224
    assert 0 <= y0 < y1 <= 90 * 223 / 224
    scaled = [v * s for v, s in zip(whole.box_grid, (120 / 224, 90 / 224) * 2, strict=True)]
    assert whole.box == pytest.approx(scaled)
    assert tiny_family.inspect(opened).methods["cam"].iou is None


def test_results_do_not_share_memory_with_the_cache(tiny_family, opened):
    result = tiny_family.inspect(opened, SIX)
    point = next(iter(result.points.values()))
    with pytest.raises(ValueError, match="read-only"):
        point.F_in[0, 0, 0] = 9
    kept = tiny_family.inspect(opened, SIX).points[tiny_family.info.points[0]]
    assert not np.shares_memory(point.F_in, kept.F_in)


def test_many_visitors_at_once_get_their_own_answers(tiny_family, picture):
    pictures = [np.roll(picture, 10 * i, axis=1) for i in range(3)]
    alone = [tiny_family.inspect(tiny_family.open(p), SIX).methods["dfm"].map for p in pictures]
    forget()
    wrong = []

    def visit(index):
        for beta in (0.3, 0.8):
            opened = tiny_family.open(pictures[index])
            result = tiny_family.inspect(opened, {**SIX, "beta": beta})
        if not np.array_equal(result.methods["dfm"].map, alone[index]):
            wrong.append(index)

    threads = [threading.Thread(target=visit, args=(i % 3,)) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_json_keeps_full_precision_and_the_contracts_fields(tiny_family, opened):
    result = tiny_family.inspect(opened, SIX, [[10, 10, 60, 60]])
    values = result.to_json()
    assert set(values) == {
        "schema_version", "family", "image", "settings", "methods", "dfm_off", "dfm_paths",
        "points", "adl_points",
    }  # fmt: skip
    assert values["image"] == {"width": 120, "height": 90}
    point = values["points"][tiny_family.info.points[0]]
    assert set(point) >= {
        "C_A", "P_A", "C_E", "P_E", "C_M", "P_M_prime", "Delta_M", "P_M",
        "C_ME_mean", "P_ME_mean", "F_in_mean", "F_out_mean", "path",
    }  # fmt: skip
    maps = result.points[tiny_family.info.points[0]]
    for name, means in (
        ("C_ME", 0.5 * maps.P_E.astype(float) + maps.C_M.astype(float).mean()),
        ("P_ME", 0.9 * maps.C_E.astype(float).mean() + maps.P_M),
    ):
        assert np.array(point[f"{name}_mean"]) == pytest.approx(means, abs=1e-6)
    map_again = np.array(values["methods"]["dfm"]["map"], np.float32)
    assert np.array_equal(map_again, result.methods["dfm"].map)
    assert values["settings"]["apply"] == "mul"
    assert values["settings"]["points"] == list(tiny_family.info.points)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"points": ["block9"]}, ["block9", "block4_1"]),
        ({"path": {"block9": "position"}}, ["block9"]),
        ({"target": 3}, ["target", "0 to 2", "3"]),
    ],
)
def test_settings_that_do_not_fit_the_family(tiny_family, opened, settings, words):
    with pytest.raises(UserError) as error:
        tiny_family.inspect(opened, settings)
    assert all(word in str(error.value) for word in words)


def test_settings_object_and_json_text_are_the_same(tiny_family, opened):
    a = tiny_family.inspect(opened, Settings(beta=0.5)).to_json()
    b = tiny_family.inspect(opened, '{"beta": 0.5}').to_json()
    assert a == b


def test_the_model_is_left_as_it_was(tiny_family, opened):
    model = tiny_family.model("dfm")
    assert not model.training
    assert all(isinstance(m, DFM) and m.params == DFMParams() for m in model.insertions.values())


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_with_every_method_can_be_shown(
    backbone, checkpoint_maker, picture, tmp_path
):
    for method in METHODS:
        checkpoint_maker(tmp_path / "family" / method, method, backbone=backbone)
    family = load_family(tmp_path / "family", device="cpu")
    opened = family.open(picture)
    result = family.inspect(opened, SIX)
    assert list(result.methods) == list(METHODS)
    assert tuple(result.points) == BACKBONES[backbone].points["dfm"]
    assert tuple(result.adl_points) == BACKBONES[backbone].points["adl"]
    for path in result.dfm_paths:
        _, logits = full_pass(family, opened, path.draw, **SIX)
        index = result.methods["dfm"].class_index
        assert path.logit == float(logits[index])
