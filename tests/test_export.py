"""Bundles: what is in them, that figures show what they say, and that names and numbers agree."""

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dfm_viz.__main__ import main
from dfm_viz.export import bundle_files, zip_bytes
from dfm_viz.export.arrays import arrays_of, pack, unpack
from dfm_viz.export.bundle import file_stem
from dfm_viz.render import figures
from dfm_viz.render.pipeline_figure import pipeline
from dfm_viz.render.print_style import PREDICTED, TRUE, Sheet, encoded
from dfm_viz.types import UserError

TRUTHS = [[20, 10, 80, 70]]
SETTINGS = {"beta": 0.8, "path": "channel", "colormap": "viridis"}


@pytest.fixture(scope="module")
def asked(tiny_family, picture):
    """A picture opened with the tiny family, and an answer about it."""
    opened = tiny_family.open(picture)
    return opened, tiny_family.inspect(opened, SETTINGS, TRUTHS)


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def files(tiny_family, asked, steps):
    def step(*told):
        steps.append(told)

    return bundle_files(tiny_family, *asked, TRUTHS, title="my disc.jpg", step=step)


def test_the_files_of_a_bundle(files, tiny_family):
    figures = ["comparison", "attention", *(f"pipeline_{p}" for p in tiny_family.info.points)]
    drawn = {f"figures/{name}.{kind}" for name in figures for kind in ("png", "svg", "pdf")}
    rest = {"maps.npz", "picture.png", "panel.png", "result.json", "numbers.csv", "maps.csv"}
    assert set(files) == drawn | rest | {"reproduce.py", "README.md", "manifest.json"}


def test_progress_names_every_slow_step(files, steps, tiny_family):
    count = 4 + len(tiny_family.info.points)
    assert [(done, total) for _, done, total in steps] == [(n, count) for n in range(count + 1)]
    assert [what for what, _, _ in steps][:3] == ["raw maps", "picture", "figure: comparison"]


def test_the_manifest_says_what_a_replay_needs(files, asked, tiny_family):
    manifest = json.loads(files["manifest.json"])
    assert manifest["schema_version"] == 1
    assert manifest["settings"] == asked[1].settings.to_json()
    assert manifest["settings"]["points"] == list(tiny_family.info.points)
    assert manifest["truths"] == TRUTHS
    assert manifest["family"]["name"] == "tiny"
    cards = tiny_family.checkpoints.cards
    found = {n: entry["sha256"] for n, entry in manifest["family"]["checkpoints"].items()}
    assert found == {name: card.sha256 for name, card in cards.items()}
    assert manifest["picture"]["title"] == "my disc.jpg"
    assert {"python", "torch", "numpy", "opencv-python-headless", "dfm_viz", "commit"} <= set(
        manifest["software"]
    )
    assert manifest["machine"]["device"] == "cpu"
    for name, entry in manifest["files"].items():
        assert entry == {
            "bytes": len(files[name]),
            "sha256": sha256(files[name]).hexdigest(),
        }
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    # Nothing of the machine's folders: a visitor's bundle comes from somebody else's server.
    assert str(tiny_family.checkpoints.folder.parent) not in files["manifest.json"].decode()


def test_every_array_of_the_inspection_is_there_as_it_is(files, asked):
    _, result = asked
    with np.load(io.BytesIO(files["maps.npz"])) as maps:
        found = {name: maps[name] for name in maps.files}
    expected = {"dfm_off/map": result.dfm_off.map, "dfm_off/grid": result.dfm_off.grid}
    for name, method in result.methods.items():
        expected |= {f"methods/{name}/map": method.map, f"methods/{name}/grid": method.grid}
    for number, path in enumerate(result.dfm_paths):
        expected[f"dfm_paths/{number}/map"] = path.map
    symbols = ["C_A", "C_E", "C_M", "P_A", "P_E", "P_M_prime", "Delta_M", "P_M"]
    symbols += ["F_in", "C_ME", "P_ME", "F_out"]
    for name, point in result.points.items():
        expected |= {f"points/{name}/{symbol}": getattr(point, symbol) for symbol in symbols}
    for name, point in result.adl_points.items():
        for symbol in ("attention", "importance", "drop_mask"):
            expected[f"adl_points/{name}/{symbol}"] = getattr(point, symbol)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
        assert found[name].dtype == array.dtype


