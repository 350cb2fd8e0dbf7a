"""Two charts of evaluation records as plotly figures: IoU against IoU, and error types.

Figures carry no colours of the page (text, grid, background): the page adds those of its theme.
Colours of points and bars have at least 3:1 on both the light and the dark ground, and every one
comes with a shape or a hatch of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

POINTS = (
    ("#D55E00", "x"),
    ("#009E73", "circle"),
    ("#A67C00", "diamond"),
    ("#0072B2", "triangle-down"),
    ("#B85F93", "square"),
    ("#6B7A8F", "cross"),
)
"""Colour and shape per error type, in the order of the records' error types."""
BARS = (
    ("#83888F", ""),
    ("#0072B2", "/"),
    ("#D6427F", "x"),
    ("#009E73", "."),
    ("#A67C00", "\\"),
    ("#6F63D9", "+"),
    ("#D55E00", "-"),
)
"""Colour and hatch per method, in order; further ones begin again."""
MOST_POINTS = 3000
"""Points that are drawn at most; more would hide each other and make the page slow."""
_FAINT = "#8B8F99"
_FOUND = 0.5


def iou_scatter(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    error: NDArray[np.uint8],
    match: NDArray[np.bool_],
    *,
    name: Callable[[int], str],
    titles: tuple[str, str],
    errors: Sequence[str],
) -> tuple[go.Figure, int]:
    """Every picture as a point: IoU of one method against that of another.

    Pictures that match are drawn by error type; clicking them is possible, their numbers are
    `customdata`. The others are small faint dots. Of more than `MOST_POINTS` an even selection is
    drawn.

    Args:
        x: (n,) IoU for the horizontal axis, in [0, 1].
        y: (n,) for the vertical axis.
        error: (n,) place in `errors`.
        match: (n,) which pictures are asked for.
        name: number of a picture -> what to call it.
        titles: of the two axes.
        errors: title of every error type, as many as `POINTS`.

    Returns:
        The figure, and how many of the matching pictures are drawn.
    """
    chosen = _evenly(np.flatnonzero(match), MOST_POINTS)
    others = _evenly(np.flatnonzero(~match), MOST_POINTS - min(len(chosen), MOST_POINTS // 2))
    traces = [
        go.Scatter(
            x=_short(x[others]),
            y=_short(y[others]),
            mode="markers",
            name="not in the filters",
            hoverinfo="skip",
            marker={"size": 4, "color": _FAINT, "opacity": 0.35},
            showlegend=False,
        )
    ]
    for place, (title, (colour, symbol)) in enumerate(zip(errors, POINTS, strict=True)):
        some = chosen[error[chosen] == place]
        if len(some):
            traces.append(
                go.Scatter(
                    x=_short(x[some]),
                    y=_short(y[some]),
                    mode="markers",
                    name=escape(title),
                    text=[escape(name(i)) for i in some],
                    customdata=some,
                    hovertemplate="%{text}<br>%{x:.2f}, %{y:.2f}",
                    marker={"size": 8, "color": colour, "symbol": symbol, "opacity": 0.85},
                )
            )
    traces.append(  # the page moves it to the picture that was picked
        go.Scatter(
            x=[],
            y=[],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            marker={"size": 15, "symbol": "circle-open", "line": {"width": 2.5}},
        )
    )
    figure = go.Figure(traces, _layout())
    axis = {"dtick": 0.25, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(title=f"IoU of {escape(titles[0])}", range=[-0.04, 1.04], **axis)
    # Above 1 and below 0 there is room for the words in the corners.
    figure.update_yaxes(title=f"IoU of {escape(titles[1])}", range=[-0.14, 1.15], **axis)
    figure.update_layout(dragmode="lasso", hovermode="closest")
    rule = {"layer": "below", "line": {"width": 1, "dash": "dot"}}
    figure.add_shape(type="line", x0=_FOUND, x1=_FOUND, y0=-0.04, y1=1.05, **rule)
    figure.add_shape(type="line", y0=_FOUND, y1=_FOUND, x0=-0.04, x1=1.04, **rule)
    if x is not y:
        for text, at, count in _corners(x[match] >= _FOUND, y[match] >= _FOUND, titles):
            figure.add_annotation(
                text=f"{escape(text)} {count}",
                **{"x": at[0], "xanchor": ("left", "right")[at[0] > _FOUND]},
                **{"y": at[1], "yanchor": ("bottom", "top")[at[1] > _FOUND]},
                showarrow=False,
                font={"size": 12},
            )
    return figure, len(chosen)


def _corners(
    x: NDArray[np.bool_], y: NDArray[np.bool_], titles: tuple[str, str]
) -> tuple[tuple[str, tuple[float, float], int], ...]:
    """Words, place and number of pictures for each quarter: who finds the object."""
    return (
        (f"only {titles[1]} finds it:", (-0.03, 1.14), int((~x & y).sum())),
        ("both find it:", (1.03, 1.14), int((x & y).sum())),
        ("neither:", (-0.03, -0.13), int((~x & ~y).sum())),
        (f"only {titles[0]} finds it:", (1.03, -0.13), int((x & ~y).sum())),
    )


def error_bars(
    counts: Mapping[str, Sequence[int]],
    *,
    titles: Mapping[str, str],
    errors: Mapping[str, str],
) -> go.Figure:
    """How many pictures have which error type, one bar per method, the numbers on them.

    Args:
        counts: method -> one number per error type.
        titles: method -> title.
        errors: error type -> title, in the order of the numbers.

    Returns:
        The figure; a bar's `customdata` is [method, error type].
    """
    traces = [
        go.Bar(
            x=[escape(title).replace(" ", "<br>", 1) for title in errors.values()],
            y=list(numbers),
            name=escape(titles[method]),
            text=[str(number) for number in numbers],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textangle=0,
            textfont_size=11,
            customdata=[[method, kind] for kind in errors],
            hovertemplate="%{x}: %{y}",
            marker={
                "color": colour,
                "pattern": {"shape": shape, "fillmode": "overlay", "size": 6, "solidity": 0.35},
            },
        )
        for (method, numbers), (colour, shape) in zip(
            counts.items(), (BARS * len(counts))[: len(counts)], strict=True
        )
    ]
    figure = go.Figure(traces, _layout())
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.08, dragmode=False)
    top = max((max(numbers, default=0) for numbers in counts.values()), default=0)
    figure.update_yaxes(
        title="pictures", rangemode="tozero", range=[0, 1.12 * max(top, 1)], fixedrange=True
    )
    figure.update_xaxes(fixedrange=True, tickangle=0, tickfont_size=11)
    return figure


def _layout() -> go.Layout:
    return go.Layout(
        template=go.layout.Template(),  # plotly's own would bring colours of its own
        margin={"l": 52, "r": 12, "t": 34, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemclick": False},
        legend_itemdoubleclick=False,
        hoverlabel={"align": "left"},
        showlegend=True,
    )


def _evenly(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).astype(np.int64)]


def _short(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
