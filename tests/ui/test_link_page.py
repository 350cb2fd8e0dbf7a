"""Links: the whole view in the address, there and back in a fresh browser, and nonsense in it."""

import random
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from dfm_viz.ui import component

ROOT = Path(__file__).parents[2]
SETTLED = '.explore[data-settled="1"]'


def settle(page):
    page.wait_for_selector(SETTLED)


def questions(page):
    """Every question the page asks of `inspect` from now on."""
    asked = []

    def note(request):
        body = request.post_data_json if "component_server" in request.url else None
        if body and body.get("fn_name") == "inspect":
            asked.append(body["data"][0] if isinstance(body["data"], list) else body["data"])

    page.on("request", note)
    return asked


def address(page, *keys):
    """The query as a dict, once it has all of `keys` (the page writes it after a pause)."""
    page.wait_for_function(
        "keys => keys.every(k => new URLSearchParams(location.search).has(k))", arg=list(keys)
    )
    return {k: v[0] for k, v in parse_qs(urlsplit(page.url).query).items()}


def copied(page):
    """What "Copy link" gives."""
    page.locator("[data-act=link]").click()
    text = page.locator("#dx-link").input_value()
    page.locator("[data-act=link-close]").click()
    return text


def drag(page, name, value):
    field = page.locator(f'.sl[data-k="{name}"] .num')
    field.fill(str(value))
    field.blur()
    settle(page)


SLIDERS = {
    "alpha": 0.5,
    "beta": 0.75,
    "omega": 0.3,
    "delta": 0.2,
    "gamma": 0.9,
    "tau": 0.35,
    "threshold": 0.4,
}
CHOICES = {
    "apply": "residual",
    "neighbourhood": "accumulate",
    "fusion": "normal",
    "weights": "cam",
    "mode": "sampled",
}


def test_a_plain_visit_leaves_the_address_plain(visit, server):
    page = visit()
    page.locator('[data-act="peaks"]').click()
    address(page, "peaks")
    page.locator('[data-act="peaks"]').click()
    page.wait_for_function("location.search === ''")
    assert copied(page) == server.url


def test_every_control_comes_back_in_a_fresh_browser(visit):
    page = visit()
    asked = questions(page)
    page.select_option("#dx-family", "all")
    settle(page)
    page.locator("[data-example]").nth(2).click()
    settle(page)
    for name, value in SLIDERS.items():
        drag(page, name, value)
    page.locator(".foot [data-act=more]").click()
    for name, value in CHOICES.items():
        page.select_option(f"#dx-{name}", value)
        settle(page)
    page.fill("#dx-seed", "7")
    page.locator("#dx-seed").blur()
    page.fill("#dx-target", "finch")
    page.select_option("#dx-colormap", "magma")
    page.locator("#dx-opacity").fill("0.35")
    page.locator("[data-act=peaks]").click()
    page.locator('[data-toggle="cbam"]').click()
    settle(page)
    page.locator('[data-toggle="adl"]').click()
    page.select_option("#dx-path", "1")
    settle(page)
    page.locator("[data-point]").first.click()
    settle(page)
    page.select_option("#dx-range", "own")
    page.fill("#dx-channel", "5")
    page.locator("#dx-channel").blur()
    settle(page)
    page.locator('[data-id="P_A"] .map canvas').click(position={"x": 2, "y": 2})
    page.locator("[data-act=truth]").click()
    page.fill("#dx-truth", "10, 10, 60.5, 70; 5 5 20 20")
    page.locator("#dx-truth").blur()
    settle(page)
    keys = {*SLIDERS, *CHOICES, "family", "example", "seed", "target", "colours", "opacity"}
    keys |= {"peaks", "show", "draws", "point", "range", "channel", "cell", "truths"}
    assert set(address(page, *keys)) == keys
    link = copied(page)
    assert link.split("?")[1] == urlsplit(page.url).query

    fresh = visit(query="?" + link.split("?")[1])
    again = questions(fresh)
    assert copied(fresh) == link
    assert fresh.locator(".notice").is_hidden()
    # The next question of both says the same: settings, point, channel, methods, boxes.
    for one in (page, fresh):
        drag(one, "alpha", 0.51)
    assert {**asked[-1], "have": 0} == {**again[-1], "have": 0}
    assert again[-1]["truths"] == [[10, 10, 60.5, 70], [5, 5, 20, 20]]
    assert again[-1]["settings"]["target"] == 1
    for selector in (
        ".panel:visible h2",
        ".panel:visible .cls",
        ".panel:visible .iou",
        ".probe .where",
    ):
        here = fresh.locator(selector).all_text_contents()
        assert here == page.locator(selector).all_text_contents()
    for query in ("#dx-colormap", "#dx-opacity", "#dx-range", "#dx-seed", "#dx-target", "#dx-path"):
        assert fresh.locator(query).input_value() == page.locator(query).input_value()
    assert fresh.locator("[data-act=peaks]").get_attribute("aria-pressed") == "false"
    canvas = '.panel[data-method="dfm"] .fit canvas'
    assert fresh.locator(canvas).evaluate("c => c.toDataURL()") == page.locator(canvas).evaluate(
        "c => c.toDataURL()"
    )


