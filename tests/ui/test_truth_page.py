"""Peaks, the editor of true boxes and "guess first", on the page and in the server's answer."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from dfm_viz.localization import energy_inside, peak_inside, peak_of, to_grid, unit_map
from dfm_viz.ui import payload

SETTLED = '.explore[data-settled="1"]'
CAM = '.panel[data-method="cam"]'
DFM = '.panel[data-method="dfm"]'


def settle(page):
    page.wait_for_selector(SETTLED)


def truths(page):
    """The true boxes in the field, as numbers."""
    text = page.locator("#dx-truth").input_value()
    return [[float(x) for x in box.split(",")] for box in text.split(";") if box.strip()]


def at(page, x, y, panel=CAM):
    """Where a pixel of the 120 x 90 test picture stands on the screen."""
    box = page.locator(f"{panel} .fit").bounding_box()
    return box["x"] + x / 120 * box["width"], box["y"] + y / 90 * box["height"]


def drag(page, start, stop, panel=CAM):
    page.mouse.move(*at(page, *start, panel))
    page.mouse.down()
    page.mouse.move(*at(page, *stop, panel), steps=4)
    page.mouse.up()
    settle(page)


@pytest.fixture
def own(visit, photo):
    """A visitor's own picture, 120 x 90, with the editor open."""

    def open_own(**options):
        page = visit(**options)
        page.set_input_files("#dx-file", photo)
        page.wait_for_function(
            "document.querySelector('.thumbs-note').textContent.includes('photo')"
        )
        settle(page)
        page.locator("[data-act=truth]").click()
        return page

    return open_own


# --- numbers ------------------------------------------------------------------------------------


def test_grey_levels_and_the_map_peak_at_the_same_point():
    rng = np.random.default_rng(3)
    for _ in range(50):
        raw = rng.normal(size=(7, 7)).astype(np.float32)
        assert peak_of(to_grid(raw)) == peak_of(unit_map(raw))
    ties = np.zeros((4, 4), np.uint8)
    ties[1, 2] = ties[3, 0] = 255
    assert peak_of(ties) == (2, 1)  # the first in raster order, as in the records
    assert peak_of(np.zeros((4, 4), np.uint8)) is None
    assert peak_inside((2, 1), [(0, 0, 1, 1), (2, 1, 3, 3)])
    assert not peak_inside((2, 1), [(0, 0, 1, 1), (3, 1, 3, 3)])
    assert energy_inside(ties, [(2, 0, 3, 3)]) == 0.5


def test_every_method_says_where_its_map_peaks(tiny_family, picture):
    opened = tiny_family.open(picture)
    plain = tiny_family.inspect(opened, {}, [])
    judged = tiny_family.inspect(opened, {}, [[0, 0, 60, 90]])
    for name, method in plain.methods.items():
        y, x = np.unravel_index(method.grid.argmax(), method.grid.shape)
        assert method.peak == pytest.approx(((x + 0.5) * 120 / 224, (y + 0.5) * 90 / 224))
        assert (method.peak_inside, method.energy) == (None, None)
        other = judged.methods[name]
        assert other.peak == method.peak
        assert other.peak_inside == (x <= 112)  # 60 of 120 px is column 112 of 224
        total = method.grid.sum(dtype=float)
        assert other.energy == pytest.approx(method.grid[:, :113].sum(dtype=float) / total)
        assert method.to_json()["peak"] == list(method.peak)


@pytest.mark.parametrize(
    ("cam", "other", "moved"),
    [
        ((10, 10, True), (40, 50, False), {"share": 0.5, "far": True, "left": True}),
        ((10, 10, False), (40, 50, False), {"share": 0.5, "far": True, "left": False}),
        ((10, 10, None), (40, 50, None), {"share": 0.5, "far": True, "left": False}),
        ((10, 10, True), (25, 30, True), {"share": 0.25, "far": False, "left": False}),
        ((10, 10, True), (None, None, None), None),
        ((None, None, None), (40, 50, False), None),
    ],
)
def test_how_far_a_peak_moved(cam, other, moved):
    def method(x, y, inside):
        peak = None if x is None else (x, y)
        return SimpleNamespace(peak=peak, peak_inside=inside, map=np.zeros((4, 4)))

    # A 60 x 80 picture: its diagonal is 100 px, a cell 15 x 20.
    methods = {"cam": method(*cam), "dfm": method(*other)}
    inspection = SimpleNamespace(methods=methods, width=60, height=80)
    assert payload._moved(inspection, "dfm") == (moved and pytest.approx(moved))
    assert payload._moved(inspection, "cam") is None


