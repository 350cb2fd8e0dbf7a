"""The page in a browser: what a visitor sees and does. Nothing waits for a fixed time."""

import json
import re

import numpy as np
import pytest
from PIL import Image

SETTLED = '.explore[data-settled="1"]'
SETTINGS = "window.paints.at(-1).settings"


def settle(page):
    """Wait until the page shows the newest state."""
    page.wait_for_selector(SETTLED)


def type_number(page, name, text):
    """Type into the number of a slider and leave it."""
    field = page.locator(f'.sl[data-k="{name}"] .num')
    field.fill(text)
    field.blur()
    settle(page)
    return field.input_value()


def pixels(page, selector):
    """The pixels of a canvas, as text to compare."""
    return page.locator(selector).first.evaluate("c => c.toDataURL()")


def slide(page, name, start, stop, steps):
    """Drag a slider with the mouse from one share of its track to another."""
    box = page.locator(f'.sl[data-k="{name}"] input[type=range]').bounding_box()
    x, y = box["x"] + 8, box["y"] + box["height"] / 2
    width = box["width"] - 16
    page.mouse.move(x + start * width, y)
    page.mouse.down()
    page.mouse.move(x + stop * width, y, steps=steps)
    page.mouse.up()
    settle(page)


def test_first_paint_shows_an_analysed_example_with_its_true_box(visit):
    page = visit()
    assert page.locator(".panel h2").all_text_contents() == ["CAM", "ADL", "DFM"]
    assert page.locator('[data-example][aria-pressed="true"]').count() == 1
    for name in ("cam", "adl", "dfm"):
        panel = page.locator(f'.panel[data-method="{name}"]')
        assert re.fullmatch(r"\w+, score \d\.\d{3}", panel.locator(".cls").inner_text())
        assert re.search(r"IoU\s*\d\.\d\d", panel.locator(".iou").inner_text())
        assert panel.locator("rect.predicted").count() == 1
        assert panel.locator("rect.truth").count() >= 1
        assert "IoU" in panel.locator(".view").get_attribute("aria-label")
    assert page.locator(".card math").count() >= 18
    assert "highest in row" in page.locator('[data-id="P_A"] .map canvas').get_attribute(
        "aria-label"
    )
    assert page.locator(".notice").is_hidden()


def test_a_drag_ends_on_the_true_state_and_never_goes_back(visit, server):
    page = visit()
    before = server.files()
    page.evaluate("window.paints.length = 0")
    slide(page, "delta", 0.2, 0.8, 30)
    paints = page.evaluate("window.paints")
    sequence = [p["sequence"] for p in paints]
    assert sequence == sorted(set(sequence))
    deltas = [p["settings"]["delta"] for p in paints]
    assert deltas == sorted(deltas)
    shown = float(page.locator('.sl[data-k="delta"] .num').input_value())
    assert deltas[-1] == pytest.approx(shown)
    assert 0.75 <= shown <= 0.85
    assert set(server.files()) <= set(before)


def test_at_most_one_question_is_under_way(visit):
    page = visit(strict=False)
    under_way, most = 0, 0

    def slowly(route):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        reply = route.fetch()
        under_way -= 1
        route.fulfill(response=reply)

    page.route("**/component_server/**", slowly)
    slide(page, "gamma", 0.1, 0.9, 30)
    assert most == 1
    shown = float(page.locator('.sl[data-k="gamma"] .num').input_value())
    assert page.evaluate(SETTINGS)["gamma"] == pytest.approx(shown)


def test_tau_moves_neither_cam_nor_the_pipeline(visit):
    page = visit()
    kept = ['.panel[data-method="cam"] .fit canvas', '[data-id="P_A"] .map canvas']
    before = [pixels(page, selector) for selector in kept]
    percent = page.locator(".pill.down").inner_text()
    slide(page, "tau", 0.7, 0.2, 5)
    assert [pixels(page, selector) for selector in kept] == before
    assert page.locator(".pill.down").inner_text() != percent


