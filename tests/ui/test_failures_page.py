"""The Failures tab in a browser, on true records of the tiny family about thirty pictures."""

import json
import re
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from records_made import record, write_records

from dfm_viz.boxes import error_type, iog, iop, resize_box
from dfm_viz.inspection import Settings
from dfm_viz.records.failures import PAGE

COUNT = 30
SIZE = (60, 40)
OPENED = "#dx-failures[data-charts]"


def _picture(number):
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 255, (5, 7, 3), np.uint8))
    return small.resize(SIZE, Image.Resampling.BICUBIC)


def _row(number, mode, said, truth, name):
    """What an evaluation would write about one answer."""
    small = resize_box(truth, SIZE)
    correct = said.label == name
    return record(
        number,
        mode,
        class_name=name,
        predicted_name=said.label,
        correct=correct,
        width=SIZE[0],
        height=SIZE[1],
        truths=[list(truth)],
        box=said.box_grid,
        box_pixels=said.box,
        iou=said.iou,
        iog=iog(said.box_grid, small),
        iop=iop(said.box_grid, small),
        error=str(error_type(correct, said.box_grid, [small])),
        misdirected=not said.peak_inside,
    )


@pytest.fixture(scope="module")
def made(tiny_family, tmp_path_factory):
    """The folder with pictures and records, and the rows of DFM in mode expected."""
    root = tmp_path_factory.mktemp("made")
    (root / "data" / "images").mkdir(parents=True)
    names = tiny_family.checkpoints.first.classes
    rows = {"cam": [], "adl": [], "dfm": []}
    for number in range(COUNT):
        path = root / "data" / "images" / f"{number:04d}.png"
        _picture(number).save(path)
        opened = tiny_family.open(path)
        looked = tiny_family.inspect(opened, Settings(), []).methods["dfm"]
        x0, y0, x1, y1 = looked.box
        # Boxes that fit more and more badly: a rising shift to the upper left.
        share = number / COUNT
        truth = (0.0, 0.0, max(4.0, x1 - share * (x1 - x0)), max(4.0, y1 - share * (y1 - y0)))
        name = looked.label if number % 5 else names[(looked.class_index + 1) % len(names)]
        for mode in ("off", "expected"):
            found = tiny_family.inspect(opened, Settings(mode=mode), [truth])
            rows["dfm"].append(_row(number, mode, found.methods["dfm"], truth, name))
            if mode == "off":
                for method in ("cam", "adl"):
                    rows[method].append(_row(number, mode, found.methods[method], truth, name))
    for method, some in rows.items():
        sha = tiny_family.checkpoints.cards[method].sha256
        write_records(root / "records" / f"{method}.parquet", some, checkpoint=sha)
    return root, {
        method: [r for r in some if r.mode != "off" or method != "dfm"]
        for method, some in rows.items()
    }


@pytest.fixture(scope="module")
def server(serve, families_root, made, tmp_path_factory):
    """The page with these records; takes the place of the server without any."""
    root = made[0]
    options = ("--records", str(root / "records"), "--data-root", str(root / "data"))
    served = serve(families_root, tmp_path_factory.mktemp("gradio"), *options)
    yield served
    served.stop()


@pytest.fixture
def failures(visit):
    """The tab, opened and complete."""

    def open_tab(**options):
        page = visit(**options)
        if page.locator("#dx-failures").is_hidden():
            page.click("#dx-tab-failures")
        page.wait_for_selector(OPENED)
        return page

    return open_tab


def row(page, text):
    return page.locator(".fx-row", has_text=text)


def tile(page, number):
    return page.locator(f'.fx-tile[data-n="{number}"]')


def counted(count):
    return f"{count} of {COUNT} pictures" if count < COUNT else f"All {COUNT} pictures"


def expect_count(page, count):
    expect(page.locator(".fx-count")).to_have_text(counted(count))


def spot(page, x, y):
    """Where a point of the scatter is on the screen."""
    return page.evaluate(
        """([x, y]) => {
          const plot = document.querySelector('.fx-scatter .fx-plot'), all = plot._fullLayout;
          const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
          return [box.x + all.xaxis.l2p(x), box.y + all.yaxis.l2p(y)];
        }""",
        [x, y],
    )


def test_the_first_page_shows_the_worst_pictures_with_their_boxes(failures, made):
    dfm = sorted(made[1]["dfm"], key=lambda r: (r.iou, r.number))
    page = failures()
    expect_count(page, COUNT)
    tiles = page.locator(".fx-tile")
    assert tiles.count() == PAGE
    shown = [int(n) for n in tiles.evaluate_all("all => all.map(t => t.dataset.n)")]
    assert shown == [r.number for r in dfm[:PAGE]]
    page.wait_for_selector("#dx-failures[data-photos]")
    sizes = tiles.locator("img").evaluate_all(
        "all => Promise.all(all.map(i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])))"
    )
    assert sizes == [list(SIZE)] * PAGE
    first = tiles.first
    assert first.locator("rect.predicted").count() == 1
    assert first.locator("rect.truth").count() == 1
    assert dfm[0].class_name in first.locator(".fx-cls").inner_text()
    for kind, title in (("cls", "Wrong class"), ("right", "Right"), ("more", "Too much")):
        number = sum(r.error == kind for r in dfm)
        assert row(page, title).first.locator("b").inner_text() == str(number)


