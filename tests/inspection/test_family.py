"""Which checkpoints make a family, what they are called, and what is shown on which."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch

from dfm_viz.checkpoint.card import CARD, read_card
from dfm_viz.inspection import Settings, list_families, load_family, question
from dfm_viz.types import UserError


@pytest.fixture
def grown(families_root, tmp_path):
    """A copy of the tiny family, to be changed."""
    shutil.copytree(families_root / "tiny", tmp_path / "grown")
    return tmp_path / "grown"


def rewrite(folder, **changed):
    """Change values of a card."""
    card = dataclasses.replace(read_card(folder), **changed)
    (folder / CARD).write_text(card.to_json())


def test_every_method_in_its_order_and_a_second_checkpoint_behind_its_first(all_family):
    info = all_family.info
    names = ("cam", "has", "acol", "adl", "dfm", "dfm_add", "cbam", "abn")
    assert info.methods == info.trained == names
    assert info.titles == ("CAM", "HaS", "ACoL", "ADL", "DFM", "DFM (add)", "CBAM", "ABN")


def test_all_of_them_are_shown_with_their_names_and_maps(all_family, picture):
    opened = all_family.open(picture)
    result = all_family.inspect(opened)
    assert tuple(result.methods) == all_family.info.methods
    assert tuple(m.title for m in result.methods.values()) == all_family.info.titles
    assert all(m.trained and m.note == "" for m in result.methods.values())
    for name in ("cam", "has", "acol", "adl", "cbam", "abn"):
        model, x = all_family.model(name), opened.networks[name].x
        with torch.inference_mode():
            features = model.feature_map(x)
            index = model.logits(features).argmax(dim=1)
            assert np.array_equal(result.methods[name].map, model.cam(features, index)[0])
        assert result.methods[name].class_index == int(index)
    fused = result.methods["acol"].map
    assert fused.min() >= 0
    assert fused.max() == pytest.approx(1)


@pytest.mark.parametrize("mode", ["off", "position", "channel", "expected", "sampled"])
def test_a_second_checkpoint_acts_in_the_mode_with_what_it_was_trained_with(
    mode, families_root, tmp_path, all_family, picture
):
    """No slider moves it; alone in a family it gives the same, as trained."""
    shutil.copytree(families_root / "all" / "dfm_add", tmp_path / "alone" / "dfm")
    alone = load_family(tmp_path / "alone", device="cpu")
    expected = alone.inspect(alone.open(picture), {"mode": mode, "seed": 3}).methods["dfm"]
    opened = all_family.open(picture)
    for moved in ({}, {"tau": 0.1, "alpha": 0.2, "apply": "residual", "weights": "cam"}):
        shown = all_family.inspect(opened, {"mode": mode, "seed": 3, **moved}).methods["dfm_add"]
        assert np.array_equal(shown.map, expected.map)
        assert (shown.box, shown.score) == (expected.box, expected.score)


def test_a_slider_asks_nothing_of_the_methods_it_does_not_move(all_family, picture, monkeypatch):
    opened = all_family.open(picture)
    all_family.inspect(opened, {"mode": "position"})
    maps, boxes = [], []
    cam, box = question._cam, question.box_from_grid
    monkeypatch.setattr(question, "_cam", lambda *args: maps.append(1) or cam(*args))
    monkeypatch.setattr(question, "box_from_grid", lambda *args: boxes.append(1) or box(*args))
    all_family.inspect(opened, {"mode": "position", "beta": 0.3})
    # DFM's own answer, the one with the module off, and the four paths.
    assert len(maps) == len(boxes) == 6
    all_family.inspect(opened, {"mode": "position", "beta": 0.3, "threshold": 0.6})
    assert len(boxes) == 6 + 6 + 7


@pytest.mark.parametrize("method", ["has", "acol", "cbam", "abn"])
def test_one_checkpoint_of_any_method_is_a_family(families_root, tmp_path, method, picture):
    shutil.copytree(families_root / "all" / method, tmp_path / "one" / method)
    family = load_family(tmp_path / "one", device="cpu")
    assert set(family.info.methods) == {method, "dfm"}
    result = family.inspect(family.open(picture), {"mode": "off"})
    assert result.methods["dfm"].note == result.dfm_off.note == "not trained with it"
    assert np.array_equal(result.methods["dfm"].map, result.methods[method].map)
    assert len(result.dfm_paths) == 4
    assert result.points
    assert result.adl_points == {}
    with pytest.raises(UserError, match="no cam checkpoint"):
        family.inspect(family.open(picture), {"weights": "cam"})


def test_dfm_in_a_network_with_two_heads(families_root, tmp_path, picture):
    """On ACoL's weights DFM's maps are ACoL's fused maps of what DFM changed."""
    shutil.copytree(families_root / "all" / "acol", tmp_path / "one" / "acol")
    family = load_family(tmp_path / "one", device="cpu")
    result = family.inspect(family.open(picture), {"mode": "channel"})
    assert not np.array_equal(result.methods["dfm"].map, result.methods["acol"].map)
    assert result.methods["dfm"].map.max() == pytest.approx(1)