@pytest.mark.parametrize(
    ("typed", "shown", "kept"),
    [("0.33", "0.33", 0.33), ("9", "0.95", 0.95), ("-3", "0.95", 0.95), ("", "0.95", 0.95)],
)
def test_typed_numbers_are_kept_in_range(visit, typed, shown, kept):
    page = visit()
    assert type_number(page, "beta", typed) == shown
    assert page.evaluate(SETTINGS)["beta"] == pytest.approx(kept)


def test_keyboard_moves_sliders_cells_and_channels(visit):
    page = visit()
    page.locator('.sl[data-k="alpha"] input[type=range]').focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.84)
    page.locator('[data-id="P_A"] .map canvas').focus()
    where = page.locator(".probe .where").first
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert where.inner_text().startswith("Row 1, column ")
    page.wait_for_function("document.querySelector('output.sr').textContent.startsWith('Row 1')")
    channel = page.locator("#dx-channel").input_value()
    page.locator('[data-bars="C_A"]').focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.locator("#dx-channel").input_value() != channel


def test_hover_shows_the_same_cell_in_every_map(visit):
    page = visit()
    canvas = page.locator('[data-id="P_M"] .map canvas')
    canvas.hover(position={"x": 2, "y": canvas.bounding_box()["height"] - 2})
    rows, columns = page.evaluate(
        "(() => { const c = document.querySelector('[data-id=P_M] .map canvas');"
        " return [c.height, c.width] })()"
    )
    assert page.locator(".probe .where").first.inner_text() == f"Row {rows}, column 1"
    left = page.locator(".map i").evaluate_all("marks => marks.map(m => m.style.left)")
    assert len(set(left)) == 1
    assert columns > 1
    value = page.locator('.probe [data-v="P_M"]').inner_text()
    assert page.locator('[data-id="P_M"] .here').inner_text() == value


def test_every_insertion_point_and_draw_can_be_shown(visit):
    page = visit()
    seen = set()
    for button in page.locator("[data-point]").all():
        button.click()
        settle(page)
        assert button.get_attribute("aria-pressed") == "true"
        seen.add(page.locator(".dims").inner_text())
    assert len(seen) == 2
    before = pixels(page, '[data-id="F_out"] .map canvas')
    last = page.locator(".draw").last
    last.click()
    settle(page)
    assert last.get_attribute("aria-pressed") == "true"
    assert pixels(page, '[data-id="F_out"] .map canvas') != before
    assert "channel" in page.locator("#dx-path option:checked").inner_text()


def test_choices_badges_and_the_way_back(visit):
    page = visit()
    badge = page.locator('.panel[data-method="dfm"] .badge')
    assert badge.is_hidden()
    page.select_option("#dx-apply", "add")
    settle(page)
    assert badge.inner_text() == "not as trained: apply = add"
    page.locator("[data-act=as-trained]").click()
    settle(page)
    assert badge.is_hidden()
    assert page.locator("#dx-apply").input_value() == "mul"


def test_reset_goes_back_to_the_papers_values(visit):
    page = visit()
    type_number(page, "alpha", "0.1")
    assert page.locator('.sl[data-k="alpha"]').get_attribute("class") == "sl moved"
    page.locator("[data-act=reset]").click()
    settle(page)
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.85)
    assert page.locator(".sl.moved").count() == 0


def test_another_family_and_more_settings(visit):
    page = visit()
    page.select_option("#dx-family", "camonly")
    settle(page)
    badge = page.locator('.panel[data-method="dfm"] .badge')
    assert badge.inner_text() == "not trained with it"
    page.locator(".foot [data-act=more]").click()
    page.fill("#dx-target", "crow")
    settle(page)
    assert page.evaluate(SETTINGS)["target"] == 2
    assert page.locator(".panel .cls").first.inner_text().startswith("crow")
    colours = pixels(page, '.panel[data-method="cam"] .fit canvas')
    page.select_option("#dx-colormap", "magma")
    assert pixels(page, '.panel[data-method="cam"] .fit canvas') != colours
    page.locator("[data-use]").first.uncheck()
    settle(page)
    assert page.locator("[data-point]").count() == 1
    assert page.locator(".draw").count() == 2