def test_plotly_is_loaded_once_and_only_when_the_tab_is_opened(visit, server):
    page = visit()
    asked = []
    page.on("request", lambda r: "plotly" in r.url and asked.append(r.url))
    assert page.evaluate("window.Plotly === undefined")
    for _ in range(2):
        page.click("#dx-tab-failures")
        page.wait_for_selector(OPENED)
        page.click("#dx-tab-explore")
    assert len(asked) == 1
    assert asked[0].startswith(server.url)


def test_filters_by_keyboard_combine_and_are_cleared(failures, made):
    dfm = made[1]["dfm"]
    page = failures()
    wrong = row(page, "Wrong class").first.locator("input")
    wrong.focus()
    page.keyboard.press("Space")
    expect_count(page, sum(r.error == "cls" for r in dfm))
    assert wrong.evaluate("n => n === document.activeElement")
    row(page, "Peak outside").locator("input").focus()
    page.keyboard.press("Space")
    expect_count(page, sum(r.error == "cls" and r.misdirected for r in dfm))
    assert page.locator(".fx-chips button").count() == 2
    page.locator(".fx-chips button").first.click()
    expect_count(page, sum(r.misdirected for r in dfm))
    page.click(".fx-form [data-fx=clear]")
    expect_count(page, COUNT)
    low = page.get_by_label("Least IoU, typed")
    low.fill("0.4")
    low.blur()
    expect_count(page, sum(r.iou >= 0.4 for r in dfm))
    high = page.get_by_label("Greatest IoU", exact=True)
    high.focus()
    page.keyboard.press("PageDown")
    value = float(high.input_value())
    assert value < 1
    expect_count(page, sum(0.4 <= r.iou <= value for r in dfm))
    page.click(".fx-form [data-fx=clear]")
    expect_count(page, COUNT)
    low.fill("1")
    low.blur()
    row(page, "Wrong class").first.locator("input").check()
    row(page, "Misplaced").locator("input").check()
    row(page, "Wrong class").first.locator("input").uncheck()
    expect(page.locator(".fx-gallery")).to_contain_text("No picture fits all of these filters.")
    page.click(".fx-gallery [data-fx=clear]")
    expect_count(page, COUNT)


def test_dfm_against_cam_counts_what_the_rows_say(failures, made):
    cam, dfm = made[1]["cam"], made[1]["dfm"]
    pairs = list(zip(cam, dfm, strict=True))
    breaks = [d.number for c, d in pairs if c.iou >= 0.5 > d.iou]
    fixes = [d.number for c, d in pairs if d.iou >= 0.5 > c.iou]
    page = failures()
    assert row(page, "DFM fixes CAM").locator("b").inner_text() == str(len(fixes))
    assert row(page, "DFM breaks CAM").locator("b").inner_text() == str(len(breaks))
    row(page, "CAM").first.locator("input").check()
    worst = min(cam, key=lambda r: (r.iou, r.number))
    expect(page.locator(".fx-tile").first).to_have_attribute("data-n", str(worst.number))


