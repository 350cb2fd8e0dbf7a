"""The Ablate tab in a browser: what a visitor sees and does. Nothing waits for a fixed time."""

import json
import re
from urllib.parse import parse_qs, urlencode, urlparse

import pytest

SETTLED = '.explore[data-settled="1"]'
IDLE = '#dx-ablate[data-idle="1"]'
SETTINGS = "window.paints.at(-1).settings"


def settle(page):
    """Wait until the page shows the newest state, in this tab too."""
    page.wait_for_selector(SETTLED)
    page.wait_for_selector(IDLE)


def show(page, name):
    """Bring one part of the tab into view and wait for its answer."""
    page.locator(f'.ab-sec[data-sec="{name}"]').evaluate("e => e.scrollIntoView()")
    page.wait_for_function(
        "name => { const b = document.querySelector(`[data-sec=${name}]`).getBoundingClientRect();"
        " return b.top < innerHeight && b.bottom > 0 }",
        arg=name,
    )
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    settle(page)


@pytest.fixture
def tab(visit):
    """The page with the Ablate tab open."""

    def opened(*args, **options):
        page = visit(*args, **options)
        page.click("#dx-tab-ablate")
        settle(page)
        return page

    return opened


def fn_name(route):
    """Which server function a request calls."""
    return (route.request.post_data_json or {}).get("fn_name")


def test_seven_cards_and_a_press_takes_one_over(tab):
    page = tab()
    cards = page.locator(".ab-cards .ab-card")
    assert cards.count() == 7
    assert "no class activation map" in cards.nth(0).inner_text()
    assert cards.nth(0).evaluate("c => c.tagName") == "DIV"
    assert page.locator(".ab-kind").inner_text().startswith("Inference-time.")
    for i in range(1, 7):
        assert re.search(r"IoU \d\.\d\d\n\w+\nscore \d\.\d{3}", cards.nth(i).inner_text())
        assert cards.nth(i).locator("rect.predicted").count() == 1
    assert cards.nth(6).get_attribute("aria-pressed") == "true"
    iou = cards.nth(3).locator(".ab-iou").inner_text()
    cards.nth(3).click()
    settle(page)
    taken = page.evaluate(SETTINGS)
    assert (taken["branches"], taken["omega"], taken["mode"]) == ("position", 0, "expected")
    assert cards.nth(3).get_attribute("aria-pressed") == "true"
    assert cards.nth(6).get_attribute("aria-pressed") == "false"
    assert "ω 0.15" in cards.nth(6).inner_text()
    pressed = page.locator('[data-ab-set="branches"][aria-pressed="true"]')
    assert pressed.inner_text() == "position only"
    cards.nth(1).click()
    settle(page)
    assert page.evaluate(SETTINGS)["mode"] == "off"
    assert cards.nth(1).get_attribute("aria-pressed") == "true"
    cards.nth(6).click()
    settle(page)
    taken = page.evaluate(SETTINGS)
    assert (taken["branches"], taken["omega"], taken["mode"]) == ("both", 0.15, "expected")
    cards.nth(3).click()
    settle(page)
    page.click("#dx-tab-explore")
    assert page.locator('.panel[data-method="dfm"] .iou').inner_text().split()[-1] == iou.split()[1]


def test_switches_act_on_the_shared_settings(tab):
    page = tab()
    assert page.locator('[data-ab-set="single"]').first.is_disabled()
    page.click('[data-ab-set="branches"][data-value="channel"]')
    settle(page)
    assert page.evaluate(SETTINGS)["branches"] == "channel"
    assert page.locator('[data-ab-set="fusion"]').first.is_disabled()
    page.click('[data-ab-set="single"][data-value="sum"]')
    settle(page)
    assert page.locator("#dx-single").input_value() == "sum"
    page.locator("[data-act=reset]").click()
    settle(page)
    assert (
        page.locator('[data-ab-set="branches"][aria-pressed="true"]').get_attribute("data-value")
        == "both"
    )


def test_a_sweep_is_read_by_keyboard_and_taken_over(tab):
    page = tab()
    page.select_option("#ab-parameter", "gamma")
    page.select_option("#ab-count", "11")
    show(page, "sweep")
    plot = page.locator("[data-plot=sweep]")
    assert plot.locator(".ab-c0 .ab-mark, .ab-c0 .ab-hollow").count() == 11
    assert plot.locator(".ab-now-t").text_content() == "now 0.40"
    plot.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert plot.get_attribute("aria-valuenow") == "0.7"
    text = plot.get_attribute("aria-valuetext")
    assert re.match(r"γ 0\.70: \w+, score .*IoU \d\.\d\d, box \d+\s% of the picture", text)
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate(SETTINGS)["gamma"] == pytest.approx(0.7)
    assert plot.locator(".ab-now-t").text_content() == "now 0.70"
    shown = page.locator('.sl[data-k="gamma"] .num').input_value()
    assert shown == "0.70"
    page.locator(".ab-along .ab-small").first.click()
    settle(page)
    assert page.evaluate(SETTINGS)["gamma"] == 0
    page.select_option("#ab-parameter", "points")
    settle(page)
    page.locator(".ab-along .ab-small").first.click()
    settle(page)
    assert page.evaluate(SETTINGS)["points"] == ["block4_1"]
    assert page.locator("#ab-count").is_disabled()