def shown(page):
    """Titles of the panels that can be seen."""
    return page.locator(".panel:visible h2").all_text_contents()


def test_further_methods_are_a_press_away(visit):
    page = visit()
    assert page.locator(".compare").is_hidden()
    page.select_option("#dx-family", "all")
    settle(page)
    assert shown(page) == ["CAM", "ADL", "DFM"]
    titles = ["CAM", "HaS", "ACoL", "ADL", "DFM", "DFM (add)", "CBAM", "ABN"]
    assert page.locator(".chip").all_text_contents() == titles
    for name in ("has", "acol", "dfm_add", "cbam", "abn"):
        page.locator(f'[data-toggle="{name}"]').click()
        settle(page)
        panel = page.locator(f'.panel[data-method="{name}"]')
        assert re.fullmatch(r"\w+, score \d\.\d{3}", panel.locator(".cls").inner_text())
        assert panel.locator(".txt").inner_text()
    assert shown(page) == titles
    assert page.locator('.panel[data-method="dfm_add"] .badge').is_hidden()
    kept = pixels(page, '.panel[data-method="dfm_add"] .fit canvas')
    slide(page, "delta", 0.6, 0.1, 3)
    assert pixels(page, '.panel[data-method="dfm_add"] .fit canvas') == kept
    for name in ("cam", "adl"):
        page.locator(f'[data-toggle="{name}"]').click()
    assert shown(page) == [t for t in titles if t not in ("CAM", "ADL")]
    page.select_option("#dx-family", "tiny")
    settle(page)
    assert shown(page) == ["CAM", "ADL", "DFM"]


def test_the_last_method_stays(visit):
    page = visit()
    page.select_option("#dx-family", "all")
    settle(page)
    for name in ("cam", "adl", "dfm"):
        page.locator(f'[data-toggle="{name}"]').click()
    assert shown(page) == ["DFM"]


def test_the_equations_follow_table_1(visit):
    page = visit()
    equation = lambda place: re.sub(  # noqa: E731
        r"\s", "", page.locator(f".{place} .eq").evaluate("e => e.textContent")
    )
    assert (equation("cme"), equation("pme")) == ("CME=δPE+CM", "PME=γCE+PM")
    page.locator(".foot [data-act=more]").click()
    assert page.locator("#dx-single").is_disabled()
    page.select_option("#dx-fusion", "normal")
    settle(page)
    assert (equation("cme"), equation("pme")) == ("CME=δCE+CM", "PME=γPE+PM")
    badge = page.locator('.panel[data-method="dfm"] .badge')
    assert badge.inner_text() == "not as trained: fusion = normal"
    page.locator("[data-act=as-trained]").click()
    settle(page)
    page.select_option("#dx-branches", "position")
    settle(page)
    assert page.locator("#dx-fusion").is_disabled()
    assert (equation("cme"), equation("pme")) == ("CME=PE", "PME=PM")
    assert page.locator(".pill.delta").is_hidden()
    page.select_option("#dx-single", "sum")
    settle(page)
    assert equation("cme") == "CME=γPE+PM"
    assert pixels(page, '[data-id="C_ME"] .map canvas') == pixels(
        page, '[data-id="P_ME"] .map canvas'
    )


def test_a_good_upload_is_analysed_and_leaves_no_file(visit, server, photo):
    page = visit()
    before = server.files()
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    settle(page)
    assert "120 × 90" in page.locator(".thumbs-note").inner_text()
    assert page.locator(".panel .iou").first.inner_text() == ""
    assert page.locator("rect.truth").count() == 0
    assert page.locator(".mine").get_attribute("aria-pressed") == "true"
    assert set(server.files()) <= set(before)


