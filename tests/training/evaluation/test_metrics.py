"""Known answers of the metrics, from hits written by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfm_viz.boxes import SIDE, iou_table
from training.evaluation.chance import chance
from training.evaluation.metrics import (
    LEVEL_OF,
    THRESHOLD_OF,
    THRESHOLDS,
    Tally,
    bootstrap,
    count_bits,
    scores,
    shares,
)
from training.evaluation.paired import against_chance, compare, compare_family, mcnemar


def made(known, *, own=None, multi=None, correct=None, misdirected=None):
    """A tally from IoU curves (n, 256); the own class's is the true class's unless given."""
    known = np.asarray(known, np.float32)
    n = len(known)
    own = known if own is None else np.asarray(own, np.float32)
    multi = known if multi is None else np.asarray(multi, np.float32)
    correct = np.ones(n, bool) if correct is None else np.asarray(correct, bool)
    return Tally(
        tuple(f"{i}.jpg" for i in range(n)),
        correct,
        count_bits(correct, own, known, multi),
        dict.fromkeys(("cls", "right", "m_ins", "part", "more", "oth"), 0),
        np.zeros(n, bool) if misdirected is None else np.asarray(misdirected, bool),
        np.zeros(n),
        tuple(np.array([[0, 0, 9, 9]]) for _ in range(n)),
    )


def flat(*ious):
    return np.repeat(np.array(ious, np.float32)[:, None], 256, axis=1)


def at(*thresholds, iou=0.6):
    """A curve that reaches an IoU at some thresholds only."""
    curve = np.zeros(256, np.float32)
    curve[[int(t * 255) for t in thresholds]] = iou
    return curve


class TestKnownAnswers:
    def test_one_common_threshold(self):
        # Picture 1 hits only at .2, picture 2 only at .6: 50, not 100.
        found = scores(made([at(0.2), at(0.6)]), resamples=1)
        assert found["oracle"]["maxboxacc"] == found["oracle"]["gt_known_loc"] == 50
        assert found["oracle"]["threshold"] == 0.2  # the first of equals
        assert found["fixed"]["gt_known_loc"] == 50

    def test_three_levels(self):
        found = scores(made(np.zeros((3, 256)), multi=flat(0.35, 0.55, 0.75)), resamples=1)
        oracle = found["oracle"]
        assert oracle["maxboxacc_per_iou"] == pytest.approx([100, 200 / 3, 100 / 3])
        assert oracle["maxboxacc_v2"] == pytest.approx(200 / 3)
        assert oracle["maxboxacc"] == 0  # one contour only

    def test_every_level_has_its_own_best_threshold(self):
        low, middle, high = at(0.2, iou=0.4), at(0.4, iou=0.6), at(0.8, iou=0.8)
        multi = np.stack([low, low, np.maximum(low, middle), np.maximum(middle, high)])
        oracle = scores(made(multi), resamples=1)["oracle"]
        assert oracle["thresholds_v2"] == [0.2, 0.4, 0.8]
        assert oracle["maxboxacc_per_iou"] == [75, 50, 25]
        assert oracle["maxboxacc_v2"] == 50

    def test_top1_needs_the_class_and_is_read_at_the_best_gt_known_threshold(self):
        known = np.stack([at(0.4), at(0.4), at(0.8)])
        own = np.stack([at(0.8), at(0.4), at(0.8)])
        found = scores(made(known, own=own, correct=[1, 0, 1]), resamples=1)
        assert found["top1_clas"] == pytest.approx(200 / 3)
        assert found["oracle"]["threshold"] == 0.4
        assert found["oracle"]["gt_known_loc"] == pytest.approx(200 / 3)
        assert found["oracle"]["top1_loc"] == 0  # at .8 it would be 66.7

    def test_a_threshold_is_the_smallest_that_asks_for_its_level(self):
        assert THRESHOLDS[0] == 0
        assert len(THRESHOLDS) == 1000
        assert np.arange(0, 1, 0.001) == pytest.approx(THRESHOLDS, abs=1e-12)
        assert LEVEL_OF.tolist() == [int(t * 255) for t in np.arange(0, 1, 0.001)]
        assert THRESHOLD_OF[LEVEL_OF[200]] == 0.2
        assert sorted(set(LEVEL_OF.tolist())) == list(range(255))
        assert all(int(t * 255) == level for level, t in enumerate(THRESHOLD_OF.tolist()))

    @settings(max_examples=20)
    @given(st.integers(1, 30), st.integers(0, 2**32 - 1))
    def test_against_loops_over_thresholds(self, n, seed):
        rng = np.random.default_rng(seed)
        known, own, multi = rng.random((3, n, 256)).astype(np.float32)
        correct = rng.random(n) < 0.6
        found = scores(made(known, own=own, multi=multi, correct=correct), resamples=1)
        best, threshold = -1.0, 0.0
        for t in THRESHOLDS:
            share = 100 * sum(row[int(t * 255)] >= 0.5 for row in known) / n
            if share > best:
                best, threshold = share, t
        assert found["oracle"]["threshold"] == threshold
        assert found["oracle"]["gt_known_loc"] == best
        hits = [c and row[int(threshold * 255)] >= 0.5 for c, row in zip(correct, own, strict=True)]
        assert found["oracle"]["top1_loc"] == 100 * sum(hits) / n
        v2 = [
            max(
                100 * float((multi[:, int(t * 255)] >= np.float32(d)).sum()) / n for t in THRESHOLDS
            )
            for d in (0.3, 0.5, 0.7)
        ]
        assert found["oracle"]["maxboxacc_per_iou"] == v2

    def test_pieces_do_not_change_the_counts(self):
        rng = np.random.default_rng(0)
        bits = made(rng.random((50, 256))).bits
        weights = rng.integers(0, 4, (3, 50)).astype(np.float32)
        assert np.array_equal(shares(bits, weights), shares(bits, weights, piece=7))


class TestBootstrap:
    def test_what_never_varies_has_no_width(self):
        found = bootstrap(made(flat(0.9, 0.9, 0.9)), resamples=50)
        assert found["top1_clas"] == found["fixed"]["top1_loc"] == [100, 100]
        assert found["oracle"]["threshold"] == [0, 0]
        assert found["oracle"]["maxboxacc_per_iou"] == [[100, 100]] * 3

    def test_a_share_has_the_width_of_the_binomial(self):
        n, p = 400, 0.3
        correct = np.arange(n) < p * n
        low, high = bootstrap(made(np.zeros((n, 256)), correct=correct))["top1_clas"]
        width = 1.96 * 100 * math.sqrt(p * (1 - p) / n)
        assert low == pytest.approx(30 - width, abs=0.5)
        assert high == pytest.approx(30 + width, abs=0.5)

    def test_covers_the_truth_about_as_often_as_it_says(self):
        rng, inside = np.random.default_rng(1), 0
        for _ in range(100):
            correct = rng.random(80) < 0.4
            low, high = bootstrap(made(np.zeros((80, 256)), correct=correct), 200)["top1_clas"]
            inside += low <= 40 <= high
        assert 87 <= inside <= 99

    def test_the_best_threshold_is_chosen_anew(self):
        # Two thresholds, each right on half of the pictures: the better half of a resample wins.
        curves = np.stack([at(0.2) if i % 2 else at(0.6) for i in range(40)])
        low, _ = bootstrap(made(curves))["oracle"]["gt_known_loc"]
        assert low >= 50

    def test_the_same_seed_gives_the_same_intervals(self):
        found = made(np.random.default_rng(2).random((30, 256)))
        assert bootstrap(found, 20) == bootstrap(found, 20)
        assert bootstrap(found, 20) != bootstrap(found, 20, seed=1)


class TestChance:
    def test_hand_made_truths(self):
        truths = [np.array([[0, 0, 223, 223]]), np.array([[62, 62, 161, 161]])]
        rows = chance(truths, np.array([True, False]))
        assert rows["whole_image"]["maxboxacc_per_iou"] == [50, 50, 50]
        assert rows["whole_image"]["gt_known_loc"] == 50
        assert rows["whole_image"]["top1_loc"] == 50
        # 160 px: 160^2 / 224^2 = .51 and 100^2 / 160^2 = .39; 124 px: .31 and .65; never both .5
        square = rows["centred_square"]
        assert square["maxboxacc_per_iou"] == [100, 50, 50]
        assert square["gt_known_loc"] == 50
        assert square["sides_v2"][0] == 124  # the smallest even side with .3 on both
        assert square["maxboxacc_v2"] == pytest.approx(200 / 3)

    def test_the_best_square_of_one_centred_truth_is_the_truth(self):
        rows = chance([np.array([[62, 62, 161, 161]])] * 3, np.array([True, True, False]))
        assert rows["centred_square"]["maxboxacc_per_iou"] == [100, 100, 100]
        assert rows["centred_square"]["side"] == 72  # the smallest with .5: 72^2 / 100^2 = .518
        assert rows["centred_square"]["top1_loc"] == pytest.approx(200 / 3)
        assert rows["whole_image"]["gt_known_loc"] == 0  # 100^2 / 224^2 = .199

    def test_a_centre_gaussian_is_a_map_like_any_other(self):
        rows = chance([np.array([[62, 62, 161, 161]])], np.array([True]))
        row = rows["centre_gaussian"]
        assert row["maxboxacc_per_iou"] == [100, 100, 100]
        # By hand: exp(-r^2 / (2 56^2)) at the corner, r = 157.7, is .019; min-max; above .2:
        # r < 56 sqrt(-2 ln(.2 * .981 + .019)) = 98.2, a box of about 197 px: IoU .26.
        assert row["fixed"]["maxboxacc_per_iou"] == [0, 0, 0]
        assert 0.3 < row["threshold"] < 0.75
        assert row["thresholds_v2"][0] <= row["thresholds_v2"][1] <= row["thresholds_v2"][2]

    def test_any_true_box_counts(self):
        corner = [0, 0, 20, 20]
        rows = chance([np.array([corner, [0, 0, 223, 223]])], np.array([True]))
        assert rows["whole_image"]["gt_known_loc"] == 100
        assert iou_table([corner], [corner])[0, 0] == 1


class TestPairs:
    def test_mcnemar_by_hand(self):
        # 1 : 5 of six coins: 2 (1 + 6) / 64
        assert mcnemar(1, 5) == mcnemar(5, 1) == 14 / 64
        assert mcnemar(0, 0) == 1
        assert mcnemar(3, 3) == 1
        assert mcnemar(0, 10) == 2 / 1024
        assert mcnemar(4000, 6000) < 1e-80  # no overflow

    @given(st.integers(0, 40), st.integers(0, 40))
    def test_mcnemar_is_the_binomial_tail(self, a, b):
        n, k = a + b, min(a, b)
        tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
        assert mcnemar(a, b) == pytest.approx(min(1, 2 * tail))

    def test_wins_are_pictures(self):
        a = made([at(0.2), at(0.2), at(0.5), at(0.5)], correct=[1, 1, 0, 1])
        b = made([at(0.2), at(0.9), at(0.9), at(0.9)], correct=[1, 1, 1, 1])
        found = compare("cam", a, "dfm", b)
        assert found["n"] == 4
        assert found["top1_clas"]["wins"] == {"cam": [], "dfm": ["2.jpg"]}
        assert found["top1_clas"]["both"] == 3
        assert found["top1_clas"]["difference"] == -25
        fixed = found["fixed"]
        assert fixed["thresholds"] == {"cam": 0.2, "dfm": 0.2}
        assert fixed["gt_known_loc"]["wins"] == {"cam": ["1.jpg"], "dfm": []}
        assert fixed["gt_known_loc"]["both"] == 1
        assert fixed["gt_known_loc"]["neither"] == 2
        assert fixed["gt_known_loc"]["mcnemar_p"] == 1
        oracle = found["oracle"]  # cam best at .2 (two pictures), dfm at .9 (three)
        assert oracle["thresholds"]["dfm"] == pytest.approx(0.9, abs=0.004)
        assert oracle["gt_known_loc"]["wins"] == {"cam": ["0.jpg"], "dfm": ["2.jpg", "3.jpg"]}

    def test_misdirection_is_told_relative_to_cam(self):
        cam = made(flat(0, 0, 0, 0), misdirected=[0, 0, 1, 1])
        dfm = made(flat(0, 0, 0, 0), misdirected=[0, 1, 0, 1])
        adl = made(flat(0, 0, 0, 0), misdirected=[1, 1, 1, 1])
        pairs = compare_family({"adl": adl, "cam": cam, "dfm": dfm})
        assert pairs["cam vs dfm"]["misdirected_by"] == {"dfm": ["1.jpg"]}
        assert pairs["adl vs cam"]["misdirected_by"] == {"adl": ["0.jpg", "1.jpg"]}
        assert "misdirected_by" not in pairs["adl vs dfm"]

    def test_boxes_that_never_look_are_met_picture_by_picture(self):
        whole, middle = [0, 0, SIDE - 1, SIDE - 1], [82, 82, 141, 141]  # 60 px in the middle
        truths = (whole, middle, middle, [0, 0, 9, 9])
        tally = dataclasses.replace(
            made([at(0.2), at(0.2), at(0.9), at(0.9)]),
            truths=tuple(np.array([box]) for box in truths),
        )
        found = against_chance(tally)
        # At .2 the method has pictures 0 and 1, at its best (.2, the first of equals) too.
        assert found["whole_image"]["fixed"] == {
            "only_method": 1, "only_box": 0, "difference": 25.0, "mcnemar_p": 1.0,
        }  # fmt: skip
        square = found["centred_square"]["fixed"]  # the best one has pictures 1 and 2
        assert (square["only_method"], square["only_box"]) == (1, 1)
        assert found["whole_image"]["oracle"] == found["whole_image"]["fixed"]
