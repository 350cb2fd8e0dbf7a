"""Colour scales: right ends, rising lightness, read-only."""

import numpy as np
import pytest

from dfm_viz.render import COLORMAPS, DEFAULT_COLORMAP, colormap


@pytest.mark.parametrize("name", COLORMAPS)
def test_table(name):
    table = colormap(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1
    assert colormap(name) is table


@pytest.mark.parametrize("name", COLORMAPS)
def test_lightness_rises(name):
    linear = (colormap(name) / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    smooth = np.convolve(luminance, np.ones(5) / 5, mode="valid")  # 8-bit steps wobble
    assert (np.diff(smooth) > -1e-3).all()
    assert luminance[-1] - luminance[0] > 0.5


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("cividis", (0, 34, 78), (254, 232, 56)),
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("grey", (0, 0, 0), (255, 255, 255)),
    ],
)
def test_ends(name, low, high):
    table = colormap(name).astype(int)
    assert np.abs(table[0] - low).max() <= 1
    assert np.abs(table[-1] - high).max() <= 1


def test_names():
    assert DEFAULT_COLORMAP == "cividis"
    with pytest.raises(ValueError, match="cividis, viridis, magma, grey"):
        colormap("jet")


def test_settings_offer_the_same_colour_maps():
    from dfm_viz.inspection import Colormap

    assert tuple(Colormap) == COLORMAPS