def test_a_dropped_and_a_pasted_picture(visit, photo):
    page = visit()
    data = list(photo.read_bytes())
    script = """([kind, data]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(data)], kind + '.png', { type: 'image/png' }));
      const event = kind === 'drop'
        ? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(script, [kind, data])
        page.wait_for_function(
            "k => document.querySelector('.thumbs-note').textContent.includes(k)", arg=kind
        )
        settle(page)


def test_the_webcam_takes_a_picture(visit):
    page = visit(permissions=["camera"])
    page.locator("[data-act=webcam]").click()
    page.wait_for_function("document.querySelector('.webcam video').videoWidth > 0")
    page.locator("[data-act=shoot]").click()
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('webcam')")
    settle(page)
    assert page.locator(".webcam").is_hidden()
    assert page.evaluate("document.querySelector('.webcam video').srcObject") is None


def test_a_bad_upload_says_why_and_keeps_the_picture(visit, tmp_path):
    page = visit()
    before = pixels(page, '.panel[data-method="cam"] .fit canvas')
    note = page.locator(".thumbs-note").inner_text()
    for name, content in (("notes.png", b"hello"), ("empty.png", b""), ("cut.png", b"\x89PNG\r\n")):
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#dx-file", tmp_path / name)
        page.wait_for_function(
            "n => document.querySelector('.notice:not([hidden])')?.textContent.includes(n)",
            arg=name,
        )
    assert pixels(page, '.panel[data-method="cam"] .fit canvas') == before
    assert page.locator(".thumbs-note").inner_text() == note
    page.locator("[data-act=dismiss]").click()
    assert page.locator(".notice").is_hidden()


def test_a_flat_map_is_said_to_be_flat(visit):
    page = visit()
    type_number(page, "omega", "0")
    card = page.locator('[data-id="Delta_M"]')
    assert "flat" in card.get_attribute("class")
    assert card.locator(".st").inner_text().startswith("Flat, 0.00 everywhere")


def test_a_busy_line_appears_while_an_answer_is_awaited(visit):
    page = visit()
    held = []
    page.route("**/component_server/**", lambda route: held.append(route))
    page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    page.wait_for_selector(".explore.busy")
    assert page.locator(".hair:visible").count() == 3
    held[0].continue_()
    page.unroute("**/component_server/**")
    settle(page)
    page.wait_for_selector(".explore:not(.busy)")


def test_a_family_that_is_refused_leaves_the_one_before(visit):
    page = visit()
    refused = json.dumps({"error": "The checkpoint is damaged; copy it again."})
    page.route(
        "**/component_server/**",
        lambda route: route.fulfill(body=refused, content_type="application/json"),
        times=1,
    )
    page.select_option("#dx-family", "camonly")
    settle(page)
    assert "The checkpoint is damaged" in page.locator(".notice").inner_text()
    assert page.locator("#dx-family").input_value() == "tiny"
    type_number(page, "alpha", "0.2")
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.2)


def test_a_silent_server_is_said_and_the_page_recovers(visit):
    page = visit(strict=False)
    page.route("**/component_server/**", lambda route: route.abort())
    page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    page.wait_for_selector(".notice:not([hidden])")
    assert "does not answer" in page.locator(".notice").inner_text()
    page.unroute("**/component_server/**")
    settle(page)
    assert page.locator(".notice").is_hidden()
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.84)


def test_a_forgotten_upload_is_sent_again(visit, photo):
    page = visit()
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    settle(page)
    forgotten = json.dumps({"error": "The server no longer has this picture.", "code": "expired"})
    page.route(
        "**/component_server/**",
        lambda route: route.fulfill(body=forgotten, content_type="application/json"),
        times=1,
    )
    page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    settle(page)
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.84)
    assert page.locator(".notice").is_hidden()


def test_dark_follows_the_system_and_the_switch(visit):
    page = visit(color_scheme="dark")
    app = page.locator(".explore")
    assert app.get_attribute("data-theme") == "dark"
    page.locator("[data-act=theme]").click()
    assert app.get_attribute("data-theme") == "light"
    light = page.evaluate("getComputedStyle(document.querySelector('.explore')).backgroundColor")
    assert light == "rgb(246, 246, 243)"


@pytest.mark.parametrize("width", [320, 360, 390, 768, 1024, 1200, 1400, 1920])
def test_no_horizontal_scroll(visit, width):
    page = visit(width, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 390, 800, 1199, 1200, 1400])
def test_no_horizontal_scroll_with_every_method(visit, width):
    page = visit(width, 844)
    page.select_option("#dx-family", "all")
    settle(page)
    for button in page.locator(".chip:visible, [data-m]:visible").all():
        if button.get_attribute("aria-pressed") == "false":
            button.click()
            settle(page)
    assert len(shown(page)) == (1 if width < 721 else 8)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tops = page.locator(".panel:visible .view").evaluate_all(
        "views => views.map(v => Math.round(v.getBoundingClientRect().top))"
    )
    assert len(set(tops)) == (1 if width < 721 else 3 if width < 1200 else 2)


def test_sliders_and_read_out_stay_while_the_pipeline_is_read(visit):
    for selector, width in ((".controls", 1400), (".probe", 390)):
        page = visit(width, 844)
        page.locator('[data-id="F_out"]').scroll_into_view_if_needed()
        assert page.evaluate("scrollY") > 100
        assert page.locator(selector).bounding_box()["y"] == pytest.approx(0, abs=1)


def test_phone_keeps_the_sliders_in_reach(visit):
    page = visit(390, 844, has_touch=True)
    assert page.locator(".panel:visible").count() == 1
    page.locator('[data-m="cam"]').click()
    assert page.locator(".panel:visible h2").inner_text() == "CAM"
    page.locator('[data-id="F_out"]').scroll_into_view_if_needed()
    box = page.locator('.sl[data-k="alpha"] input[type=range]').bounding_box()
    assert 844 - 260 < box["y"] < 844
    page.locator(".foot [data-act=more]").click()
    assert page.locator("#dx-target").is_visible()
    page.locator(".more-head [data-act=more]").click()
    assert page.locator("#dx-target").is_hidden()


def test_thin_and_tall_pictures_fit(visit, tmp_path):
    page = visit()
    for size in ((1, 1), (900, 20), (20, 900)):
        file = tmp_path / f"{size[0]}x{size[1]}.png"
        Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(file)
        page.set_input_files("#dx-file", file)
        page.wait_for_function(
            "n => document.querySelector('.thumbs-note').textContent.includes(n)", arg=file.stem
        )
        settle(page)
        box = page.locator('.panel[data-method="cam"] .view').bounding_box()
        assert 80 < box["height"] <= box["width"] + 1


def test_a_true_box_is_drawn_or_typed_for_an_own_picture(visit, photo):
    page = visit()
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    settle(page)
    box = page.locator('.panel[data-method="cam"] .fit').bounding_box()
    page.locator("[data-act=truth]").click()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    settle(page)
    drawn = [float(x) for x in page.locator("#dx-truth").input_value().split(",")]
    assert drawn == pytest.approx([30, 18, 90, 72], abs=1)
    assert "IoU" in page.locator(".panel .iou").first.inner_text()
    page.locator(".foot [data-act=more]").click()
    page.fill("#dx-truth", "1, 2, 3")
    page.locator("#dx-truth").blur()
    assert "no box in this picture" in page.locator(".notice").inner_text()
    page.fill("#dx-truth", "0 0 120 90; 5, 5, 20, 20")
    page.locator("#dx-truth").blur()
    settle(page)
    assert page.locator('.panel[data-method="cam"] rect.truth').count() == 2
    assert page.locator(".notice").is_hidden()


def test_a_dark_picture_of_16_bits_is_said_to_be_and_can_be_stretched(visit, tmp_path):
    path = tmp_path / "depth.png"
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(path)
    page = visit()
    page.locator("#dx-file").set_input_files(path)
    button = page.locator(".notice button", has_text="Stretch it")
    button.wait_for()
    settle(page)
    said = page.locator(".notice").inner_text()
    assert "How depth.png was read" in said
    assert "lowest 12 bits" in said
    dark = page.locator(".mine img").get_attribute("src")
    button.click()
    page.locator(".notice button", has_text="Show it as it is").wait_for()
    settle(page)
    assert "4095 of 65535" in page.locator(".notice").inner_text()
    assert page.locator(".mine img").get_attribute("src") != dark
    page.locator("[data-example]").first.click()
    page.wait_for_selector(".notice", state="hidden")
