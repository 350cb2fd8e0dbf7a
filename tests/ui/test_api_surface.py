"""The API as a contract: its surface is a file, its documentation runs, its zips are private."""

import io
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import gradio_client
import numpy as np
import pytest

from dfm_viz.__main__ import main
from dfm_viz.inspection import Settings
from dfm_viz.types import UserError
from dfm_viz.ui import api, options, page

ROOT = Path(__file__).parents[2]
SURFACE = Path(__file__).with_name("api_surface.json")
DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    return gradio_client.Client(server.url, verbose=False, download_files=str(folder))


def surface(client) -> dict:
    """What callers rely on: names, order, types and defaults of everything they send and get."""
    found = client.view_api(return_format="dict", print_info=False)
    assert found["unnamed_endpoints"] == {}
    return {
        name: {
            "description": endpoint["description"],
            "parameters": [
                {
                    "name": p["parameter_name"],
                    "component": p["component"],
                    "type": p["python_type"]["type"],
                    "default": p["parameter_default"] if p["parameter_has_default"] else "none",
                }
                for p in endpoint["parameters"]
            ],
            "returns": [
                {"component": r["component"], "type": r["python_type"]["type"]}
                for r in endpoint["returns"]
            ],
        }
        for name, endpoint in found["named_endpoints"].items()
    }


def test_the_surface_is_that_of_the_file(client, tmp_path):
    found = surface(client)
    now = tmp_path / "api_surface.json"
    now.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    expected = json.loads(SURFACE.read_text(encoding="utf-8"))
    assert found == expected, f"if the change is meant, copy {now} to {SURFACE}"


def test_optional_are_settings_and_truths_alone(client):
    for name, endpoint in surface(client).items():
        for parameter in endpoint["parameters"]:
            optional = parameter["name"] in ("settings", "truths")
            assert (parameter["default"] != "none") == optional, (name, parameter)


def test_the_documentation_names_everything(client):
    for name, endpoint in surface(client).items():
        row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{name}` |"))
        takes = row.split("|")[2].strip()
        names = [parameter["name"] for parameter in endpoint["parameters"]]
        assert takes == (", ".join(names) or "nothing")
    for key in Settings.__dataclass_fields__:
        assert re.search(rf"[` ]{key}[` ]", DOCS), key


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCS, re.DOTALL).group(1)


@pytest.fixture
def beside_lion(photo, tmp_path):
    """A folder with the picture that the examples name; true boxes fit it."""
    shutil.copy(photo, tmp_path / "lion.jpg")
    return tmp_path


def here(text: str, server) -> str:
    return text.replace("http://127.0.0.1:7860", server.url.rstrip("/")).replace(
        "[2, 2, 201, 254]", "[2, 2, 101, 80]"
    )


def test_the_python_example_runs(server, beside_lion):
    script = here(block("python"), server).replace("names[0]", '"tiny"')
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=beside_lion, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[-4:-1]] == ["cam", "adl", "dfm"]
    assert lines[-1].startswith("7 [0.8, 0.9] ")
    path = Path(lines[-1].split(" ", 3)[3])
    assert path.name == "lion_tiny.zip"


def test_the_curl_example_runs(server, beside_lion, families_root):
    script = here(block("bash"), server).replace('\\"\\"', '\\"tiny\\"', 1)
    script = script.replace('$IMAGE, \\"\\"', '$IMAGE, \\"tiny\\"')
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=beside_lion, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    families, inspected = (json.loads(line)[0] for line in done.stdout.splitlines())
    assert {family["name"] for family in families} >= {"tiny"}
    assert inspected["family"] == "tiny"
    assert inspected["settings"]["beta"] == 0.9
    assert inspected["methods"]["dfm"]["iou"] is not None
    with zipfile.ZipFile(beside_lion / "bundle.zip") as archive:
        assert archive.testzip() is None
    where = ("--families", str(families_root), "--device", "cpu")
    assert main(["replay", str(beside_lion / "bundle.zip"), *where]) == 0


def test_export_gives_the_bundle_of_the_engine(client, photo, tiny_family):
    settings, truths = {"beta": 0.5, "mode": "position"}, [[10, 10, 100, 80]]
    path = client.predict(
        gradio_client.handle_file(photo),
        "tiny",
        json.dumps(settings),
        json.dumps(truths),
        api_name="/export",
    )
    assert Path(path).name == "photo_tiny.zip"
    expected = tiny_family.inspect(tiny_family.open(photo), settings, truths)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        with np.load(io.BytesIO(archive.read("maps.npz"))) as maps:
            own = expected.methods["dfm"].map
            np.testing.assert_allclose(maps["methods/dfm/map"], own, rtol=1e-4, atol=1e-4)
    assert manifest["settings"] == expected.settings.to_json()
    assert manifest["truths"] == truths
    assert manifest["picture"]["title"] == "photo.png"


@pytest.mark.parametrize(
    ("family", "settings", "truths", "words"),
    [
        ("walrus", "{}", "", "no family 'walrus'"),
        ("tiny", '{"beta": 2}', "", "beta must be from 0 to 1"),
        ("tiny", "{}", "[[5, 5, 500, 50]]", "beyond the picture"),
        ("tiny", "{}", "nonsense", "must be JSON"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_zip(
    client, server, photo, family, settings, truths, words
):
    before = {p for p in server.files() if p.suffix == ".zip"}
    with pytest.raises(gradio_client.exceptions.AppError, match=words):
        client.predict(
            gradio_client.handle_file(photo), family, settings, truths, api_name="/export"
        )
    assert {p for p in server.files() if p.suffix == ".zip"} == before


def test_a_zip_lies_where_nobody_can_guess_and_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(api, "KEPT_SECONDS", 0.05)
    first, second = api._lend(b"zip", "a.zip"), api._lend(b"zip", "a.zip")
    assert first.parent != second.parent  # the same content, yet another folder
    assert len(first.parent.name) >= 32
    deadline = time.monotonic() + 20
    while first.parent.exists() or second.parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_files_of_the_server_cannot_be_fetched(server):
    for path in ("/etc/hostname", str(ROOT / "app.py"), str(server.temp)):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server.url}gradio_api/file={path}", timeout=20)
        refused.value.close()
        assert refused.value.code in (403, 404)


# --- MCP ----------------------------------------------------------------------------------------


def test_mcp_is_off_unless_asked_for(monkeypatch):
    monkeypatch.delenv("DFM_VIZ_MCP", raising=False)
    assert options.parse([]).mcp is False
    assert options.parse(["--mcp"]).mcp is True
    for text, on in (("1", True), ("true", True), ("0", False), ("", False), ("no", False)):
        monkeypatch.setenv("DFM_VIZ_MCP", text)
        assert options.parse([]).mcp is on
    monkeypatch.setenv("DFM_VIZ_MCP", "1")
    assert options.parse(["--no-mcp"]).mcp is False
    assert page.launch_options("h", 1)["mcp_server"] is False


def test_mcp_without_its_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'gradio\[mcp\]'"):
        page.launch_options("h", 1, mcp=True)
    monkeypatch.setattr(page, "find_spec", lambda name: object())
    assert page.launch_options("h", 1, mcp=True)["mcp_server"] is True


def test_the_served_page_offers_no_mcp(server):
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{server.url}gradio_api/mcp/schema", timeout=20)
    refused.value.close()
