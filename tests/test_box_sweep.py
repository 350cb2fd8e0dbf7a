"""All thresholds at once give the boxes and IoUs of one threshold after the other."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from slow_boxes import plain_boxes, plain_curves, plain_grid, plain_maxboxacc

from dfm_viz.box_sweep import sweep
from dfm_viz.localization import to_grid
from training.evaluation.metrics import IOUS, LEVEL_OF, THRESHOLDS, count_bits

grids = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
) | hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.sampled_from([0, 0, 90, 200, 255]),  # plateaus, ties, holes
)


def box(rng):
    x, y = rng.integers(0, 190, 2)
    w, h = rng.integers(5, 120, 2)
    return (int(x), int(y), int(min(x + w, 224)), int(min(y + h, 224)))


def scenes(count):
    """Raw maps of every kind the evaluator can meet, each with one to three true boxes."""
    rng = np.random.default_rng(5)
    for n in range(count):
        shape = (14, 14) if n % 2 else tuple(int(v) for v in rng.integers(2, 20, 2))
        kind = n % 8
        raw = rng.normal(size=shape).astype(np.float32)
        if kind in (1, 2, 3):  # smooth, as real ones are
            raw = cv2.GaussianBlur(raw, (0, 0), float(rng.uniform(0.8, 2.5)))
        elif kind == 4:  # plateaus and ties
            raw = rng.integers(0, 3, shape).astype(np.float32)
        elif kind == 5:  # a ring: a hole in the middle
            y, x = np.mgrid[: shape[0], : shape[1]]
            d = np.hypot(y - shape[0] / 2, x - shape[1] / 2)
            raw = np.exp(-((d - min(shape) / 3) ** 2)).astype(np.float32)
        elif kind == 6 and n % 3 == 0:
            raw = np.full(shape, 0.37, np.float32)
        elif kind == 6:
            raw[0, 0] = np.nan
        yield raw, [box(rng) for _ in range(1 + n % 3)]


def test_two_hundred_maps_as_the_standard_procedure_judges_them():
    some = THRESHOLDS[::20]
    fast, slow = ([], []), ([], [])
    for raw, truths in scenes(200):
        grid = to_grid(raw)
        assert np.array_equal(grid, plain_grid(raw))
        expected = plain_curves(grid, truths, some)
        found = [curve[LEVEL_OF[::20]] for curve in sweep(grid).curves(truths)]
        for curve, by_hand, fast_all, slow_all in zip(found, expected, fast, slow, strict=True):
            assert np.array_equal(curve, np.array(by_hand, np.float32))
            fast_all.append(curve)
            slow_all.append(by_hand)
    for level in IOUS:
        for all_fast, all_slow in zip(fast, slow, strict=True):
            share = 100 * (np.stack(all_fast) >= np.float32(level)).mean(axis=0).max()
            assert share == pytest.approx(plain_maxboxacc(all_slow, level), abs=1e-12)


def test_a_thousand_thresholds_on_maps_of_every_kind():
    thresholds = np.arange(0, 1, 0.001).tolist()
    for raw, truths in scenes(16):
        found, grid = sweep(to_grid(raw)), to_grid(raw)
        single, multi = plain_curves(grid, truths, thresholds)
        curve, curve_multi = found.curves(truths)
        assert np.array_equal(curve[LEVEL_OF], np.array(single, np.float32))
        assert np.array_equal(curve_multi[LEVEL_OF], np.array(multi, np.float32))


@settings(max_examples=300)
@given(grids, st.floats(0, 1))
def test_any_grid_at_any_threshold(grid, threshold):
    largest, boxes = plain_boxes(grid, threshold)
    found = sweep(grid)
    assert found.box(threshold) == largest
    assert found.all_boxes(threshold) == boxes


def test_at_most_256_contour_passes_and_none_where_nothing_changes(monkeypatch):
    passes = []
    plain = cv2.findContours
    monkeypatch.setattr(cv2, "findContours", lambda *a, **k: passes.append(1) or plain(*a, **k))
    sweep(to_grid(np.random.default_rng(0).normal(size=(5, 5))))
    assert 200 < len(passes) <= 255
    passes.clear()
    sweep(np.array([[0, 7], [7, 200]], np.uint8))
    assert len(passes) == 2  # strictly above 0, and above 7
    passes.clear()
    sweep(np.zeros((4, 4), np.uint8))
    assert not passes


@pytest.mark.parametrize(("tenths", "level"), zip((3, 5, 7), IOUS, strict=True))
def test_an_iou_of_exactly_the_level_counts(tenths, level):
    # In float32, as curves are kept, .7 is less than the double .7: equality must not be lost.
    grid = np.zeros((20, 20), np.uint8)
    grid[: tenths - 1] = 255  # the box reaches one row further: the benchmark's convention
    curve, multi = sweep(grid).curves([(0, 0, 19, 9)])
    assert curve[0] == multi[0] == np.float32(tenths / 10)
    bits = count_bits(np.array([True]), *(c[None] for c in (curve, curve, multi)))
    hit = np.unpackbits(bits, axis=2)[:, 0, 0]
    assert hit.tolist() == [*[tenths >= 5] * 2, True, tenths >= 5, tenths >= 7]


@pytest.mark.parametrize("bad", [np.zeros((3, 3)), None])
def test_only_grey_levels(bad):
    with pytest.raises(TypeError, match="to_grid"):
        sweep(bad)


def test_only_rows_and_columns():
    with pytest.raises(ValueError, match="rows x columns"):
        sweep(np.zeros((0, 3), np.uint8))
