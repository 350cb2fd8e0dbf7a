"""Toy scenes: deterministic, with an exact box, and made to mislead."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfm_viz import toy
from dfm_viz.boxes import iou


@settings(max_examples=40)
@given(st.integers(0, 2**40), st.integers(32, 160), st.sampled_from(toy.World))
def test_scene_is_well_formed(seed, size, world):
    made = toy.scene(seed, size=size, world=world)
    assert made.rgb.shape == (size, size, 3)
    assert made.rgb.dtype == np.uint8
    assert 0 <= made.label < len(toy.CLASSES)
    x0, y0, x1, y1 = made.box
    assert 0 <= x0 < x1 < size
    assert 0 <= y0 < y1 < size
    assert all(isinstance(v, int) for v in (made.label, *made.box))


def test_deterministic():
    first, second = toy.scene(5), toy.scene(5)
    np.testing.assert_array_equal(first.rgb, second.rgb)
    assert first[1:3] == second[1:3]
    assert first.ground == second.ground
    np.testing.assert_array_equal(first.head, second.head)
    np.testing.assert_array_equal(first.body, second.body)
    assert not np.array_equal(first.rgb, toy.scene(6).rgb)


def test_pixels_do_not_change_between_releases():
    # A checkpoint is trained on these scenes: another drawing is another data set.
    made = toy.scene(11, size=64)
    assert made.label == 0
    assert made.box == (13, 21, 53, 42)
    assert made.rgb.mean(axis=(0, 1)).round(1).tolist() == pytest.approx(MEAN_11, abs=0.2)


MEAN_11 = [96.2, 123.7, 82.9]


def test_pixels_of_part_do_not_change_either():
    made = toy.scene(11, size=64, world="part")
    assert (made.label, made.box) == (0, (13, 21, 53, 42))
    assert hashlib.sha256(made.rgb.tobytes()).hexdigest()[:12] == DIGEST_11_PART


DIGEST_11_PART = "ec95f9c038b0"


def test_the_knobs_of_part_leave_context_alone():
    # The context world is what it was before there were others: no stripe, no coloured head.
    plain = toy.scene(11, size=64)
    assert hashlib.sha256(plain.rgb.tobytes()).hexdigest()[:12] == DIGEST_11_CONTEXT
    np.testing.assert_array_equal(plain.rgb, toy.scene(11, size=64, contrast=90).rgb)
    np.testing.assert_array_equal(plain.rgb, toy.scene(11, size=64, world="context").rgb)


DIGEST_11_CONTEXT = "c083c73e0cb9"


@pytest.mark.parametrize("kind", range(4))
def test_part_shows_the_class_in_the_head_s_colour_and_the_body_s_stripes(kind):
    made = toy.scene(5, label=kind, world="part", contrast=90)
    flat = toy.scene(5, label=kind, world="part", contrast=0)
    head = made.rgb[made.head].mean(axis=0)
    assert np.abs(toy._CAPS - head).sum(axis=1).argmin() == kind
    # The stripes change the body alone, and along one of four directions they change nothing.
    changed = (made.rgb != flat.rgb).any(axis=2)
    assert not (changed & ~made.body).any()
    waves = np.where(made.body, made.rgb.astype(float).mean(axis=2) - flat.rgb.mean(axis=2), 0)
    across = [(0, 7), (5, 5), (7, 0), (5, -5)]  # rows, columns: half a wave in direction k
    against = [_agreement(waves, made.body, step) for step in across]
    assert int(np.argmin(against)) == kind
    assert min(against) < -0.7


def _agreement(waves, body, step):
    """Correlation of the waves with themselves moved by a step, within the body."""
    moved, there = (np.roll(x, step, axis=(0, 1)) for x in (waves, body))
    both = body & there
    return float((waves[both] * moved[both]).mean() / waves[body].var())


def test_the_contrast_is_that_of_the_stripes():
    for contrast in (24, 90):
        made, flat = (toy.scene(8, world="part", contrast=c) for c in (contrast, 0))
        waves = made.rgb.astype(float)[made.body] - flat.rgb[made.body]
        assert waves.max() - waves.min() == pytest.approx(contrast, abs=2)


def test_part_s_background_says_nothing_unless_it_is_told_to():
    grounds = [toy.scene(seed, size=32, world="part") for seed in range(200)]
    assert 0.15 < np.mean([made.ground == made.label for made in grounds]) < 0.35
    told = [toy.scene(seed, size=32, world="part", correlation=1.0) for seed in range(20)]
    assert all(made.ground == made.label for made in told)


def test_a_file_s_name_tells_its_world():
    for world, classes in toy.WORLDS.items():
        for label, name in enumerate(classes):
            file = toy.scene_file("val", label, 3, world)
            assert file == f"val/{name}/0003.png"
            made = toy.split_scene("val", label, 3, size=48, world=world)
            np.testing.assert_array_equal(toy.scene_of_file(file, size=48).rgb, made.rgb)
            assert made.label == label
    assert toy.scene_of_file("val/nobody/0003.png", size=48) is None


def test_class_names_tell_the_world():
    names = [name for classes in toy.WORLDS.values() for name in classes]
    assert len(set(names)) == len(names)
    assert toy.world_of(("other", *toy.PART_CLASSES)) is toy.World.PART
    assert toy.world_of(toy.CLASSES) is toy.World.CONTEXT
    assert toy.world_of(toy.CLASSES[:3]) is None


def test_a_scene_s_name_tells_seed_and_world():
    assert toy.scene_id(7) == "toy-7"
    assert toy.scene_id(7, "part") == "part-7"
    for world in toy.World:
        assert toy.parse_scene_id(toy.scene_id(123, world)) == (123, world)
    for text in ("toy-", "toy--1", "part-1e9", "toy-9999999999", "toy-7/..", "lion", "part-٣"):
        assert toy.parse_scene_id(text) is None


def test_no_seed_is_in_two_splits_or_worlds(monkeypatch):
    asked = []
    monkeypatch.setattr(toy, "scene", lambda seed, **_: asked.append(seed))
    for world in toy.World:
        for split in toy.SPLITS:
            for label in range(4):
                for number in (0, 1, 9999):
                    toy.split_scene(split, label, number, size=32, world=world)
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("world", toy.World)
@pytest.mark.parametrize("seed", range(12))
def test_box_is_exact(seed, world, monkeypatch):
    # The same scene on a flat ground: what differs from the ground is the creature.
    flat = np.array([0.0, 255.0, 0.0])
    monkeypatch.setattr(
        toy, "_background", lambda rng, size, colour: np.broadcast_to(flat, (size, size, 3)).copy()
    )
    made = toy.scene(seed, world=world)
    rows, columns = np.nonzero(np.abs(made.rgb.astype(int) - flat).max(axis=2) > 40)
    assert made.box == (columns.min(), rows.min(), columns.max(), rows.max())


@pytest.mark.parametrize("seed", range(12))
def test_masks_are_exact(seed, monkeypatch):
    # On a flat ground what differs from the ground is the creature, and what differs between two
    # classes lies in the head.
    flat = np.array([0.0, 255.0, 0.0])
    monkeypatch.setattr(
        toy, "_background", lambda rng, size, colour: np.broadcast_to(flat, (size, size, 3)).copy()
    )
    scenes = [toy.scene(seed, label=k) for k in range(4)]
    for made in scenes:
        drawn = np.abs(made.rgb.astype(int) - flat).max(axis=2) > 40
        np.testing.assert_array_equal(made.head | made.body, drawn)
        np.testing.assert_array_equal(made.head, scenes[0].head)
    changed = np.zeros_like(scenes[0].head)
    for made in scenes[1:]:
        changed |= (made.rgb != scenes[0].rgb).any(axis=2)
    assert not (changed & ~scenes[0].head).any()
    assert (changed & scenes[0].head).sum() > 0.5 * scenes[0].head.sum()


@settings(max_examples=30)
@given(st.integers(0, 2**40))
def test_the_head_is_small_and_the_body_large(seed):
    made = toy.scene(seed, size=96)
    assert made.head.dtype == made.body.dtype == bool
    assert not (made.head & made.body).any()
    head, whole = made.head.sum(), (made.head | made.body).sum()
    assert 0.1 < head / whole < 0.32
    # A box around the head alone is a localization error (IoU < .5): the part is not the object.
    rows, columns = np.nonzero(made.head)
    part = (columns.min(), rows.min(), columns.max(), rows.max())
    assert iou(part, made.box) < 0.5


def test_the_label_can_be_chosen_and_changes_only_the_head():
    scenes = [toy.scene(3, label=k, correlation=0) for k in range(4)]
    assert [s.label for s in scenes] == [0, 1, 2, 3]
    assert len({s.box for s in scenes}) == 1
    for other in scenes[1:]:
        changed = (scenes[0].rgb != other.rgb).any(axis=2)
        rows, columns = np.nonzero(changed)
        x0, y0, x1, y1 = scenes[0].box
        assert x0 <= columns.min() <= columns.max() <= x1
        assert y0 <= rows.min() <= rows.max() <= y1
        assert 0 < changed.sum() < 0.4 * (x1 - x0 + 1) * (y1 - y0 + 1)


def test_background_agrees_with_the_class_more_often_than_chance():
    grounds = []

    def share(correlation):
        hits = 0
        for seed in range(80):
            made = toy.scene(seed, size=48, correlation=correlation)
            edge = made.rgb[[0, -1]].reshape(-1, 3).mean(axis=0)
            nearest = ((toy._BACKGROUNDS - edge) ** 2).sum(axis=1).argmin()
            hits += int(nearest) == made.label
            grounds.append(int(nearest) == made.ground)
        return hits / 80

    assert share(1.0) > 0.9
    assert share(0.0) < 0.45
    assert np.mean(grounds) > 0.9


@pytest.mark.parametrize(
    "bad",
    [
        {"seed": -1},
        {"size": 31},
        {"label": 4},
        {"label": -1},
        {"correlation": 1.1},
        {"contrast": -1},
        {"contrast": 256},
        {"world": "ocean"},
    ],
)
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match="`" + next(iter(bad))):
        toy.scene(**{"seed": 0, **bad})
