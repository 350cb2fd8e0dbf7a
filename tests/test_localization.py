"""Known answers of the protocol, properties, and parity with a slow transcription."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from slow_boxes import as_lists, components, slow_all, slow_candidates, slow_grid, slow_iou

from dfm_viz import localization as loc
from dfm_viz.types import UserError

U = [[0, 0, 0, 0, 0], [0, 0.4, 0.4, 0.4, 0.6], [0, 0.4, 1, 0.8, 0.6], [0, 0.4, 0.4, 0.4, 0.6]]
M = [[0.4, 0, 0.2, 0.2, 0.2], [0.4, 0.4, 0, 0.4, 0], [0, 0, 0, 0.4, 0], [1, 0.6, 0.8, 0.2, 0.2]]
THRESHOLDS = (0, 0.2, 0.4, 0.6, 0.8)


def boxes_strategy(limit=60):
    point = st.integers(0, limit)
    return st.tuples(point, point, point, point).map(
        lambda p: (min(p[0], p[2]), min(p[1], p[3]), max(p[0], p[2]), max(p[1], p[3]))
    )


grids = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
) | hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.sampled_from([0, 0, 90, 200, 255]),  # plateaus, ties, holes
)
unit = st.floats(0, 1)


class TestKnownAnswers:
    def test_iou_counts_inclusive_pixels(self):
        assert loc.iou([1, 2, 5, 6], [3, 1, 4, 5]) == pytest.approx(8 / 27, abs=1e-15)

    @pytest.mark.parametrize("box", [[1, 1, 0, 0], [-1, 0, 2, 2], [0, 0, 2, -2], [3, 0, 1, 5]])
    def test_degenerate_or_negative_box_is_an_error(self, box):
        with pytest.raises(ValueError, match="`a`"):
            loc.iou(box, [0, 0, 1, 1])

    @pytest.mark.parametrize(
        "box", [[1, 2, 3], "abcd", [1, 2, 3, "4"], [True, 0, 1, 1], None, [[0, 0, 1, 1]], 5]
    )
    def test_something_else_is_a_type_error(self, box):
        with pytest.raises(TypeError, match="four numbers"):
            loc.iou(box, [0, 0, 1, 1])

    @pytest.mark.parametrize("value", [math.nan, math.inf, 10**400])
    def test_not_finite_is_an_error(self, value):
        with pytest.raises(ValueError, match="finite"):
            loc.iou([0, 0, value, 1], [0, 0, 1, 1])

    def test_disjoint_boxes_give_zero(self):
        assert loc.iou([0, 0, 1, 1], [10, 10, 12, 12]) == 0.0

    def test_resize_truncates(self):
        assert loc.resize_box((1, 2, 4, 3), (10, 20), (35, 10)) == (3, 1, 14, 1)

    def test_map_u(self):
        expected = [[1, 1, 4, 3], [1, 1, 4, 3], [2, 1, 4, 3], [2, 2, 4, 3], [2, 2, 3, 3]]
        found = [loc.boxes_from_normalised(U, t) for t in THRESHOLDS]
        assert found == [[tuple(box)] for box in expected]

    def test_map_m_single(self):
        expected = [[0, 0, 4, 3], [0, 0, 2, 2], [0, 3, 3, 3], [2, 3, 3, 3], [0, 3, 1, 3]]
        found = [loc.boxes_from_normalised(M, t) for t in THRESHOLDS]
        assert found == [[tuple(box)] for box in expected]

    def test_map_m_multi(self):
        found = [loc.boxes_from_normalised(M, t, multi=True) for t in THRESHOLDS]
        assert found[1] == [(0, 1, 4, 3), (0, 0, 2, 2)]
        assert found[3] == [(2, 3, 3, 3), (0, 3, 1, 3)]

    @pytest.mark.parametrize("threshold", [0, 0.2, 0.5, 1])
    @pytest.mark.parametrize("multi", [False, True])
    def test_zeros(self, threshold, multi):
        assert loc.boxes_from_normalised(np.zeros((3, 3)), threshold, multi) == [(0, 0, 0, 0)]

    @pytest.mark.parametrize("bad", [math.nan, -0.01, 1.01, math.inf, -math.inf])
    def test_a_normalised_map_must_be_one(self, bad):
        with pytest.raises(ValueError, match="normalise it first"):
            loc.boxes_from_normalised([[0, bad], [1, 0]], 0.5)

    def test_both_float_widths_give_the_same_boxes(self):
        for array in (np.array(U), np.array(M)):
            for t in THRESHOLDS:
                wide = loc.boxes_from_normalised(array, t, multi=True)
                assert wide == loc.boxes_from_normalised(array.astype(np.float32), t, multi=True)


class TestNormalise:
    @pytest.mark.parametrize(
        "flat",
        [
            np.zeros((3, 4)),
            np.full((2, 2), -7.3),
            np.array([[1, math.nan]]),
            [[0, math.inf]],
            [[5]],
        ],
    )
    def test_constant_or_not_finite_gives_zeros(self, flat):
        assert not loc.normalise(flat).any()
        assert not loc.to_grid(flat).any()
        assert loc.box_from_map(flat, 0.2) == (0, 0, 0, 0)

    def test_constant_map_stays_flat_after_resizing(self):
        # Interpolated .1 is not .1 everywhere; min-max would blow the rounding up to a full map.
        for value in (0.1, 0.37, 1e-30, 1e30, -3.3):
            assert not loc.to_grid(np.full((14, 14), value)).any()

    @given(hnp.arrays(np.float64, (3, 5), elements=st.floats(-1e300, 1e300)))
    def test_range(self, array):
        out = loc.normalise(array)
        assert out.dtype == np.float32
        assert out.shape == array.shape
        assert ((out >= 0) & (out <= 1)).all()

    def test_huge_values_keep_their_shape(self):
        np.testing.assert_allclose(loc.normalise([[-3e38, 0, 3e38]]), [[0, 0.5, 1]])
        np.testing.assert_allclose(loc.normalise([[-1e300, 0, 1e300]]), [[0, 0.5, 1]])

    def test_input_is_not_changed(self):
        array = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
        before = array.copy()
        loc.normalise(array)
        loc.to_grid(array)
        loc.box_from_map(array, 0.5)
        np.testing.assert_array_equal(array, before)

    @pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.zeros(3), np.zeros((2, 2, 2))])
    def test_wrong_shape(self, bad):
        with pytest.raises(ValueError, match="rows x columns"):
            loc.to_grid(bad)

    @pytest.mark.parametrize("bad", [[["a"]], np.array([[1j]]), None])
    def test_wrong_kind(self, bad):
        with pytest.raises(TypeError, match="real numbers"):
            loc.to_grid(bad)

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan, math.inf])
    def test_threshold_range(self, threshold):
        with pytest.raises(ValueError, match=r"`threshold` must be in \[0, 1\]"):
            loc.box_from_map(np.eye(3), threshold)

    @pytest.mark.parametrize("threshold", ["0.2", None, True, [0.2]])
    def test_threshold_kind(self, threshold):
        with pytest.raises(TypeError, match="`threshold`"):
            loc.box_from_map(np.eye(3), threshold)

    def test_grid_kind(self):
        with pytest.raises(TypeError, match="to_grid"):
            loc.box_from_grid(np.zeros((3, 3)), 0.2)
        with pytest.raises(TypeError, match="`side`"):
            loc.to_grid(np.eye(3), 2.5)
        with pytest.raises(ValueError, match="`side`"):
            loc.to_grid(np.eye(3), 0)


class TestParity:
    """Against loops that know nothing of OpenCV."""

    @settings(max_examples=25, deadline=None)
    @given(
        hnp.arrays(
            np.float32,
            hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
            elements=st.floats(-8, 8, width=16),
        ),
        st.sampled_from([7, 16, 28]),
    )
    def test_grid(self, array, side):
        fast, slow = loc.to_grid(array, side), np.array(slow_grid(array, side))
        # float32 against float64: a value may fall just on the other side of a level
        assert np.abs(fast.astype(int) - slow).max() <= 1

    def test_grid_at_full_size(self):
        array = np.random.default_rng(1).normal(size=(14, 14)).astype(np.float32)
        difference = np.abs(loc.to_grid(array).astype(int) - np.array(slow_grid(array, 224)))
        assert difference.max() <= 1
        assert difference.mean() < 1e-3

    @settings(max_examples=300, deadline=None)
    @given(grids, unit)
    def test_box(self, grid, threshold):
        candidates = slow_candidates(as_lists(grid), threshold)
        found = loc.box_from_grid(grid, threshold)
        assert found in candidates
        if len(components(as_lists(grid > int(threshold * int(grid.max()))))) == 1:
            assert candidates == [found]

    @settings(max_examples=200, deadline=None)
    @given(grids, unit)
    def test_all_boxes(self, grid, threshold):
        found = loc.boxes_from_grid(grid, threshold, multi=True)
        assert sorted(found) == slow_all(as_lists(grid), threshold)

    def test_first_returned_contour_wins_a_tie(self):
        grid = np.zeros((6, 12), np.uint8)
        grid[1:4, 1:4] = grid[2:5, 7:10] = 255
        # OpenCV returns the component found last in raster order first; the protocol keeps that.
        assert loc.box_from_grid(grid, 0.5) == (7, 2, 10, 5)

    def test_hole_never_wins_alone_but_counts_in_multi(self):
        grid = np.full((9, 9), 255, np.uint8)
        grid[3:6, 3:6] = 0
        assert loc.boxes_from_grid(grid, 0.5) == [(0, 0, 8, 8)]
        assert loc.boxes_from_grid(grid, 0.5, multi=True) == [(0, 0, 8, 8), (2, 2, 7, 7)]

    def test_one_pixel_wide_component_has_no_area(self):
        grid = np.zeros((8, 30), np.uint8)
        grid[1, :] = 255  # thirty pixels, area 0
        grid[4:6, 4:6] = 255  # four pixels, area 1
        assert loc.box_from_grid(grid, 0.5) == (4, 4, 6, 6)


class TestProperties:
    @given(boxes_strategy(), boxes_strategy())
    def test_iou(self, a, b):
        value = loc.iou(a, b)
        assert 0 <= value <= 1
        assert value == loc.iou(b, a)
        assert loc.iou(a, a) == 1
        assert (value == 1) == (a == b)

    @settings(max_examples=40, deadline=None)
    @given(boxes_strategy(12), boxes_strategy(12))
    def test_iou_counts_pixels(self, a, b):
        assert loc.iou(a, b) == pytest.approx(slow_iou(a, b), abs=1e-12)

    @given(boxes_strategy(), boxes_strategy())
    def test_iou_from_shares(self, a, b):
        covered, precise = loc.iog(a, b), loc.iop(a, b)
        assert covered == loc.iop(b, a)
        assume(covered > 0)
        assert loc.iou(a, b) == pytest.approx(1 / (1 / precise + 1 / covered - 1), rel=1e-12)

    @given(
        st.lists(boxes_strategy(), max_size=4), st.lists(boxes_strategy(), min_size=1, max_size=3)
    )
    def test_a_table_of_ious_is_the_iou_of_every_pair(self, boxes, truths):
        table = loc.iou_table(np.array(boxes).reshape(-1, 4), truths)
        assert table.tolist() == [[loc.iou(a, b) for b in truths] for a in boxes]

    def test_a_table_needs_boxes(self):
        with pytest.raises(ValueError, match=r"\(k, 4\)"):
            loc.iou_table([(0, 0, 1)], [(0, 0, 1, 1)])
        with pytest.raises(ValueError, match="truths"):
            loc.iou_table([(0, 0, 1, 1)], np.empty((0, 4)))

    @settings(deadline=None)
    @given(grids, unit, st.booleans())
    def test_boxes_lie_in_the_map(self, grid, threshold, multi):
        height, width = grid.shape
        for x0, y0, x1, y1 in loc.boxes_from_grid(grid, threshold, multi):
            assert 0 <= x0 <= x1 <= width - 1
            assert 0 <= y0 <= y1 <= height - 1

    @settings(deadline=None)
    @given(grids, unit, unit)
    def test_raising_the_threshold_nests_the_boxes(self, grid, a, b):
        # Components shrink and split, so every box lies in some box of the lower threshold. (The
        # single largest box alone is not monotone: another component may become the largest.)
        low, high = sorted((a, b))
        if grid.max() <= int(high * int(grid.max())):
            return
        outer = loc.boxes_from_grid(grid, low, multi=True)
        for x0, y0, x1, y1 in loc.boxes_from_grid(grid, high, multi=True):
            assert any(o[0] <= x0 and o[1] <= y0 and o[2] >= x1 and o[3] >= y1 for o in outer)

    @given(st.floats(1, 6), st.floats(3, 10), st.floats(3, 10), unit, unit)
    @settings(deadline=None, max_examples=40)
    def test_one_hill_shrinks_with_the_threshold(self, width, cx, cy, a, b):
        y, x = np.mgrid[0:14, 0:14]
        grid = loc.to_grid(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2), 48)
        low, high = sorted((a, b))
        big, small = loc.box_from_grid(grid, low), loc.box_from_grid(grid, high)
        if int(high * 255) < 255:
            assert big[0] <= small[0]
            assert big[1] <= small[1]
            assert big[2] >= small[2]
            assert big[3] >= small[3]

    @given(st.floats(0.01, 1e4), st.floats(-1e3, 1e3))
    def test_scale_and_shift_do_not_move_the_box_much(self, scale, shift):
        array = np.random.default_rng(3).normal(size=(14, 14))
        grid = loc.to_grid(array).astype(int)
        assert np.abs(loc.to_grid(array * scale + shift * scale).astype(int) - grid).max() <= 2

    @given(boxes_strategy(223), st.integers(1, 5000), st.integers(1, 5000))
    def test_scale_box_is_unrounded_and_reversible(self, box, width, height):
        there = loc.scale_box(box, (224, 224), (width, height))
        np.testing.assert_allclose(there[0], box[0] * width / 224)
        back = loc.scale_box(there, (width, height), (224, 224))
        np.testing.assert_allclose(back, box, atol=1e-9)
        assert all(isinstance(v, float) for v in there)
        assert there[2] <= width
        assert there[3] <= height

    def test_sizes_must_be_positive(self):
        with pytest.raises(ValueError, match="from_wh"):
            loc.scale_box((0, 0, 1, 1), (0, 5), (5, 5))
        with pytest.raises(ValueError, match="to_wh"):
            loc.resize_box((0, 0, 1, 1), (5, 5), (math.nan, 5))


class TestTruths:
    def test_good(self):
        assert loc.check_truths([[1, 2, 30, 40.5]], 100, 50) == ((1.0, 2.0, 30.0, 40.5),)
        assert loc.check_truths([], 10, 10) == ()
        assert loc.check_truths([[0, 0, 10, 10]], 10, 10)  # x1 = x + w reaches the width

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ("[[1,2,3,4]]", "list of boxes"),
            ({"a": 1}, "list of boxes"),
            ([1, 2, 3, 4], "True box 1"),
            ([[1, 2, 3]], "four numbers"),
            ([[0, 0, 5, 5], [5, 5, 1, 9]], "True box 2"),
            ([[0, 0, 500, 5]], "beyond the picture"),
            ([[-1, 0, 5, 5]], "not negative"),
            ([[0, 0, math.nan, 5]], "finite"),
            (None, "list of boxes"),
        ],
    )
    def test_bad(self, bad, words):
        with pytest.raises(UserError, match=words) as caught:
            loc.check_truths(bad, 100, 50)
        assert "100 x 50" in str(caught.value)
        assert "`" not in str(caught.value)

    def test_best_of_several(self):
        assert loc.best_iou((0, 0, 9, 9), [(50, 50, 60, 60), (0, 0, 9, 9)]) == 1
        with pytest.raises(ValueError, match="at least one"):
            loc.best_iou((0, 0, 9, 9), [])


class TestErrorTypes:
    G = (0, 0, 99, 99)

    @pytest.mark.parametrize(
        ("correct", "box", "truths", "expected"),
        [
            (False, (0, 0, 99, 99), [G], "cls"),
            (True, (0, 0, 99, 99), [G], "right"),
            (True, (0, 0, 99, 49), [G], "right"),  # IoU exactly .5
            (True, (0, 0, 99, 48), [G], "part"),
            (True, (0, 0, 220, 99), [(0, 0, 99, 99), (120, 0, 219, 99)], "m_ins"),
            (True, (0, 0, 199, 199), [G], "more"),  # IoG 1, IoP .25
            (True, (60, 0, 199, 99), [G], "oth"),
            (True, (150, 150, 199, 199), [G], "oth"),
        ],
    )
    def test_first_match(self, correct, box, truths, expected):
        assert loc.error_type(correct, box, truths) == expected

    def test_several_instances_come_before_part(self):
        pair = [(0, 0, 99, 99), (100, 0, 199, 99)]
        assert loc.error_type(True, (0, 0, 199, 39), pair) == "m_ins"

    @given(st.booleans(), boxes_strategy(), st.lists(boxes_strategy(), min_size=1, max_size=4))
    def test_right_is_top1_loc(self, correct, box, truths):
        kind = loc.error_type(correct, box, truths)
        assert (kind == "right") == (correct and loc.best_iou(box, truths) >= 0.5)
        assert (kind == "cls") == (not correct)
        assert kind in set(loc.ErrorType)