def test_a_moved_slider_is_marked_without_a_new_sweep(tab):
    page = tab()
    show(page, "sweep")
    started = []
    page.on("request", lambda r: started.append(r) if "ablate_start" in (r.post_data or "") else 0)
    field = page.locator('.sl[data-k="beta"] .num')
    field.fill("0.30")
    field.blur()
    settle(page)
    assert page.locator("[data-plot=sweep] .ab-now-t").text_content() == "now 0.30"
    assert not [r for r in started if '"sweep"' in r.post_data]


def test_grid_cells_by_arrow_keys(tab):
    page = tab()
    page.select_option("#ab-side", "5")
    show(page, "grid")
    cells = page.locator(".ab-cell")
    assert cells.count() == 25
    focusable = page.locator('.ab-cell[tabindex="0"]')
    assert focusable.count() == 1
    assert focusable.get_attribute("aria-label").startswith("δ 0.50, γ 0.50: ")
    focusable.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert focusable.get_attribute("aria-label").startswith("δ 0.75, γ 0.25: ")
    label = focusable.get_attribute("aria-label")
    page.keyboard.press("Enter")
    settle(page)
    taken = page.evaluate(SETTINGS)
    assert (taken["delta"], taken["gamma"]) == (0.75, 0.25)
    ring = page.locator(".ab-here")
    assert ring.evaluate("r => [r.style.left, r.style.bottom]") == ["30%", "70%"]
    page.click("#dx-tab-explore")
    iou = page.locator('.panel[data-method="dfm"] .iou').inner_text().split()[-1]
    assert f"IoU {iou}," in label
    page.click("#dx-tab-ablate")
    page.click('[data-ab-metric="area"]')
    area = re.search(r"box (\d+)\s%", label)[1]
    text = page.locator('.ab-cell[tabindex="0"]').inner_text()
    assert round(100 * float(text)) == int(area)


def test_the_best_threshold_gives_the_iou_it_promises(tab):
    page = tab()
    show(page, "curves")
    rows = page.locator(".ab-table tr")
    assert [t.strip() for t in rows.locator("th[scope=row]").all_text_contents()] == [
        "CAM",
        "ADL",
        "DFM",
    ]
    best = rows.nth(3).locator("td").nth(1).inner_text()
    button = rows.nth(3).locator("button")
    threshold = button.inner_text()
    button.click()
    settle(page)
    assert page.evaluate(SETTINGS)["threshold"] == pytest.approx(float(threshold), abs=0.006)
    assert rows.nth(3).locator("td").first.inner_text() == best
    dashes = page.locator("[data-plot=curves] .ab-line").evaluate_all(
        "lines => lines.map(l => l.getAttribute('stroke-dasharray'))"
    )
    assert len(set(dashes)) == 3


def test_draws_show_their_probability_and_the_pipeline_follows(tab):
    page = tab()
    show(page, "now")
    cards = page.locator(".ab-draws .ab-card")
    assert cards.count() == 5
    widths = page.locator(".ab-draws .ab-prob i").evaluate_all("b => b.map(i => i.style.width)")
    assert [float(w.rstrip("%")) for w in widths[:4]] == pytest.approx([49, 21, 21, 9])
    assert "expected map reaches" in page.locator('[data-sec="now"] .ab-note').inner_text()
    cards.nth(3).click()
    settle(page)
    assert cards.nth(3).get_attribute("aria-pressed") == "true"
    page.click("#dx-tab-explore")
    assert "channel, channel" in page.locator("#dx-path option:checked").inner_text()


def test_a_pin_shows_signed_differences_and_can_be_taken_back(tab):
    page = tab()
    page.locator("[data-ab=pin]").click()
    show(page, "pin")
    assert set(page.locator(".ab-diffs .ab-cb").all_text_contents()) == {"No difference"}
    assert "no change" in page.locator(".ab-big").inner_text()
    page.click('[data-ab-set="apply"][data-value="add"]')
    show(page, "pin")
    differs = page.locator('.ab-diff[data-d="F_out"] .ab-cb').inner_text().split()
    assert differs[0].replace("−", "+") == differs[2]
    assert differs[1] == "0"
    assert "present minus pinned" in page.locator(
        '.ab-diff[data-d="F_out"] > canvas'
    ).get_attribute("aria-label")
    assert page.locator(".ab-sum li").inner_text() == "Apply to F mul → add"
    page.locator("[data-ab=back]").click()
    show(page, "pin")
    assert page.evaluate(SETTINGS)["apply"] == "mul"
    assert set(page.locator(".ab-diffs .ab-cb").all_text_contents()) == {"No difference"}
    page.locator("[data-ab=unpin]").click()
    assert page.locator(".ab-diff").count() == 0