def test_the_picture_and_the_numbers_are_those_of_the_inspection(files, asked, picture):
    _, result = asked
    with Image.open(io.BytesIO(files["picture.png"])) as stored:
        assert np.array_equal(np.array(stored), picture)
    assert json.loads(files["result.json"]) == json.loads(json.dumps(result.to_json()))
    rows = list(csv.DictReader(io.StringIO(files["numbers.csv"].decode())))
    assert [row["answer"] for row in rows] == ["cam", "adl", "dfm", "dfm_off", *["dfm_path"] * 4]
    dfm = result.methods["dfm"]
    assert rows[2]["label"] == dfm.label
    assert [float(rows[2][k]) for k in ("x0", "y0", "x1", "y1")] == list(dfm.box)
    assert float(rows[2]["score"]) == dfm.score
    assert float(rows[2]["iou"]) == dfm.iou
    assert sum(float(row["probability"]) for row in rows[4:]) == pytest.approx(1)
    maps = list(csv.DictReader(io.StringIO(files["maps.csv"].decode())))
    point = list(result.points)[1]
    row = next(r for r in maps if (r["point"], r["map"]) == (point, "P_A"))
    assert float(row["max"]) == pytest.approx(float(result.points[point].P_A.max()))


def shades(png: bytes, colour: str):
    """Where a figure shows a colour: boolean, (rows, columns)."""
    rgb = np.array(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(rgb - wanted).max(axis=2) < 12


def test_boxes_are_drawn_where_they_are(asked):
    """A sheet of 2 x 1 inches with a picture of 100 x 50 pixels: a pixel is 1/50 inch, 4 dots."""

    def draw(kind):
        sheet = Sheet(2, 1)
        frame = sheet.picture(0, 0, np.zeros((50, 100, 3), np.uint8), (100, 50), 2)
        sheet.outline(frame, (20, 10, 80, 40), kind)
        return sheet.figure

    solid = shades(encoded(lambda: draw("predicted"), ["png"])["png"], PREDICTED)
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    assert abs(rows[0] - 40) <= 2
    assert abs(rows[-1] - 160) <= 2
    assert abs(columns[0] - 80) <= 2
    assert abs(columns[-1] - 320) <= 2
    assert solid[40, 90:310].all()  # without gaps
    dashed = shades(encoded(lambda: draw("true"), ["png"])["png"], TRUE)
    side = dashed[40, 90:310]
    assert 0.4 < side.mean() < 0.8
    assert (np.diff(side.astype(int)) == 1).sum() >= 5  # many dashes, told apart without colour


def test_the_comparison_has_a_tile_per_method_and_both_kinds_of_boxes(asked, files):
    _, result = asked
    png = files["figures/comparison.png"]
    green = shades(png, PREDICTED).astype(np.uint8)
    assert shades(png, TRUE).any()
    _, _, stats, _ = cv2.connectedComponentsWithStats(green)
    frames = [s for s in stats[1:] if s[cv2.CC_STAT_WIDTH] > 20 and s[cv2.CC_STAT_HEIGHT] > 15]
    assert len(frames) == len(result.methods) + 1  # and the legend's
    plain = encoded(lambda: figures.comparison(np.zeros((9, 12, 3), np.uint8), result, []), ["png"])
    assert not shades(plain["png"], TRUE).any()


@pytest.mark.parametrize("name", ["comparison", "attention", "pipeline_block4_1"])
def test_every_format_is_what_it_says(files, name):
    svg = files[f"figures/{name}.svg"]
    assert svg.startswith(b"<?xml")
    assert b"http://www.w3.org/2000/svg" in svg
    pdf = files[f"figures/{name}.pdf"]
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf  # text is text, its font is inside
    assert b"/Type3" not in pdf
    with Image.open(io.BytesIO(files[f"figures/{name}.png"])) as png:
        assert png.width > 1000


def texts(draw):
    """The words of a figure."""
    found = []

    def kept():
        figure = draw()
        found.extend(t.get_text() for t in figure.axes[0].texts)
        return figure

    encoded(kept, ["svg"])
    return found


def test_attention_says_how_far_the_peak_moved(tiny_family, asked, picture):
    _, result = asked
    words = texts(lambda: figures.attention(picture, result, TRUTHS))
    cam, dfm = result.methods["cam"].peak, result.methods["dfm"].peak
    far = np.hypot(cam[0] - dfm[0], cam[1] - dfm[1])
    if cam == dfm:
        assert words.count("★ peak where CAM's is") >= 1
    else:
        assert f"★ peak {far:.0f} px from CAM's ○" in words
        assert f"{100 * far / 150:.0f} % of the diagonal" in words  # 120 x 90
    inside = [m.peak_inside for m in result.methods.values()]
    told = [w for w in words if w.endswith(("true box", "the true box"))]
    assert sum("inside" in w for w in told) == sum(inside)


def test_the_pipeline_names_every_map_and_the_settings(asked, picture, tiny_family):
    _, result = asked
    point = tiny_family.info.points[0]
    words = texts(lambda: pipeline(picture, result, point, TRUTHS))
    assert words[0].startswith(f"DFM after {point}: ")
    for letter, index in [("P′", "M"), ("Δ", "M"), ("C", "ME"), ("F", "out")]:
        at = [i for i, w in enumerate(words) if w == letter]
        assert index in [words[i + 1] for i in at]
    assert "β = 0.8" in words
    values = result.points[point].P_A
    assert any(f"max {values.max():.2f}".removesuffix(".00") in w for w in words)


def test_names_with_dollars_and_far_away_letters_are_drawn_as_they_are(tiny_family, picture):
    import dataclasses

    result = tiny_family.inspect(tiny_family.open(picture), {}, [])
    methods = {
        name: dataclasses.replace(m, label=r"$\frac{1} & <b> _x^") for name, m in
        result.methods.items()
    }  # fmt: skip
    odd = dataclasses.replace(result, methods=methods)
    words = texts(lambda: figures.comparison(picture, odd, []))
    assert any(r"$\frac{1}" in w for w in words)
    texts(lambda: pipeline(picture, odd, tiny_family.info.points[0], []))


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (3, 2)])
def test_thin_and_tiny_pictures_have_figures(tiny_family, size):
    rgb = np.full((size[1], size[0], 3), 90, np.uint8)
    result = tiny_family.inspect(tiny_family.open(rgb), {"mode": "off"}, [])
    for draw in (figures.comparison, figures.attention):
        assert encoded(lambda draw=draw: draw(rgb, result, []), ["png"])["png"]
    words = texts(lambda: pipeline(rgb, result, tiny_family.info.points[0], []))
    assert "module off" in words[0]


