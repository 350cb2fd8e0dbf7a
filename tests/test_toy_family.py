"""The shipped toy family: part focus, spill and misdirection, each on a scene of its own."""

import numpy as np
import pytest

import dfm_viz
from dfm_viz import toy
from dfm_viz.boxes import iou
from dfm_viz.examples import _TOY_SCENES, find_example


@pytest.fixture(scope="module")
def family():
    return dfm_viz.load_family("toynet_toy", device="cpu")


class Seen:
    """What one method shows on a scene."""

    def __init__(self, made, method):
        rows, columns = np.nonzero(made.head | made.body)
        y, x = np.unravel_index(method.grid.argmax(), method.grid.shape)
        self.on_head = bool(made.head[y, x])
        self.inside = columns.min() <= x <= columns.max() and rows.min() <= y <= rows.max()
        x0, y0, x1, y1 = method.box
        self.share = (x1 - x0) * (y1 - y0) / 224**2
        self.iou = method.iou
        self.right = method.class_index == made.label


@pytest.fixture
def seen(family):
    def look(number):
        seed, _ = _TOY_SCENES[number]
        made, example = toy.scene(seed), find_example(f"toy-{seed}")
        found = family.inspect(family.open(made.rgb), {"mode": "off"}, example.truths)
        return {name: Seen(made, method) for name, method in found.methods.items()}

    return look


def test_part_focus(seen):
    found = seen(0)
    assert set(found) == {"cam", "has", "adl", "dfm"}
    for method in found.values():
        assert method.right
        assert method.on_head
        assert method.iou < 0.5


def test_spill(seen):
    found = seen(1)
    assert found["cam"].on_head
    assert found["adl"].on_head  # it still finds the creature, but no longer it alone
    assert found["adl"].share > 2 * found["cam"].share
    assert found["adl"].iou < found["cam"].iou


def test_misdirection(seen):
    found = seen(2)
    assert all(method.right for method in found.values())
    assert found["cam"].on_head
    assert not found["adl"].inside
    assert found["dfm"].inside


def test_a_scene_of_either_kind_can_be_made_on_demand(family):
    # The same creature before the class's own colour and before another class's: where the
    # background no longer helps, the network that was taught to use it is less sure.
    lower = []
    for seed in range(20):
        own = toy.scene(seed, correlation=1.0)
        other = next(
            made
            for made in (
                toy.scene(seed + 100 * k, label=own.label, correlation=0.0) for k in range(1, 50)
            )
            if made.ground != made.label
        )
        scores = [
            family.inspect(family.open(made.rgb), {"mode": "off", "target": made.label})
            .methods["has"]
            .score
            for made in (own, other)
        ]
        lower.append(scores[1] < scores[0])
    assert np.mean(lower) > 0.7


def test_a_box_around_the_head_would_be_an_error():
    for seed, _ in _TOY_SCENES:
        made = toy.scene(seed)
        rows, columns = np.nonzero(made.head)
        head = (columns.min(), rows.min(), columns.max(), rows.max())
        assert iou(head, made.box) < 0.5
