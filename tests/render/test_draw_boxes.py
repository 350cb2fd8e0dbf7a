"""Boxes, pixel by pixel, and told apart without colour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.render import BOX_STYLES, draw_box

PINK, WHITE, DARK = (0xFF, 0x4D, 0x8D), (255, 255, 255), (18, 18, 24)


def ground(height=30, width=40):
    return np.full((height, width, 3), 100, np.uint8)


def mask(image, colour):
    return (image == colour).all(axis=2)


def test_predicted_is_solid_inside_the_box_with_casing_on_both_sides():
    out = draw_box(ground(), (10, 5, 30, 20), "predicted", width=2)
    expected = np.zeros((30, 40), bool)
    expected[5:21, 10:31] = True
    expected[7:19, 12:29] = False
    np.testing.assert_array_equal(mask(out, PINK), expected)
    casing = np.zeros((30, 40), bool)
    casing[4:22, 9:32] = True
    casing[8:18, 13:28] = False
    np.testing.assert_array_equal(mask(out, DARK), casing & ~expected)
    np.testing.assert_array_equal(mask(out, (100, 100, 100)), ~casing)


def test_off_is_thinner():
    out = draw_box(ground(), (10, 5, 30, 20), "off", width=2)
    line = mask(out, WHITE)
    assert line.sum() == 2 * 21 + 2 * 16 - 4
    assert line[5, 10:31].all()


def test_true_is_dashed_with_dark_gaps():
    out = draw_box(ground(), (5, 5, 34, 24), "true", width=2)
    top = mask(out, WHITE)[5, 5:35]
    assert top[:8].all()  # four line widths on
    assert not top[8:14].any()  # three off
    assert top[14:22].all()
    assert mask(out, DARK)[5, 13:19].all()


def test_styles_differ_without_colour():
    lines = []
    for style in BOX_STYLES:
        out = draw_box(ground(), (5, 5, 34, 24), style, width=2).astype(int)
        lines.append(tuple((out.sum(axis=2) > 300).ravel()))
    assert len(set(lines)) == 3


def test_input_is_not_changed():
    image = ground()
    image.flags.writeable = False
    draw_box(image, (1, 1, 5, 5))
    assert (image == 100).all()


@given(
    st.tuples(*[st.floats(-50, 90)] * 4),
    st.sampled_from(list(BOX_STYLES)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.none() | st.integers(1, 5),
)
def test_any_box_can_be_drawn(corners, style, height, width, stroke):
    x0, x1 = sorted((corners[0], corners[2]))
    y0, y1 = sorted((corners[1], corners[3]))
    out = draw_box(ground(height, width), (x0, y0, x1, y1), style, width=stroke)
    assert out.shape == (height, width, 3)
    assert (out != 100).any()


@pytest.mark.parametrize(
    ("box", "style", "match"),
    [
        ((5, 5, 1, 9), "true", "`box`"),
        ((0, 0, float("nan"), 9), "true", "`box`"),
        ((0, 0, 9), "true", "`box`"),
        ((0, 0, 9, 9), "dotted", "predicted, off, true"),
    ],
)
def test_wrong_arguments(box, style, match):
    with pytest.raises(ValueError, match=match):
        draw_box(ground(), box, style)
