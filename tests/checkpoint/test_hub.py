"""Fetching from the Hub, against a server on this machine that answers as the Hub does."""

import functools
import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import numpy as np
import pytest

import dfm_viz
from dfm_viz.__main__ import main
from dfm_viz.checkpoint import hub
from dfm_viz.checkpoint.card import read_card
from dfm_viz.types import UserError
from dfm_viz.ui.handlers import Explore

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Repositories as folders, one commit each, behind the few addresses that a download needs."""

    def __init__(self, root):
        self.root, self.asked, self.trouble = root, [], {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                fake.answer(self, body=True)

            def do_HEAD(self):
                fake.answer(self, body=False)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, request, body):
        path = request.path.partition("?")[0]
        self.asked.append(path)
        status, headers, data = self._find(path)
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            request.wfile.write(data)

    def _find(self, path):
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        if name in self.trouble:
            status, code = self.trouble[name]
            return status, {"X-Error-Code": code} if code else {}, b"{}"
        if not (self.root / name).is_dir():
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if (parts[5] if api else parts[3]) != COMMIT:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        files = {
            p.relative_to(self.root / name).as_posix(): p.read_bytes()
            for p in sorted((self.root / name).rglob("*"))
            if p.is_file()
        }
        if api and parts[4] == "tree":
            found = [
                {"type": "file", "path": k, "size": len(v), "oid": hashlib.sha1(v).hexdigest()}
                for k, v in files.items()
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        if api:
            info = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": k} for k in files]}
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        data = files["/".join(parts[4:])]
        etag = hashlib.sha1(data).hexdigest()
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, data


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """An empty fake Hub, and a cache of its own for what is fetched."""
    server = FakeHub(tmp_path / "hub")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    real = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        functools.partial(real, endpoint=server.url, cache_dir=tmp_path / "hf", token=False),
    )
    yield server
    server.close()


@pytest.fixture
def family(fake, families_root):
    shutil.copytree(families_root / "tiny", fake.root / "me" / "tiny")
    return f"hf:me/tiny@{COMMIT}"


def left(tmp_path):
    return list((tmp_path / "cache").rglob("*.safetensors")) + list(tmp_path.glob("cache/*/*/.*"))


def test_a_family_is_the_same_as_from_the_folder(family, fake, families_root, picture):
    for name in ("cam/notes.txt", "pickle.pt", "a/b/card.json", ".git/card.json"):
        (fake.root / "me" / "tiny" / name).parent.mkdir(parents=True, exist_ok=True)
        (fake.root / "me" / "tiny" / name).write_text("not ours")
    fetched = dfm_viz.load_family(family, device="cpu")
    here = dfm_viz.load_family("tiny", root=families_root, device="cpu")
    assert fetched.info.methods == here.info.methods
    maps = [
        f.inspect(f.open(picture), dfm_viz.Settings()).methods["dfm"].map for f in (fetched, here)
    ]
    assert np.array_equal(*maps)
    assert not [path for path in fake.asked if path.endswith((".txt", ".pt"))]
    folder = fetched.checkpoints.folder
    assert sorted(p.name for p in folder.iterdir()) == ["adl", "cam", "dfm"]
    count = len(fake.asked)
    assert dfm_viz.load_family(family, device="cpu").info == fetched.info
    assert len(fake.asked) == count  # the second time needs no network


def test_a_lone_checkpoint_is_a_family_of_one(fake, families_root, tmp_path, capsys):
    shutil.copytree(families_root / "tiny" / "dfm", fake.root / "me" / "one")
    out = tmp_path / "mine"
    assert main(["fetch", f"hf:me/one@{COMMIT}", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["dfm"]
    assert dfm_viz.load_family(out, device="cpu").info.trained == ("dfm",)
    assert main(["fetch", f"hf:me/one@{COMMIT}", "--out", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_checkpoint_of_an_earlier_schema_is_brought_up_to_date(family, fake):
    card = fake.root / "me" / "tiny" / "cam" / "card.json"
    values = json.loads(card.read_text())
    for name in ("run", "known_failures", "intended_use", "licence"):
        del values[name]
    card.write_text(json.dumps({**values, "schema_version": 1}))
    assert read_card(hub.fetch(family) / "cam").schema_version == 2


def test_damaged_weights_are_not_kept(family, fake, tmp_path):
    weights = fake.root / "me" / "tiny" / "dfm" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"hf:me/tiny@0123.*SHA-256"):
        hub.fetch(family)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hf:me/tiny", ["full commit", "branches and tags move", "History"]),
        ("hf:me/tiny@main", ["full commit"]),
        (f"hf:me/tiny@{COMMIT[:12]}", ["40 hexadecimal"]),
        (f"hf:me/tiny@{COMMIT.upper()}", ["full commit"]),
        (f"hf:tiny@{COMMIT}", ["hf:OWNER/NAME@COMMIT"]),
        (f"hf:../../etc@{COMMIT}", ["hf:OWNER/NAME@COMMIT"]),
        (f"hf:me/tiny/cam@{COMMIT}", ["hf:OWNER/NAME@COMMIT"]),
        (f"me/tiny@{COMMIT}", ["hf:OWNER/NAME@COMMIT"]),
    ],
)
def test_a_reference_that_is_not_pinned_is_refused_before_any_request(fake, capsys, text, words):
    assert main(["fetch", text]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert said.count("\n") == 1
    assert fake.asked == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "RepoNotFound", ["no public repository me/tiny"]),
        (404, "RevisionNotFound", ["no commit", "History"]),
        (403, "GatedRepo", ["gated", "hf auth login"]),
        (400, "", ["Hub", "try again"]),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(family, fake, tmp_path, capsys, status, code, words):
    fake.trouble["me/tiny"] = (status, code)
    assert main(["fetch", family]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert said.count("\n") == 1
    assert left(tmp_path) == []


def test_another_commit_and_an_empty_repository(family, fake):
    with pytest.raises(UserError, match=r"me/tiny has no commit f{40}"):
        hub.fetch(f"hf:me/tiny@{'f' * 40}")
    (fake.root / "me" / "empty").mkdir()
    (fake.root / "me" / "empty" / "README.md").write_text("nothing")
    with pytest.raises(UserError, match=r"neither a card\.json nor folders"):
        hub.fetch(f"hf:me/empty@{COMMIT}")


def test_without_a_network(family, fake, tmp_path, capsys, monkeypatch):
    fake.close()
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the library's attempts
    assert main(["fetch", family]) == 2
    said = capsys.readouterr().err
    assert "cannot be reached" in said
    assert said.count("\n") == 1
    assert left(tmp_path) == []


def test_a_full_disk_is_not_the_networks_fault(family, monkeypatch):
    def full(**wanted):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(UserError, match=r"No space left.*free some space"):
        hub.fetch(family)


def test_visitors_cannot_make_the_app_fetch_or_read_elsewhere(families_root, tmp_path, monkeypatch):
    shutil.copytree(families_root / "tiny", tmp_path / "outside" / "tiny")
    shutil.copytree(families_root / "tiny", tmp_path / "shown" / "tiny")

    def reached(*args, **kwargs):
        raise AssertionError("a visitor reached the network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", reached)
    monkeypatch.setattr(hub, "fetch", reached)
    monkeypatch.setattr("dfm_viz.inspection.lookup.fetch", reached)
    explore = Explore(families=tmp_path / "shown", device="cpu")
    token = explore.open({"example": next(iter(explore.examples))})["picture"]
    for name in (
        f"hf:me/tiny@{COMMIT}",
        "../outside/tiny",
        str(tmp_path / "outside" / "tiny"),
        "tiny/../tiny",
        "./tiny",
        "",
    ):
        answer = explore.inspect({"family": name, "picture": token, "settings": {}})
        assert answer["error"].startswith("There is no family"), answer
        with pytest.raises(UserError, match="There is no family"):
            explore.family(name)  # what the /inspect endpoint calls