def test_arrays_survive_packing_and_nothing_else_is_read(asked):
    arrays = arrays_of(asked[1])
    back = unpack(pack(arrays), "maps.npz")
    assert back.keys() == arrays.keys()
    assert all(np.array_equal(back[name], array) for name, array in arrays.items())
    assert pack(arrays) == pack(arrays)  # no dates


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def npy(array, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def huge_claim() -> bytes:
    """A header that claims 4 TB, with four bytes behind it."""
    honest = npy(np.zeros(1, np.float32))
    text = honest.replace(b"(1,)", b"(1099511627776,)".ljust(4))
    length = int.from_bytes(honest[8:10], "little") + len(text) - len(honest)
    return text[:8] + length.to_bytes(2, "little") + text[10:]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zip",
        npz(a=npy(np.array([{}], object), allow_pickle=True)),
        npz(a=npy(np.zeros(3, np.float64))),
        npz(a=npy(np.asfortranarray(np.zeros((2, 3), np.float32)))),
        npz(a=npy(np.zeros(3, np.float32))[:-1]),
        npz(a=huge_claim()),
        npz(a=b"nonsense"),
        pack({"a": np.zeros(5000, np.float32)})[:-60],
    ],
)
def test_damaged_or_foreign_arrays_are_one_sentence(data):
    with pytest.raises(UserError, match=r"maps\.npz"):
        unpack(data, "maps.npz")


