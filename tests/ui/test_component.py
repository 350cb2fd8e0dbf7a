"""The files of the page: constant templates, joined in order, nothing from elsewhere."""

import re

import pytest

from dfm_viz.ui import component
from dfm_viz.ui.words import point_title

FILES = sorted(str(p.relative_to(component.STATIC)) for p in component.STATIC.glob("*/*"))


def test_every_file_is_used():
    joined = component.markup() + component.styles() + component.script()
    for name in FILES:
        if name not in ("explore/page.html", "explore/frame.css"):
            assert component.read(name).strip() in joined


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith(".js")])
def test_templates_are_constant(name):
    text = component.read(name)
    for special in ("${", "{{", "`", "\\"):
        assert special not in text


@pytest.mark.parametrize("name", FILES)
def test_files_are_short_and_load_nothing_from_elsewhere(name):
    text = component.read(name)
    assert len(text.splitlines()) <= 250
    assert not re.search(r"https?://|//cdn|@import", text)


def test_component_is_a_plain_gr_html_without_a_value():
    def start(query):
        return query

    block = component.page_component([start])
    assert type(block).__name__ == "HTML"
    assert block.value is None
    assert block.start._is_server_fn


@pytest.mark.parametrize(
    ("name", "title"),
    [("block4_1", "block 4.1"), ("layer3.0", "layer 3.0"), ("pool4", "pool 4"), ("last", "last")],
)
def test_point_titles(name, title):
    assert point_title(name) == title