def test_random_weights_beside_the_trained_ones(tab):
    page = tab()
    page.locator("[data-ab=sanity]").click()
    show(page, "sanity")
    page.wait_for_selector(".ab-corr b")
    first = page.locator(".ab-corr b").inner_text()
    assert re.fullmatch(r"−?\d\.\d\d", first)
    page.select_option("#ab-seed", label="2")
    settle(page)
    assert page.locator(".ab-corr b").inner_text() != first
    page.locator("[data-ab=sanity]").click()
    assert page.locator(".ab-corr").count() == 0


def test_without_a_true_box_there_is_area_and_a_reason(tab, photo):
    page = tab()
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    for name in ("sweep", "grid", "curves", "now"):
        show(page, name)
        note = page.locator(f'[data-sec="{name}"] .ab-note').inner_text()
        assert "No true box is known" in note, name
    assert page.locator("[data-plot=sweep] .ab-c0").count() == 0
    assert page.locator('[data-ab-metric="iou"]').is_disabled()
    assert "area" in page.locator(".ab-cards .ab-iou").nth(1).inner_text()


def test_a_long_answer_can_be_stopped_and_started_again(tab):
    page = tab()
    page.select_option("#ab-side", "5")
    show(page, "grid")
    hold = {"on": True}

    def slowly(route):
        if fn_name(route) == "ablate_poll" and hold["on"]:
            # Not asked: a server that has finished forgets the job with its answer.
            body = {"items": [], "done": 0, "total": 100, "ahead": 0, "finished": False}
            return route.fulfill(json=body)
        return route.continue_()

    page.route("**/component_server/**", slowly)
    page.select_option("#ab-side", "10")
    stop = page.locator('[data-ab-stop="grid"]')
    stop.wait_for()
    assert page.locator('[data-sec="grid"] progress').is_visible()
    stop.click()
    page.locator('[data-ab-again="grid"]').wait_for()
    settle(page)
    hold["on"] = False
    page.locator('[data-ab-again="grid"]').click()
    settle(page)
    assert page.locator(".ab-cell").count() == 100
    assert page.locator('.ab-cell[aria-label*="not there yet"]').count() == 0
    assert page.locator('[data-sec="grid"] .ab-wait').is_hidden()


def test_an_error_of_the_server_is_one_notice_and_nothing_is_lost(tab):
    page = tab()
    show(page, "sweep")
    marks = page.locator("[data-plot=sweep] .ab-c0").count()

    def refuse(route):
        if fn_name(route) == "ablate_start":
            body = json.dumps({"error": "16 long answers are waiting already; try again."})
            return route.fulfill(status=200, content_type="application/json", body=body)
        return route.continue_()

    page.route("**/component_server/**", refuse)
    field = page.locator('.sl[data-k="delta"] .num')
    field.fill("0.1")
    field.blur()
    settle(page)
    assert page.locator(".notice b").inner_text().startswith("16 long answers")
    assert page.locator("[data-plot=sweep] .ab-c0").count() == marks
    page.unroute("**/component_server/**")
    page.locator('[data-ab-again="sweep"]').click()
    settle(page)
    assert page.locator('[data-ab-again="sweep"]').is_hidden()


def test_a_new_picture_never_shows_the_maps_of_the_old_one(tab):
    page = tab()
    before = page.locator(".ab-cards canvas").first.evaluate("c => c.toDataURL()")
    page.locator("[data-example]").nth(1).click()
    settle(page)
    assert page.locator(".ab-cards canvas").count() == 6
    assert page.locator(".ab-cards canvas").first.evaluate("c => c.toDataURL()") != before
    page.select_option("#dx-family", "camonly")
    settle(page)
    assert page.locator(".ab-cards .ab-card").count() == 7


def test_the_link_carries_the_tab_and_survives_nonsense(tab, visit, server):
    page = tab()
    page.select_option("#ab-parameter", "tau")
    page.select_option("#ab-side", "5")
    page.locator("[data-ab=pin]").click()
    page.wait_for_function("location.search.includes('pinned')")
    link = parse_qs(urlparse(page.url).query)
    assert json.loads(link["ablate"][0]) == {"parameter": "tau", "side": 5, "pinned": {}}
    page.goto(page.url)
    settle(page)
    assert page.locator("#ab-parameter").input_value() == "tau"
    assert page.locator("#ab-side").input_value() == "5"
    assert page.locator("[data-ab=unpin]").is_visible()
    junk = {
        "parameter": "<b>",
        "count": "21",
        "side": 10**9,
        "cell": -1,
        "method": "../x",
        "pinned": {"beta": "much", "rise": 1, "points": {"a": 1}, "path": None},
    }
    page.goto(server.url + "?" + urlencode({"tab": "ablate", "ablate": json.dumps(junk)}))
    settle(page)
    assert page.locator("#ab-parameter").input_value() == "beta"
    assert page.locator(".ab-cards .ab-card").count() == 7
    show(page, "pin")
    assert "beta must be a number" in page.locator('[data-sec="pin"] .ab-wait').inner_text()
    page.locator("[data-ab=unpin]").click()
    settle(page)


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_scrolls_sideways(tab, width):
    page = tab(width=width, height=844)
    page.locator("[data-ab=pin]").click()
    page.locator("[data-ab=sanity]").click()
    for name in ("rows", "sweep", "grid", "curves", "now", "pin", "sanity"):
        show(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