def test_an_array_that_swells_is_not_read(monkeypatch):
    monkeypatch.setattr("dfm_viz.export.arrays.MAX_ARRAY_BYTES", 1000)
    with pytest.raises(UserError, match="too large"):
        unpack(npz(a=npy(np.zeros(5000, np.float32))), "maps.npz")
    monkeypatch.setattr("dfm_viz.export.arrays.MAX_ARRAYS_BYTES", 1000)
    with pytest.raises(UserError, match="more than"):
        unpack(npz(a=npy(np.zeros(5000, np.float32))), "maps.npz")


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Lion and lioness", "Lion-and-lioness_f"),
        ("IMG 1234.jpeg", "IMG-1234_f"),
        ("../../etc/passwd", "etc-passwd_f"),
        ("Größe.png", "Größe_f"),
        ("", "picture_f"),
        ("...", "picture_f"),
        ('a"b\r\n<c>', "a-b-c_f"),
        ("x" * 500, "x" * 60 + "_f"),
    ],
)
def test_file_names_are_taken_by_every_system(title, stem):
    assert file_stem(title, "f") == stem


@pytest.fixture
def command(families_root, picture, tmp_path, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.png")

    def call(out: Path):
        photo = str(tmp_path / "photo.png")
        where = ("--family", "tiny", "--families", str(families_root), "--device", "cpu")
        more = ("--settings", json.dumps(SETTINGS), "--truths", json.dumps(TRUTHS))
        return main(["inspect", photo, *where, *more, "--out", str(out)]), capsys.readouterr()

    return call


def test_the_command_writes_the_same_as_a_folder_and_as_a_zip(command, files, tmp_path):
    """Beside the picture's title and the time, it is what `bundle_files` returns."""
    assert command(tmp_path / "folder")[0] == 0
    assert command(tmp_path / "file.zip")[0] == 0
    folder = {
        str(p.relative_to(tmp_path / "folder")): p.read_bytes()
        for p in (tmp_path / "folder").rglob("*")
        if p.is_file()
    }
    with zipfile.ZipFile(tmp_path / "file.zip") as archive:
        assert archive.testzip() is None
        zipped = {name: archive.read(name) for name in archive.namelist()}
    assert set(folder) == set(zipped) == set(files)
    for name in ("maps.npz", "picture.png", "result.json", "numbers.csv", "reproduce.py"):
        assert folder[name] == zipped[name] == files[name], name
    assert json.loads(folder["manifest.json"])["picture"]["title"] == "photo.png"
    code, said = command(tmp_path / "file.zip")
    assert code == 2
    assert "exists already" in said.err


def test_a_zip_has_only_plain_names(files):
    with zipfile.ZipFile(io.BytesIO(zip_bytes(files))) as archive:
        for name in archive.namelist():
            assert re.fullmatch(r"(figures/)?[\w.-]+", name)


def test_reproduce_is_ten_lines_and_runs(command, families_root, tmp_path, asked):
    command(tmp_path / "bundle")
    script = tmp_path / "bundle" / "reproduce.py"
    assert len(script.read_text().splitlines()) == 10
    done = subprocess.run(
        [sys.executable, script, families_root], capture_output=True, text=True, check=True
    )
    for name, line in zip(asked[1].methods, done.stdout.splitlines(), strict=True):
        method = asked[1].methods[name]
        assert line.startswith(f"{name} {method.label} {method.score:.4f} [")
