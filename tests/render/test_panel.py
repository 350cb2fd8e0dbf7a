"""The panel: everything in it, nothing changed, any shape of picture."""

import io

import numpy as np
import pytest
from PIL import Image

from dfm_viz.render import Column, overlay, panel, png_bytes

PINK = (0xFF, 0x4D, 0x8D)
GRID = np.add.outer(np.arange(14), np.arange(14)).astype(np.uint8) * 9


def column(title="DFM", **changes):
    values = {"caption": ("lion .91", "IoU .62"), "grid": GRID, "box": (10, 10, 60, 50)}
    return Column(title, **{**values, **changes})


def picture(width=100, height=80):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_tiles_hold_the_overlay():
    rgb = picture(200, 200)
    out = panel(rgb, [column(box=None)], tile=200)
    np.testing.assert_array_equal(out[44:244, 16:216], rgb)
    np.testing.assert_array_equal(out[44:244, 232:432], overlay(rgb, GRID))


def test_one_more_tile_per_method():
    widths = [panel(picture(), [column()] * n, tile=200).shape[1] for n in (1, 2, 3)]
    assert widths[1] - widths[0] == widths[2] - widths[1] == 216


def test_many_tiles_fill_even_rows():
    """With the picture 5 tiles fit in a row; 7 become 4 and 3, each where its row says."""
    one, two = (panel(picture(200, 200), [column()] * n, tile=200) for n in (3, 6))
    assert two.shape[1] == one.shape[1]
    step = (two.shape[0] - 36) // 2
    assert two.shape[0] - one.shape[0] == step
    np.testing.assert_array_equal(two[44 : 44 + 200], one[44 : 44 + 200])
    second = two[44 + step : 244 + step]
    for x in (16, 232, 448):
        np.testing.assert_array_equal(second[:, x : x + 200], one[44:244, 232:432])
    assert (second[:, 664:] == 255).all()


def test_predicted_box_is_on_its_own_tile_only():
    out = panel(picture(200, 200), [column(box=None), column()], tile=200)
    pink = (out == PINK).all(axis=2)[44:244]
    assert not pink[:, :432].any()
    assert pink[:, 448:].any()


def test_boxes_refer_to_the_given_size():
    small = panel(picture(), [column()], tile=200)
    large = panel(picture(), [column(box=(100, 100, 600, 500))], size=(1000, 800), tile=200)
    pink = [(p == PINK).all(axis=2)[44:204] for p in (small, large)]
    np.testing.assert_array_equal(*pink)


def test_truths_are_on_every_tile():
    plain = panel(picture(), [column(box=None)], tile=200)
    truth = panel(picture(), [column(box=None)], truths=[(5, 5, 90, 70)], tile=200)
    changed = (plain != truth).any(axis=2)[44:204]
    assert changed[:, 16:216].any()
    assert changed[:, 232:432].any()


def test_inputs_are_not_changed():
    rgb, grid = picture(), GRID.copy()
    before = rgb.copy()
    panel(rgb, [column(grid=grid, off_box=(1, 1, 9, 9))], truths=[(5, 5, 90, 70)])
    np.testing.assert_array_equal(rgb, before)
    np.testing.assert_array_equal(grid, GRID)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3000, 20)])
def test_any_shape(size):
    out = panel(picture(*size), [column(box=(0, 0, 0, 0))], truths=[(0, 0, 0, 0)])
    assert out.ndim == 3
    assert out.dtype == np.uint8


def test_long_words_are_shortened():
    shape = panel(picture(), [column()]).shape
    assert panel(picture(), [column("x" * 400, caption=("y" * 400, "z"))]).shape == shape


def test_png_round_trip():
    rgb = picture()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(rgb)))), rgb)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="at least one"):
        panel(picture(), [])
    with pytest.raises(ValueError, match="tile"):
        panel(picture(), [column()], tile=10)
    with pytest.raises(TypeError, match="rgb"):
        png_bytes(picture().astype(float))