def test_a_flat_map_has_no_peak(tiny_family, picture):
    result = tiny_family.inspect(tiny_family.open(picture), {}, []).methods["cam"]
    flat = dataclasses.replace(result, grid=np.zeros((224, 224), np.uint8), peak=None)
    sent = payload._method(flat)
    assert (sent["peak"], sent["centre"], sent["flat"]) == (None, None, True)
    middle = np.zeros((224, 224), np.uint8)
    middle[112:, 112:] = 7
    centre = payload._method(dataclasses.replace(result, grid=middle))["centre"]
    assert centre == pytest.approx([0.75, 0.75])


def test_a_guess_is_compared_with_every_box(explore):
    example = next(iter(explore.examples))
    token = explore.open({"example": example})["picture"]
    query = {"family": "tiny", "picture": token, "settings": {}, "truths": []}
    first = explore.inspect(query)["info"]
    assert first["guess"] is None
    box = first["methods"]["cam"]["box"]
    answer = explore.inspect({**query, "guess": box, "truths": [box]})["info"]["guess"]
    assert answer["truth"] == 1
    assert answer["methods"]["cam"] > 0.95  # truncated to whole pixels of the map, as truths are
    for wrong in ([1, 2], "x", [5, 5, 1, 1], [0, 0, 1e9, 1], 7, [math.nan, 0, 1, 1]):
        assert "error" in explore.inspect({**query, "guess": wrong})


# --- peaks on the page --------------------------------------------------------------------------


