"""Reload and Back: the visitor's picture, boxes and guess are there again, or it is said."""

import numpy as np
import pytest
from PIL import Image

SETTLED = '.explore[data-settled="1"]'
NOTICE = ".notice:not([hidden])"
NOTE = ".thumbs-note"


def settle(page):
    page.wait_for_selector(SETTLED)


def open_own(page, file):
    page.set_input_files("#dx-file", file)
    page.wait_for_function(
        f"n => document.querySelector('{NOTE}').textContent.includes(n)", arg=file.name
    )
    settle(page)


def box(page, text="10, 10, 60, 60"):
    page.locator("[data-act=truth]").click()
    page.fill("#dx-truth", text)
    page.locator("#dx-truth").blur()
    settle(page)


def stored(page):
    """What the tab keeps of the picture, in characters."""
    return page.evaluate(
        "Object.keys(sessionStorage).filter(k => k.includes('picture'))"
        ".map(k => sessionStorage[k].length)"
    )


@pytest.mark.parametrize("road", ["reload", "back"])
def test_picture_boxes_and_guess_come_back(visit, server, photo, road):
    page = visit()
    open_own(page, photo)
    box(page)
    page.locator("[data-act=guess]").click()
    page.locator("[data-act=guess-add]").click()
    page.locator("[data-act=guess-show]").click()
    settle(page)
    said = page.locator(".guessed span").inner_text()
    assert "the true box" in said
    page.wait_for_function("() => Object.keys(sessionStorage).length >= 2")
    if road == "reload":
        page.reload()
    else:
        page.goto(server.url + "config")
        page.go_back()
    page.wait_for_selector(NOTICE)
    settle(page)
    assert "Your picture is back" in page.locator(NOTICE).inner_text()
    assert "photo.png" in page.locator(NOTE).inner_text()
    assert page.locator("#dx-truth").input_value() == "10, 10, 60, 60"
    page.wait_for_function(
        "t => document.querySelector('.guessed span').textContent === t", arg=said
    )
    # Nothing of it is known to another tab, or to a link that names a picture.
    other = page.locator("[data-example]").nth(1)
    other.click()
    settle(page)
    page.wait_for_function("() => location.search.includes('example=')")
    page.reload()
    settle(page)
    assert other.get_attribute("title") in page.locator(NOTE).inner_text()


def test_what_is_too_large_is_asked_about_before_and_said_after(visit, tmp_path):
    page = visit()
    large = tmp_path / "large.png"
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 2.5e6
    open_own(page, large)
    box(page)
    assert stored(page) == []
    asked = []
    page.on("dialog", lambda dialog: asked.append(dialog.type) or dialog.accept())
    page.reload()
    settle(page)
    assert asked == ["beforeunload"]
    assert "too large to be kept" in page.locator(NOTICE).inner_text()
    assert "large.png" in page.locator(NOTICE).inner_text()
    open_own(page, large)
    assert page.locator("#dx-truth").input_value() == "10, 10, 60, 60"


def test_what_is_kept_is_not_asked_about(visit, photo):
    page = visit()
    open_own(page, photo)
    box(page)
    page.wait_for_function("() => Object.keys(sessionStorage).length >= 2")
    assert len(stored(page)) == 1
    asked = []
    page.on("dialog", lambda dialog: asked.append(dialog.type) or dialog.accept())
    page.reload()
    page.wait_for_selector(NOTICE)
    assert asked == []


@pytest.mark.parametrize("text", ["", "5", "null", "[]", '{"own": 3, "truths": "x"}', "{"])
def test_nonsense_in_the_store_is_ignored(visit, text):
    page = visit()
    page.evaluate(
        "t => { for (const k of ['picture', 'view'])"
        " sessionStorage.setItem('dfm_viz ' + k + ' ' + location.pathname, t);"
        " addEventListener('pagehide', () => sessionStorage.setItem("
        "'dfm_viz view ' + location.pathname, t)); }",
        text,
    )
    page.reload()
    settle(page)
    assert page.locator(".panel .cls").first.inner_text()
    assert page.locator(".notice").is_hidden()
