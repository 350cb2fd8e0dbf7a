"""An opened picture, and a count of what runs."""

import time

import pytest

from dfm_viz.backbones.staged import Stages


@pytest.fixture
def opened(tiny_family, picture):
    return tiny_family.open(picture)


@pytest.fixture
def runs(monkeypatch):
    """Every stretch of network that is run, as (start, stop)."""
    seen = []
    original = Stages.between

    def counted(self, x, start, stop, draws=None):
        seen.append((start, stop))
        return original(self, x, start, stop, draws)

    monkeypatch.setattr(Stages, "between", counted)
    return seen


@pytest.fixture
def waiting():
    """Comes back as soon as so many wait for their turn."""

    def wait(turns, count):
        deadline = time.monotonic() + 60
        while len(turns) != count:
            assert time.monotonic() < deadline

    return wait