def test_a_point_finds_its_picture_and_a_lasso_keeps_what_is_inside(failures, made):
    cam, dfm = made[1]["cam"], made[1]["dfm"]
    page = failures()
    best = max(dfm, key=lambda r: (r.iou, -r.number))
    page.mouse.click(*spot(page, cam[best.number].iou, best.iou))
    current = page.locator(".fx-tile[aria-current=true]")
    expect(current).to_have_count(1)
    expect(current).to_be_focused()
    chosen = int(current.get_attribute("data-n"))
    assert (cam[chosen].iou, dfm[chosen].iou) == pytest.approx((cam[best.number].iou, best.iou))
    expect(page.locator(".fx-head .fx-pager")).to_contain_text("Page 2 of 2")
    edge = 0.45
    inside = [d for c, d in zip(cam, dfm, strict=True) if c.iou < edge and d.iou < edge]
    assert 0 < len(inside) < COUNT
    assert not any(abs(r.iou - edge) < 0.004 for r in (*cam, *dfm))
    page.evaluate("window.scrollTo(0, 0)")
    corners = [(-0.03, -0.06), (edge, -0.06), (edge, edge), (-0.03, edge), (-0.03, -0.06)]
    page.mouse.move(*spot(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*spot(page, *corner), steps=8)
    page.mouse.up()
    expect_count(page, len(inside))
    expect(page.locator(".fx-chips")).to_contain_text("Drawn in the chart")


def test_a_bar_keeps_its_error_type_and_method(failures, made):
    page = failures()
    cam = [r.error for r in made[1]["cam"]]
    kind = max(set(cam), key=cam.count)
    titles = {"right": 0, "cls": 1, "part": 2, "more": 3, "m_ins": 4, "oth": 5}
    bar = page.locator(f".fx-bars .trace.bars:nth-child(1) .point:nth-child({titles[kind] + 1})")
    box = bar.bounding_box()  # plotly lays its own surface over the bars
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect_count(page, cam.count(kind))
    expect(row(page, "CAM").first.locator("input")).to_be_checked()


def test_pages_turn_by_keyboard_over_the_edges(failures):
    page = failures()
    tiles = page.locator(".fx-tile")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(tiles.nth(PAGE - 1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tiles).to_have_count(COUNT - PAGE)
    expect(tiles.first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(tiles).to_have_count(PAGE)
    expect(tiles.nth(PAGE - 1)).to_be_focused()
    page.keyboard.press("PageDown")
    expect(tiles).to_have_count(COUNT - PAGE)
    expect(page.locator(".fx-said")).to_have_text(f"All {COUNT} pictures, page 2 of 2.")


@pytest.mark.parametrize("mode", ["expected", "off"])
def test_a_picture_opens_in_explore_as_it_was_evaluated(failures, made, mode):
    page = failures()
    page.locator("#fx-mode").select_option(mode)
    expect(page.locator("#dx-failures")).to_have_attribute("data-shown", "2")
    first = page.locator(".fx-tile").first
    number, iou = int(first.get_attribute("data-n")), first.locator("b").inner_text().split()[0]
    truth = made[1]["dfm"][number].truths
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#dx-explore:not([hidden])")
    page.wait_for_selector('.explore[data-settled="1"]')
    settings = page.evaluate("window.paints.at(-1).settings")
    assert settings["mode"] == mode
    assert settings["threshold"] == 0.2
    panel = page.locator('.panel[data-method="dfm"]')
    expect(panel.locator(".iou")).to_contain_text(f"{float(iou):.2f}")
    assert panel.locator("rect.truth").count() == len(truth) == 1
    assert f"{number:04d}.png" in page.locator(".thumbs-note").inner_text()
    page.click("#dx-tab-failures")
    expect(page.locator(f'.fx-tile[data-n="{number}"]')).to_have_attribute("aria-current", "true")


def test_a_link_brings_the_same_pictures_and_says_what_it_left_out(failures, made):
    page = failures()
    which = page.locator("#fx-set").input_value()
    said = {"set": which, "method": "cam", "iou": [0, 0.5], "order": "best", "class": "eagle"}
    page = failures(query=f"?tab=failures&failures={quote(json.dumps(said))}")
    some = [r for r in made[1]["cam"] if r.iou <= 0.5]
    expect_count(page, len(some))
    best = max(some, key=lambda r: (r.iou, -r.number))
    expect(page.locator(".fx-tile").first).to_have_attribute("data-n", str(best.number))
    assert "left out: class" in page.locator(".fx-notes").inner_text()
    page.wait_for_function("location.search.includes('failures=')")
    kept = page.evaluate("JSON.parse(new URLSearchParams(location.search).get('failures'))")
    assert kept["method"] == "cam"
    assert kept["iou"] == [0, 0.5]
    assert "class" not in kept
    # The address has changed since the charts were drawn; their hatches are named without it.
    fills = page.locator(".fx-bars .point path").evaluate_all("all => all.map(p => p.style.fill)")
    assert any("#" in fill for fill in fills)
    assert not any("http" in fill for fill in fills)


@pytest.mark.parametrize("text", ["[]", "{", '{"set": "none", "iou": "x"}'])
def test_nonsense_in_a_link_opens_the_tab_all_the_same(failures, text):
    page = failures(query=f"?tab=failures&failures={quote(text)}")
    expect_count(page, COUNT)


def test_on_a_phone_nothing_is_wider_than_the_screen_and_colours_follow_the_theme(failures):
    page = failures(width=390, height=844, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#fx-class").is_hidden()
    page.click(".fx-fold")
    assert page.locator("#fx-class").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    colour = "document.querySelector('.fx-plot')._fullLayout.font.color"
    before = page.evaluate(colour)
    page.click("[data-act=theme]")
    page.wait_for_function(f"{colour} !== '{before}'")
    ink = page.evaluate(
        "getComputedStyle(document.querySelector('.explore')).getPropertyValue('--ink2')"
    )
    assert page.evaluate(colour).lower() == ink.strip().lower()


def test_a_server_that_is_gone_is_said_and_what_is_shown_stays(failures):
    page = failures(strict=False)
    page.route("**/component_server/**", lambda route: route.abort())
    row(page, "Wrong class").first.locator("input").check()
    expect(page.locator(".fx-notes")).to_contain_text("The server does not answer.")
    assert page.locator(".fx-tile").count() == PAGE
    page.unroute("**/component_server/**")
    page.click("[data-fx=again]")
    expect(page.locator(".fx-notes")).not_to_contain_text("does not answer")
    assert re.fullmatch(rf"\d+ of {COUNT} pictures", page.locator(".fx-count").inner_text())
