"""Overlays, pixel by pixel."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dfm_viz.render import colormap, colourise, overlay, resize_grid

RGB = np.array([[[10, 20, 30], [200, 100, 0]], [[0, 0, 0], [255, 255, 255]]], np.uint8)
GRID = np.array([[0, 255], [128, 7]], np.uint8)


def test_colours_are_looked_up_without_stretching():
    out = colourise(GRID, "viridis")
    assert out[0, 1].tolist() == colormap("viridis")[255].tolist()
    assert out[1, 1].tolist() == colormap("viridis")[7].tolist()
    low = colourise(np.full((2, 2), 3, np.uint8), "grey")
    assert (low == 3).all()  # a faint map stays faint


def test_exact_mix():
    out = overlay(RGB, GRID, colormap="grey", opacity=0.25)
    assert out.tolist() == [
        [[8, 15, 22], [214, 139, 64]],
        [[32, 32, 32], [193, 193, 193]],
    ]


def test_ends_of_the_opacity():
    np.testing.assert_array_equal(overlay(RGB, GRID, opacity=0), RGB)
    np.testing.assert_array_equal(
        overlay(RGB, GRID, opacity=1, colormap="magma"), colourise(GRID, "magma")
    )


def test_grid_is_stretched_over_the_picture():
    rgb = np.zeros((6, 9, 3), np.uint8)
    out = overlay(rgb, GRID, colormap="grey", opacity=1)
    assert out.shape == rgb.shape
    assert out[0, 0, 0] == 0
    assert out[0, -1, 0] == 255
    assert resize_grid(GRID, 2, 2) is not GRID


def test_inputs_are_not_changed_nor_shared():
    rgb, grid = RGB.copy(), GRID.copy()
    for opacity in (0, 0.5, 1):
        out = overlay(rgb, grid, opacity=opacity)
        out[:] = 9
    resize_grid(grid, 2, 2)[:] = 9
    np.testing.assert_array_equal(rgb, RGB)
    np.testing.assert_array_equal(grid, GRID)


def test_read_only_inputs_are_welcome():
    rgb = RGB.copy()
    rgb.flags.writeable = False
    overlay(rgb, GRID)


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_opacity_range(opacity):
    with pytest.raises(ValueError, match="opacity"):
        overlay(RGB, GRID, opacity=opacity)


@pytest.mark.parametrize(
    ("rgb", "grid", "kind"),
    [
        (RGB.astype(float), GRID, TypeError),
        (RGB[..., 0], GRID, ValueError),
        (RGB, GRID / 255, TypeError),
        (RGB, RGB, ValueError),
        (RGB, GRID[:0], ValueError),
    ],
)
def test_wrong_arrays(rgb, grid, kind):
    with pytest.raises(kind, match=r"`(rgb|grid)`"):
        overlay(rgb, grid)


def test_render_needs_no_torch():
    code = (
        "import sys, dfm_viz.render as r; r.colormap('viridis');"
        "print([m for m in ('torch', 'gradio', 'dfm_viz.types') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert out.stdout.strip() == "[]"
