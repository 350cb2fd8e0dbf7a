"""The path under which a reverse proxy shows the page."""

import pytest

from dfm_viz.types import UserError
from dfm_viz.ui.page import launch_options
from dfm_viz.ui.proxy import root_path


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("", None),
        ("/", None),
        ("/dfm", "/dfm"),
        ("/a/b/", "/a/b"),
        ("https://example.org/dfm/", "https://example.org/dfm"),
    ],
)
def test_paths(given, read):
    assert root_path(given) == read


@pytest.mark.parametrize("given", ["dfm", "//host", "ftp://x", "C:\\dfm"])
def test_what_is_no_path_is_one_sentence(given):
    with pytest.raises(UserError, match=r"--root-path .* begins with /"):
        root_path(given)


def test_the_path_reaches_gradio():
    assert launch_options("127.0.0.1", 7860, below="/dfm/")["root_path"] == "/dfm"
    assert launch_options("127.0.0.1", 7860)["root_path"] is None
