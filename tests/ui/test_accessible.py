"""Every tab under axe, light and dark, wide and on a phone; keyboard, motion, width."""

from pathlib import Path

import axe_playwright_python
import pytest

from dfm_viz.ui.component import ALONE, BESIDE

SETTLED = '.explore[data-settled="1"]'
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
TABS = ("explore", *BESIDE, *ALONE)
RULES = """async () => {
  const found = await axe.run(document.querySelector('.explore'), {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  });
  return found.violations.map(
    v => [v.impact, v.id, v.help, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))]);
}"""


def violations(page, impacts=("serious", "critical", "moderate")):
    """What axe finds on the page as it is."""
    page.evaluate(AXE)
    return [found for found in page.evaluate(RULES) if found[0] in impacts]


def show(page, tab):
    """Open a tab and wait until nothing in it says that it is busy."""
    page.locator(f'[data-tab="{tab}"]').first.click()
    page.wait_for_selector(f"#dx-{tab}:not([hidden])")
    page.wait_for_function(
        "() => !document.querySelector('.explore [aria-busy=true]')"
        " && !document.querySelector('.explore.busy')"
    )


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_no_barriers_on_any_tab(visit, width, height):
    page = visit(width, height, reduced_motion="reduce")
    found = {}
    for tab in TABS:
        show(page, tab)
        for scheme in ("light", "dark"):
            assert page.locator(".explore").get_attribute("data-theme") == scheme
            found[f"{tab}, {scheme}"] = violations(page)
            page.locator("[data-act=theme]").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
    assert not {tab: problems for tab, problems in found.items() if problems}


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1400)])
def test_no_barriers_in_any_state(visit, scheme, width):
    page = visit(width, 844, color_scheme=scheme, query="?beta=9")
    assert page.locator(".notice").is_visible()
    page.locator("[data-act=truth]").click()
    page.locator("[data-act=truth-add]").click()
    page.wait_for_selector(SETTLED)
    assert not violations(page)
    page.locator("[data-act=truth-done]").click()
    page.locator("[data-act=guess]").click()
    page.locator("[data-act=guess-add]").click()
    assert not violations(page)
    page.locator("[data-act=guess-show]").click()
    page.wait_for_selector(SETTLED)
    page.locator(".foot [data-act=more]").click()
    assert not violations(page)
    page.keyboard.press("Escape")
    page.locator("[data-act=link]").click()
    page.locator(".share summary").click()
    assert not violations(page)


def test_every_map_has_a_sentence_with_its_numbers(visit):
    page = visit()
    for name in ("cam", "adl", "dfm"):
        text = page.locator(f'.panel[data-method="{name}"] .view').get_attribute("aria-label")
        for part in ("score", "box from", "IoU", "Map highest at", "centre of mass at"):
            assert part in text
        assert "of it in the true box" in text
        assert ("CAM\u2019s" in text) == (name != "cam")
    maps = page.locator(".card .map canvas, .mini figure canvas")
    assert maps.count() >= 9
    for text in maps.evaluate_all("all => all.map(c => c.getAttribute('aria-label'))"):
        assert "flat" in text or ("centre of mass" in text and "of it in the true box" in text)
        assert "flat" in text or "where CAM is" in text


def test_the_numbers_of_a_sentence_are_true(visit):
    page = visit(query="?truths=0,0,128,128")  # the upper left quarter of the lion, 256 x 256
    text = page.locator('[data-id="P_A"] .map canvas').get_attribute("aria-label")
    values = page.evaluate(
        "() => { const c = document.querySelector('[data-id=P_A] .map canvas');"
        " return [c.width, c.height] }"
    )
    assert values == [4, 4]
    page.select_option("#dx-range", "own")
    shades = page.locator('[data-id="P_A"] .map canvas').evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 4, 4).data]"
    )
    table = page.locator('[data-id="P_A"] .cb canvas').evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 256, 1).data]"
    )
    colours = [tuple(table[4 * i : 4 * i + 3]) for i in range(256)]
    level = [colours.index(tuple(shades[4 * i : 4 * i + 3])) for i in range(16)]
    inside = sum(level[i] for i in (0, 1, 4, 5)) / sum(level)
    said = int(text.split("; ")[3].split("\u00a0%")[0])
    assert said == pytest.approx(100 * inside, abs=1.5)
    peak = level.index(255)
    assert f"highest in row {peak // 4 + 1}, column {peak % 4 + 1};" in text


def test_everything_can_be_reached_and_seen_by_keyboard(visit):
    page = visit()
    reached, ring = set(), []
    page.locator("body").press("Tab")
    for _ in range(160):  # the examples are a stop each
        seen = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.id || e.dataset.act || e.dataset.tab || e.dataset.point || e.className"
            " || e.dataset.example || e.tagName, s.outlineStyle, s.boxShadow] }"
        )
        reached.add(seen[0])
        if seen[1] == "none" and seen[2] == "none" and seen[0] not in ("BODY", "HTML"):
            ring.append(seen[0])
        page.keyboard.press("Tab")
    wanted = {"link", "api", "theme", "dx-family", "peaks", "truth", "guess", "view", "dx-path"}
    wanted |= {"dx-alpha", "dx-threshold", "reset", "more", "browse", "webcam", "dx-range"}
    wanted |= {"dx-tab-explore", "dx-channel"}
    assert wanted <= reached
    assert not ring


def test_boxes_differ_in_more_than_colour(visit):
    page = visit(query="?beta=0.6&truths=10,10,100,100")
    strokes = page.locator('.panel[data-method="dfm"] svg rect').evaluate_all(
        "all => all.filter(r => r.matches('.predicted, .truth, .off'))"
        ".map(r => [r.getAttribute('stroke-width'), r.getAttribute('stroke-dasharray')].join())"
    )
    assert len(strokes) >= 2
    assert len(set(strokes)) == len(strokes)


def test_nothing_moves_for_those_who_asked_for_less_motion(visit):
    page = visit(reduced_motion="reduce")
    for tab in TABS:
        show(page, tab)
        moving = page.evaluate(
            "() => document.getAnimations().filter(a => a.effect.getComputedTiming().duration > 10)"
            ".map(a => a.animationName || a.transitionProperty)"
        )
        assert moving == [], tab