def test_further_checkpoints_are_called_by_what_differs(grown, checkpoint_maker):
    checkpoint_maker(grown / "dfm_row4", "dfm", fusion="normal", omega=0.0)
    checkpoint_maker(grown / "adl_low", "adl", drop_threshold=0.5)
    checkpoint_maker(grown / "dfm_one", "dfm", seed=1, tau=0.5)
    checkpoint_maker(grown / "dfm_two", "dfm", seed=2, tau=0.5)
    checkpoint_maker(grown / "cam_seed1", "cam", seed=1)
    info = load_family(grown).info
    assert dict(zip(info.methods, info.titles, strict=True)) == {
        "cam": "CAM",
        "cam_seed1": "CAM (cam_seed1)",
        "adl": "ADL",
        "adl_low": "ADL (γ 0.5)",
        "dfm": "DFM",
        "dfm_one": "DFM (dfm_one)",
        "dfm_row4": "DFM (ω 0, normal)",
        "dfm_two": "DFM (dfm_two)",
    }


def test_without_a_folder_of_the_methods_name_the_first_stands_for_it(grown, picture):
    (grown / "dfm").rename(grown / "dfm_first")
    family = load_family(grown, device="cpu")
    assert family.info.methods == ("cam", "adl", "dfm")
    assert family.inspect(family.open(picture)).methods["dfm"].note == ""


def test_half_written_and_other_folders_are_left_out(grown):
    shutil.copytree(grown / "dfm", grown / ".dfm-unfinished")
    (grown / "pictures").mkdir()
    assert load_family(grown).info.methods == ("cam", "adl", "dfm")


@pytest.mark.parametrize(
    ("folder", "changed", "words"),
    [
        ("cam", {"backbone_options": {"plain": True}}, ["grown/cam", "plain", "move it out"]),
        ("adl", {"method": "cam", "params": {}}, ["grown/adl", "'cam'", "rename"]),
        ("dfm", {"classes": ("one", "two")}, ["'grown'", "dfm", "other classes"]),
    ],
)
def test_checkpoints_that_do_not_belong_are_named(grown, folder, changed, words):
    rewrite(grown / folder, **changed)
    with pytest.raises(UserError) as error:
        load_family(grown)
    assert all(word in str(error.value) for word in words)
    assert list_families(grown.parent) == ()


def test_an_empty_folder_is_no_family(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="'empty' is no family"):
        load_family(tmp_path / "empty")


def test_a_checkpoint_trained_with_table_1s_readings_sets_them(tmp_path, checkpoint_maker, picture):
    checkpoint_maker(tmp_path / "row2" / "dfm", "dfm", branches="channel", single="sum")
    family = load_family(tmp_path / "row2", device="cpu")
    opened = family.open(picture)
    result = family.inspect(opened, Settings())
    assert (result.settings.branches, result.settings.single) == ("channel", "sum")
    assert result.methods["dfm"].note == ""
    first, *others = result.dfm_paths
    assert all(np.array_equal(first.map, other.map) for other in others)
    moved = family.inspect(opened, {"branches": "both"})
    assert moved.methods["dfm"].note == "not as trained: branches = both"