def test_stars_arrows_and_badges_follow_the_answer(own):
    page = own()
    x, y = page.evaluate(
        "() => { const s = document.querySelector('.panel[data-method=cam] .star').parentElement;"
        " return ['x', 'y'].map(k => parseFloat(s.getAttribute(k))) }"
    )
    grid = page.locator(f"{CAM} .fit canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 224, 224).data]"
    )
    colours = np.array(grid).reshape(224, 224, 4)
    column, row = int(x / 100 * 224), int(y / 100 * 224)
    top = page.locator(f"{CAM} .vbar canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    assert colours[row, column].tolist() == top  # the star stands on the brightest pixel
    # A true box around CAM's peak alone: whoever peaks elsewhere left it.
    px, py = x / 100 * 120, y / 100 * 90
    box = [max(0, px - 4), max(0, py - 4), min(120, px + 4), min(90, py + 4)]
    page.fill("#dx-truth", ", ".join(f"{v:.1f}" for v in box))
    page.locator("#dx-truth").blur()
    settle(page)
    assert page.locator(f"{CAM} .peak").inner_text().split() == ["Peak", "in", "the", "true", "box"]
    for name in ("adl", "dfm"):
        panel = page.locator(f'.panel[data-method="{name}"]')
        star = panel.locator(".star").locator("..")
        other = [float(star.get_attribute(k).strip("%")) for k in "xy"]
        away = math.hypot((other[0] - x) * 1.2, (other[1] - y) * 0.9) / 150
        said = panel.locator(".peak").inner_text()
        far = abs(other[0] - x) > 25 or abs(other[1] - y) > 25
        assert panel.locator("line.shift").count() == int(far)
        if far:
            assert f"moved {round(100 * away)}\u00a0%" in said
            assert "peak left the true box" in said
            line = panel.locator("line.shift")
            assert float(line.get_attribute("x1").strip("%")) == pytest.approx(x, abs=0.01)
            assert float(line.get_attribute("x2").strip("%")) == pytest.approx(other[0], abs=0.01)
        spoken = panel.locator(".view").get_attribute("aria-label")
        assert "of it in the true box" in spoken
    page.locator("[data-act=peaks]").click()
    assert page.locator(".star").count() == 0
    assert page.locator(".peak:visible").count() == 0


# --- true boxes ---------------------------------------------------------------------------------


def test_boxes_are_drawn_moved_resized_and_deleted_by_mouse(own):
    page = own()
    drag(page, (30, 18), (90, 72))
    assert truths(page) == [pytest.approx([30, 18, 90, 72], abs=1)]
    drag(page, (60, 60), (70, 54))  # inside: move
    assert truths(page) == [pytest.approx([40, 12, 100, 66], abs=1.5)]
    drag(page, (100, 66), (110, 80))  # a corner: resize
    assert truths(page) == [pytest.approx([40, 12, 110, 80], abs=1.5)]
    drag(page, (40, 46), (20, 46))  # an edge
    assert truths(page) == [pytest.approx([20, 12, 110, 80], abs=1.5)]
    drag(page, (60, 40), (300, -300))  # never out of the picture
    assert truths(page) == [pytest.approx([30, 0, 120, 68], abs=1.5)]
    drag(page, (2, 75), (28, 88), DFM)  # a second one, on another panel
    assert truths(page)[1] == pytest.approx([2, 75, 28, 88], abs=1)
    assert page.locator(f"{CAM} rect.truth").count() == 2
    page.mouse.move(*at(page, 60, 30))
    page.mouse.down()
    page.mouse.move(*at(page, 62, 40), steps=3)
    page.keyboard.press("Escape")  # as it was
    page.mouse.up()
    settle(page)
    assert truths(page)[0] == pytest.approx([30, 0, 120, 68], abs=1.5)
    page.mouse.click(*at(page, 60, 30))
    page.keyboard.press("Delete")
    settle(page)
    assert truths(page) == [pytest.approx([2, 75, 28, 88], abs=1)]
    page.locator("[data-act=truth-remove]").click()
    settle(page)
    assert truths(page) == []
    assert page.locator(f"{CAM} .iou").inner_text() == ""


def test_the_iou_follows_the_box_while_it_is_dragged(own):
    page = own()
    drag(page, (0, 0), (120, 90))
    whole = page.locator(f"{CAM} .iou").inner_text()
    page.mouse.move(*at(page, 0, 0))
    page.mouse.down()
    page.mouse.move(*at(page, 80, 60), steps=6)
    settle(page)
    assert page.locator(f"{CAM} .iou").inner_text() != whole
    page.mouse.up()
    settle(page)


def test_boxes_by_keyboard_alone(own):
    page = own()
    page.locator("[data-act=truth-add]").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert truths(page) == [[30, 22.5, 90, 67.5]]
    box = page.locator(f"{CAM} .tb")
    assert box.evaluate("b => b === document.activeElement")
    for _ in range(5):
        page.keyboard.press("ArrowRight")  # 1 % of 120 px each
    page.keyboard.press("Alt+ArrowDown")  # one pixel
    page.keyboard.press("Shift+ArrowLeft")
    settle(page)
    assert truths(page) == [pytest.approx([36, 23.5, 94.8, 68.5])]
    assert box.get_attribute("aria-label").startswith("True box from 36, 24 to 95, 69.")
    page.wait_for_function(
        "document.querySelector('output.sr').textContent === 'True box from 36, 24 to 95, 69.'"
    )
    page.keyboard.press("Delete")
    settle(page)
    assert truths(page) == []
    assert page.locator("[data-act=truth-add]").evaluate("b => b === document.activeElement")
    page.keyboard.press("Escape")
    assert page.locator(".marks").is_hidden()


def test_boxes_by_touch(own):
    page = own(width=390, height=844, has_touch=True)
    client = page.context.new_cdp_session(page)
    page.locator(f"{DFM} .view").scroll_into_view_if_needed()

    def touch(kind, *points):
        spots = [{"x": x, "y": y} for x, y in points]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    scrolled = page.evaluate("scrollY")
    touch("touchStart", at(page, 30, 20, DFM))
    touch("touchMove", at(page, 60, 30, DFM))
    touch("touchMove", at(page, 80, 50, DFM))
    touch("touchEnd")
    settle(page)
    assert truths(page) == [pytest.approx([30, 20, 80, 50], abs=1)]
    assert page.evaluate("scrollY") == scrolled


def test_boxes_of_an_example_are_edited_and_come_back(visit):
    page = visit()
    page.locator("[data-act=truth]").click()
    home = page.locator("#dx-truth").input_value()
    assert home
    assert page.locator("[data-act=truth-home]").is_hidden()
    page.fill("#dx-truth", "10, 10, 50, 50")
    page.locator("#dx-truth").blur()
    settle(page)
    assert truths(page) == [[10, 10, 50, 50]]
    page.locator("[data-act=truth-home]").click()
    settle(page)
    assert page.locator("#dx-truth").input_value() == home
    assert page.locator("[data-act=truth-home]").is_hidden()


def test_typed_nonsense_is_explained_and_can_be_corrected(own):
    page = own()
    field = page.locator("#dx-truth")
    for text in ("1, 2, 3", "5 5 1 1", "0 0 121 90", "-1 0 5 5", "a b c d", "1 1 2 2;" * 21):
        field.fill(text)
        field.blur()
        assert "inside 120 × 90" in page.locator(".notice").inner_text()
        assert field.get_attribute("aria-invalid") == "true"
        assert page.locator(f"{CAM} rect.truth").count() == 0
        field.fill("0, 0, 120, 90")
        field.blur()
        settle(page)
        assert page.locator(".notice").is_hidden()
        assert field.get_attribute("aria-invalid") == "false"
        field.fill("")
        field.blur()
        settle(page)


# --- guess first --------------------------------------------------------------------------------

SECRETS = (".panel", ".panel .cls", ".panel .iou", ".fit canvas", ".flow", ".probe", ".legend")


def test_the_answer_stays_hidden_until_a_box_is_drawn(visit):
    page = visit()
    page.locator("[data-act=guess]").click()
    for secret in SECRETS:
        assert page.locator(f"{secret}:visible").count() == 0, secret
    spoken = page.locator(".explore").aria_snapshot()
    assert "IoU" not in spoken
    assert "score" not in spoken
    page.locator('[data-tab="ablate"]').click()
    assert page.locator("#dx-ablate").is_hidden()
    page.locator('[data-tab="explore"]').click()
    show = page.locator("[data-act=guess-show]")
    assert show.is_disabled()
    page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    settle(page)
    assert page.locator(".panel:visible").count() == 0
    view = page.locator(".guess .fit").bounding_box()
    x, y, w, h = view["x"], view["y"], view["width"], view["height"]
    page.mouse.move(x + 0.2 * w, y + 0.2 * h)
    page.mouse.down()
    page.mouse.move(x + 0.8 * w, y + 0.8 * h, steps=3)
    page.mouse.up()
    show.click()
    settle(page)
    assert page.locator(".panel:visible").count() == 3
    said = page.locator(".guessed span").inner_text()
    assert said.startswith("Your guess, IoU with: the true box 0.")
    assert all(f"{name}\u2019s box 0." in said for name in ("CAM", "ADL", "DFM"))
    assert page.locator(f"{CAM} rect.guess-box").count() == 1
    assert page.locator('[data-id="P_A"] .map canvas').is_visible()
    page.locator("[data-act=guess-again]").click()
    assert page.locator(".panel:visible").count() == 0
    assert show.is_disabled()
    page.locator(".guess [data-act=guess-off]").click()
    settle(page)
    assert page.locator(".guessed").is_hidden()
    assert page.locator("rect.guess-box").count() == 0
    assert page.locator(".panel:visible").count() == 3


def test_a_new_picture_is_a_new_guess(visit):
    page = visit(query="?guess=1")
    page.locator("[data-act=guess-add]").click()
    page.keyboard.press("ArrowRight")
    page.locator("[data-act=guess-show]").click()
    settle(page)
    assert page.locator(".panel:visible").count() == 3
    page.locator("[data-example]").nth(1).click()
    settle(page)
    assert page.locator(".panel:visible").count() == 0
    assert page.locator(".guess .tb").count() == 0
    # The picture to guess on is the new one.
    source = page.locator(".guess img").get_attribute("src")
    page.locator(".guess [data-act=guess-off]").click()
    settle(page)
    assert page.locator(f"{CAM} .fit img").get_attribute("src") == source