def test_points_branches_tab_and_guess_come_back(visit):
    page = visit()
    page.locator(".foot [data-act=more]").click()
    page.locator("[data-use]").first.uncheck()
    settle(page)
    page.select_option("#dx-branches", "channel")
    page.select_option("#dx-single", "sum")
    settle(page)
    page.locator("[data-act=guess]").click()
    page.locator('[data-tab="failures"]').click()
    address(page, "points", "branches", "single", "guess", "tab")
    link = copied(page)
    fresh = visit(query="?" + link.split("?")[1])
    assert copied(fresh) == link
    assert fresh.locator("#dx-failures").is_visible()
    fresh.locator('[data-tab="explore"]').click()
    assert fresh.locator(".guess").is_visible()
    assert fresh.locator(".panels").is_hidden()
    assert fresh.locator("[data-use]:checked").count() == 1
    assert fresh.locator("#dx-single").input_value() == "sum"


@pytest.mark.parametrize("part", ["lesson=2&step=3", "view=api&__theme=light&utm_source=x"])
def test_what_belongs_to_others_stays_in_the_address(visit, part):
    page = visit(query="?" + part + "&alpha=0.5")
    page.locator("[data-act=peaks]").click(force=True)
    address(page, "peaks", "alpha", part.split("=")[0])
    assert page.url.split("?")[1].startswith(part)
    assert page.locator(".notice").is_hidden()


def test_only_lessons_are_copied_of_what_belongs_to_others(visit):
    page = visit(query="?lesson=2&__theme=light&utm_source=x&__sign=secret")
    link = copied(page)
    assert link.split("?")[1] == "lesson=2"


def test_nonsense_is_left_out_and_said_once(visit):
    bad = {
        "alpha": "abc",
        "beta": "7",
        "gamma": "NaN",
        "tau": "",
        "apply": "divide",
        "channel": "99999",
        "cell": "1",
        "truths": "1,2,3",
        "target": "unicorn",
        "colours": "jet",
    }
    page = visit(query="?" + urlencode({**bad, "delta": "0.2", "foo": "<b>x</b>"}))
    said = page.locator(".notice").inner_text()
    assert page.locator(".notice b").inner_text() == "Not all of this link could be used."
    for part in ("alpha=abc", "beta=7 (now 1)", "gamma=NaN", "apply=divide", "and 3 more"):
        assert part in said
    settings = page.evaluate("window.paints.at(-1).settings")
    assert (settings["alpha"], settings["beta"], settings["delta"]) == (0.85, 1, 0.2)
    page.wait_for_function("!location.search.includes('abc')")
    assert set(address(page, "beta", "delta")) == {"beta", "delta"}
    page.locator("[data-act=dismiss]").click()
    page.locator('.sl[data-k="tau"] input[type=range]').press("ArrowLeft")
    address(page, "tau")
    assert page.locator(".notice").is_hidden()


def test_random_links_never_break_the_page(visit, server):
    rng = random.Random(6)
    keys = [*SLIDERS, *CHOICES, "family", "example", "tab", "points", "point", "channel", "cell"]
    keys += ["draws", "show", "method", "colours", "opacity", "range", "peaks", "guess", "truths"]
    keys += ["hide", "ablate", "failures", "results", "seed", "target", "constructor", "__proto__"]
    values = ["", "-1", "1e999", "NaN", "null", "[]", '{"a":1}', "tiny", "all", "camonly", "mean"]
    values += [
        "0.5",
        "%00",
        "<img src=x onerror=alert(1)>",
        "a,b,,c",
        "9" * 5000,
        "cam,dfm",
        "é",
        "1",
    ]
    values += [
        "0,0,1e9,5",
        "-5,-5,10,10;3,3,2,2",
        "pipeline,sliders",
        "toString",
        "explore",
        "ablate",
    ]
    page = visit()
    for _ in range(4):
        query = [(key, rng.choice(values)) for key in rng.sample(keys, 16)]
        page.goto(server.url + "?" + urlencode(query))
        settle(page)
        settings = page.evaluate("window.paints.at(-1).settings")
        for name in SLIDERS:
            assert 0 <= settings[name] <= 1
        assert page.locator(".notice b").inner_text() == "Not all of this link could be used."
        link = copied(page)
        page.goto(link)
        settle(page)
        assert page.locator(".notice").is_hidden(), link
        assert copied(page) == link


def test_boxes_beyond_the_picture_are_cut(visit):
    page = visit(query="?truths=10,10,99999,40")
    assert "truths=10, 10, 99999, 40 (now 10, 10, " in page.locator(".notice").inner_text()
    page.locator("[data-act=truth]").click()
    assert page.locator("#dx-truth").input_value().startswith("10, 10, ")
    assert "99999" not in page.locator("#dx-truth").input_value()


