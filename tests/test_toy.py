"""Toy scenes: deterministic, with an exact box, and made to mislead."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfm_viz import toy
from dfm_viz.boxes import iou


@settings(max_examples=40)
@given(st.integers(0, 2**40), st.integers(32, 160))
def test_scene_is_well_formed(seed, size):
    made = toy.scene(seed, size=size)
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


@pytest.mark.parametrize("seed", range(12))
def test_box_is_exact(seed, monkeypatch):
    # The same scene on a flat ground: what differs from the ground is the creature.
    flat = np.array([0.0, 255.0, 0.0])
    monkeypatch.setattr(
        toy, "_background", lambda rng, size, kind: np.broadcast_to(flat, (size, size, 3)).copy()
    )
    made = toy.scene(seed)
    rows, columns = np.nonzero(np.abs(made.rgb.astype(int) - flat).max(axis=2) > 40)
    assert made.box == (columns.min(), rows.min(), columns.max(), rows.max())


@pytest.mark.parametrize("seed", range(12))
def test_masks_are_exact(seed, monkeypatch):
    # On a flat ground what differs from the ground is the creature, and what differs between two
    # classes lies in the head.
    flat = np.array([0.0, 255.0, 0.0])
    monkeypatch.setattr(
        toy, "_background", lambda rng, size, kind: np.broadcast_to(flat, (size, size, 3)).copy()
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
    "bad", [{"seed": -1}, {"size": 31}, {"label": 4}, {"label": -1}, {"correlation": 1.1}]
)
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match="`" + next(iter(bad))):
        toy.scene(**{"seed": 0, **bad})