def test_a_visitors_picture_is_never_in_the_link(visit, server, photo):
    page = visit(query="?alpha=0.5&truths=1,1,50,50")
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    settle(page)
    page.locator("[data-act=truth]").click()
    page.locator("[data-act=truth-add]").click()
    settle(page)
    page.wait_for_function("location.search === '?alpha=0.5'")
    page.locator("[data-act=link]").click()
    assert page.locator("#dx-link").input_value() == server.url + "?alpha=0.5"
    assert "Your picture is not in the link" in page.locator(".share .note").inner_text()


def test_the_link_is_copied_or_can_be_copied_by_hand(visit):
    page = visit(query="?alpha=0.5", permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-act=link]").click()
    page.wait_for_function("document.querySelector('.share .said').textContent === 'Copied.'")
    link = page.locator("#dx-link").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    page.locator("[data-act=link-copy]").click()
    page.wait_for_function("document.querySelector('.share .said').textContent.includes('Ctrl+C')")
    chosen = page.evaluate(
        "(() => { const f = document.activeElement;"
        " return f.value.slice(f.selectionStart, f.selectionEnd) })()"
    )
    assert chosen == link
    page.keyboard.press("Escape")
    assert page.locator(".share").is_hidden()


def test_teachers_hide_what_they_name(visit):
    page = visit(query="?hide=pipeline,guess,alpha,apply,nonsense,colours,failures")
    assert "hide" in page.locator(".notice").inner_text()
    for hidden in (".flow", ".probe", "[data-act=guess]", '.sl[data-k="alpha"]', "#dx-apply"):
        assert page.locator(hidden).is_hidden(), hidden
    assert page.locator('[data-tab="failures"]').is_hidden()
    assert page.locator('.sl[data-k="beta"]').is_visible()
    page.locator(".foot [data-act=more]").click()
    assert page.locator("#dx-colormap").is_hidden()
    assert page.locator("#dx-opacity").is_visible()
    page.locator("[data-act=link]").click()
    page.locator(".share summary").click()
    page.locator('.hides [value="sliders"]').check()
    page.locator('.hides [value="guess"]').uncheck()
    link = page.locator("#dx-link").input_value()
    assert link.split("hide=")[1] == "sliders,pipeline,alpha,apply,colours,failures"
    assert page.locator(".controls").is_visible()
    fresh = visit(query="?" + link.split("?")[1])
    assert fresh.locator(".controls").is_hidden()
    assert fresh.locator("[data-act=guess]").is_visible()


def test_it_works_inside_another_page_that_allows_little(visit, server):
    page = visit()
    frame = f'<iframe sandbox="allow-scripts allow-same-origin" src="{server.url}?beta=0.5"'
    page.set_content(f'{frame} style="width:1200px;height:800px"></iframe>')
    inside = page.frame_locator("iframe")
    inside.locator(SETTLED).wait_for()
    assert inside.locator('.sl[data-k="beta"] .num').input_value() == "0.50"
    inside.locator('.sl[data-k="tau"] input[type=range]').press("ArrowLeft")
    inside.locator("[data-act=link]").click()
    assert inside.locator("#dx-link").input_value() == server.url + "?beta=0.5&tau=0.69"


def test_a_drag_writes_the_address_once_it_rests(visit):
    page = visit()
    page.evaluate(
        "() => { window.writes = 0; const r = history.replaceState.bind(history);"
        "history.replaceState = (...a) => { window.writes++; return r(...a) } }"
    )
    box = page.locator('.sl[data-k="delta"] input[type=range]').bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    for i in range(30):
        page.mouse.move(box["x"] + 20 + 4 * i, box["y"] + box["height"] / 2)
    page.mouse.up()
    settle(page)
    shown = float(page.locator('.sl[data-k="delta"] .num').input_value())
    page.wait_for_function(
        "x => Number(new URLSearchParams(location.search).get('delta')) === x", arg=shown
    )
    assert page.evaluate("window.writes") <= 5


def test_the_documentation_names_every_key():
    said = set(re.findall(r"`(\w+)(?:=\d)?`", (ROOT / "docs/links.md").read_text("utf-8")))
    fields = component.read("explore/link.js")
    keys = set(re.findall(r"^  f\.(\w+) = ", fields, re.M)) | {*SLIDERS, *CHOICES, "branches"}
    parts = component.read("explore/share.js").split("HIDE_PARTS = {")[1].split("};")[0]
    keys |= set(re.findall(r"(\w+): '", parts)) | {"single", "family", "example", "tab", "lesson"}
    assert len(keys) > 40
    assert keys <= said


def test_a_picture_that_is_not_here_gives_the_first_example(visit):
    page = visit(query="?record=nowhere/3&alpha=0.5")
    assert "record=nowhere/3" in page.locator(".notice").inner_text()
    assert page.locator("[data-example]").first.get_attribute("aria-pressed") == "true"
    page.wait_for_function("!new URLSearchParams(location.search).has('record')")
    assert set(address(page, "alpha")) == {"alpha"}


def test_any_generated_scene_can_be_linked(visit):
    page = visit(query="?example=toy-21")
    assert page.locator(".notice").is_hidden()
    assert address(page, "example")["example"] == "toy-21"
    assert page.locator(".panel rect.truth").count() >= 1
