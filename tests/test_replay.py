"""Replaying bundles: what is promised and kept, and what is refused, from folders and zips."""

import json
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from dfm_viz.__main__ import main
from dfm_viz.export import bundle_files, read_bundle, replay, write_bundle
from dfm_viz.export import manifest as manifests
from dfm_viz.export import reader as readers
from dfm_viz.export.arrays import pack, unpack
from dfm_viz.inspection import load_family
from dfm_viz.types import UserError

TRUTHS = [[20, 10, 80, 70]]
SETTINGS = {"beta": 0.8, "mode": "sampled", "seed": 3, "target": 1}


@pytest.fixture(scope="module")
def files(tiny_family, picture):
    return bundle_of(tiny_family, picture)


def bundle_of(family, picture):
    """A bundle without its figures, which no replay looks at."""
    patch = pytest.MonkeyPatch()
    try:
        patch.setattr("dfm_viz.render.print_style.FORMATS", ())
        patch.setattr("dfm_viz.render.print_style.encoded", lambda draw: {})
        opened = family.open(picture)
        result = family.inspect(opened, SETTINGS, TRUTHS)
        return bundle_files(family, opened, result, TRUTHS, title="disc")
    finally:
        patch.undo()


@pytest.fixture
def folder(files, tmp_path) -> Path:
    write_bundle(files, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def run(families_root, capsys):
    def call(path, *extra, families=families_root):
        where = ("--families", str(families), "--device", "cpu")
        code = main(["replay", str(path), *where, *extra])
        return code, capsys.readouterr()

    return call


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def rewrite(folder: Path, **changed) -> None:
    """Change entries of a manifest."""
    text = json.dumps(manifest_of(folder) | changed)
    (folder / "manifest.json").write_text(text)


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Change a file together with what the manifest says about it."""
    (folder / name).write_bytes(data)
    entry = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    rewrite(folder, files=manifest_of(folder)["files"] | {name: entry})


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_on_the_same_machine_every_map_is_bit_equal(run, files, tmp_path, kind):
    path = tmp_path / ("b" if kind == "folder" else "b.zip")
    write_bundle(files, path)
    code, said = run(path)
    assert code == 0, said.err
    count = len(unpack(files["maps.npz"], "maps.npz"))
    lines = said.out.splitlines()
    assert lines[0] == f"{path.name}: its {len(files) - 1} files are unchanged."
    assert lines[1].startswith("Promised: the same bits")
    assert lines[2] == f"Kept: all {count} maps are bit-equal."
    assert len(lines) == 3


def test_it_is_a_computation_and_no_comparison_of_files(run, folder):
    """One flipped bit in one map, with a manifest that agrees: the promise is broken."""
    maps = unpack((folder / "maps.npz").read_bytes(), "maps.npz")
    wrong = maps["methods/dfm/map"].copy()
    wrong.view(np.uint32)[0, 0] ^= 1
    replace_file(folder, "maps.npz", pack(maps | {"methods/dfm/map": wrong}))
    code, said = run(folder)
    assert code == 1
    assert f"Not kept: {len(maps) - 1} of {len(maps)} maps are bit-equal" in said.out
    line = next(line for line in said.out.splitlines() if "methods/dfm/map" in line)
    assert float(line.split()[1]) < 1e-6


def test_a_wrong_number_in_the_answers_is_named(run, folder):
    result = json.loads((folder / "result.json").read_text())
    result["methods"]["cam"]["label"] = "walrus"
    replace_file(folder, "result.json", json.dumps(result).encode())
    code, said = run(folder)
    assert code == 1
    assert "cam, label: walrus then" in said.out


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("software", {"torch": "1.0"}, "torch: 1.0 then"),
        ("machine", {"processor": "abacus"}, "processor: abacus then"),
        ("threads", 4096, "threads: 4096 then"),
    ],
)
def test_elsewhere_small_differences_are_allowed_and_listed(run, folder, key, value, words):
    """A map 5e-5 of its maximum away is fine where bits are not promised; 5e-4 is not."""
    old = manifest_of(folder)[key]
    rewrite(folder, **{key: old | value if isinstance(value, dict) else value})
    code, said = run(folder)
    assert code == 0
    assert "Promised: every map within 0.0001" in said.out
    assert words in said.out
    assert "Kept: all" in said.out
    maps = unpack((folder / "maps.npz").read_bytes(), "maps.npz")
    size = max(1, np.abs(maps["methods/cam/map"]).max())
    for off, kept in ((5e-5, True), (5e-4, False)):
        moved = maps["methods/cam/map"] + np.float32(off * size)
        replace_file(folder, "maps.npz", pack(maps | {"methods/cam/map": moved}))
        code, said = run(folder)
        line = next(x for x in said.out.splitlines() if "methods/cam/map" in x)
        assert float(line.split()[1].rstrip(",")) == pytest.approx(off, rel=0.1)
        assert ("too much" in line) != kept
        assert code == (0 if kept else 1)


def test_a_grey_level_may_move_with_its_map_but_not_by_two(run, folder):
    rewrite(folder, threads=4096)
    maps = unpack((folder / "maps.npz").read_bytes(), "maps.npz")
    for step, code in ((1, 0), (2, 1)):
        grid = maps["methods/cam/grid"].copy()
        row, column = np.argwhere(grid > 100)[0]
        grid[row, column] -= step
        replace_file(folder, "maps.npz", pack(maps | {"methods/cam/grid": grid}))
        assert run(folder)[0] == code


@pytest.mark.parametrize("change", ["missing", "shape", "type"])
def test_a_map_that_is_something_else_breaks_the_promise(run, folder, change):
    rewrite(folder, threads=4096)
    maps = unpack((folder / "maps.npz").read_bytes(), "maps.npz")
    cam = maps["methods/cam/map"]
    other = {
        "missing": {"methods/walrus/map": cam},
        "shape": {"methods/cam/map": cam[:-1]},
        "type": {"methods/cam/map": cam.astype(np.uint8)},
    }
    replace_file(folder, "maps.npz", pack(maps | other[change]))
    code, said = run(folder)
    assert code == 1
    assert "inf, too much" in said.out


def test_another_number_of_threads_keeps_the_looser_promise(folder, tiny_family):
    bundle = read_bundle(folder)
    torch.set_num_threads(bundle.manifest["threads"] + 1)
    outcome = replay(bundle, tiny_family)
    assert outcome.changed
    assert outcome.kept


def test_the_number_of_threads_is_made_as_it_was(run, folder, monkeypatch):
    rewrite(folder, threads=1)
    torch.set_num_threads(2)
    _, said = run(folder)
    assert "threads:" not in said.out


def test_a_large_picture_is_replayed_from_its_working_copy(tiny_family, tmp_path, monkeypatch):
    """Boxes refer to the original, which is not in the bundle."""
    monkeypatch.setattr("dfm_viz.render.print_style.encoded", lambda draw: {})
    rgb = np.random.default_rng(0).integers(0, 255, (1200, 3000, 3), np.uint8)
    opened = tiny_family.open(rgb)
    assert opened.picture.rgb.shape == (819, 2048, 3)
    truths = [[2500.0, 100.0, 2990.0, 1100.0]]
    result = tiny_family.inspect(opened, {}, truths)
    files = bundle_files(tiny_family, opened, result, truths, title="large")
    write_bundle(files, tmp_path / "b.zip")
    bundle = read_bundle(tmp_path / "b.zip")
    assert (bundle.picture.width, bundle.picture.height) == (3000, 1200)
    assert bundle.picture.digest == opened.picture.digest
    outcome = replay(bundle, tiny_family)
    assert outcome.kept
    assert not outcome.answers
    assert not outcome.changed


# --- refused ------------------------------------------------------------------------------------


def refused(run, path, *words, **options):
    """Ends with 2 and one sentence that has the words."""
    code, said = run(path, **options)
    assert code == 2
    assert said.err.count("\n") == 1, said.err
    for word in words:
        assert word in said.err, said.err
    assert not said.out


@pytest.mark.parametrize("name", ["numbers.csv", "maps.npz", "reproduce.py", "picture.png"])
def test_a_changed_file_is_named(run, folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    refused(run, folder, name, "not what the manifest says")


def test_a_file_that_has_grown_or_gone_is_named(run, folder):
    with (folder / "README.md").open("a") as file:
        file.write("more")
    refused(run, folder, "README.md is not what the manifest says")
    (folder / "maps.csv").unlink()
    refused(run, folder, "maps.csv is missing")


def test_a_damaged_member_of_a_zip_is_named(run, files, tmp_path):
    write_bundle(files, tmp_path / "b.zip")
    data = bytearray((tmp_path / "b.zip").read_bytes())
    at = data.index(files["picture.png"][:100]) + 60
    data[at] ^= 255
    (tmp_path / "b.zip").write_bytes(data)
    refused(run, tmp_path / "b.zip", "picture.png is not what the manifest says")


def test_a_newer_bundle(run, folder):
    rewrite(folder, schema_version=2)
    refused(run, folder, "schema version 2", "reads version 1", "update dfm_viz")


def test_a_missing_checkpoint_and_a_missing_family(run, folder, families_root, tmp_path):
    shutil.copytree(families_root / "tiny", tmp_path / "some" / "tiny")
    shutil.rmtree(tmp_path / "some" / "tiny" / "adl")
    refused(run, folder, "tiny/adl", "--families", families=tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / "tiny")
    refused(run, folder, "no family 'tiny'", families=tmp_path / "some")


def test_another_checkpoint(run, folder, checkpoint_maker, families_root, tmp_path):
    shutil.copytree(families_root / "tiny", tmp_path / "some" / "tiny")
    shutil.rmtree(tmp_path / "some" / "tiny" / "dfm")
    checkpoint_maker(tmp_path / "some" / "tiny" / "dfm", "dfm", seed=99)
    refused(run, folder, "tiny/dfm", "SHA-256", families=tmp_path / "some")


NAMES = ("my birds", "birds #2", "100 %", "birds (old)", "Möwen+鳥", "owner--name@0af", "it's & so")


@pytest.mark.parametrize("name", NAMES)
def test_a_family_by_any_name_is_replayed(run, families_root, tmp_path, picture, name):
    shutil.copytree(families_root / "camonly", tmp_path / "some" / name)
    family = load_family(name, root=tmp_path / "some", device="cpu")
    write_bundle(bundle_of(family, picture), tmp_path / "bundle")
    code, said = run(tmp_path / "bundle", families=tmp_path / "some")
    assert code == 0, said.err


@pytest.mark.parametrize("name", ["a\\b", "a:b", "two\nlines", "bell\a", " ", "\udcff"])
def test_a_family_that_no_reader_would_take_is_not_written(families_root, tmp_path, picture, name):
    shutil.copytree(families_root / "camonly", tmp_path / "some" / name)
    family = load_family(tmp_path / "some" / name, device="cpu")
    with pytest.raises(UserError, match=r"A bundle cannot name the family .* rename its folder"):
        bundle_of(family, picture)


def test_a_family_given_as_the_working_directory_has_its_name(families_root, monkeypatch):
    monkeypatch.chdir(families_root / "camonly")
    assert load_family(".", root=Path(), device="cpu").info.name == "camonly"


def test_what_has_joined_the_family_since_does_not_matter(
    run, folder, checkpoint_maker, families_root, tmp_path
):
    shutil.copytree(families_root / "tiny", tmp_path / "some" / "tiny")
    checkpoint_maker(tmp_path / "some" / "tiny" / "has", "has", seed=5)
    code, said = run(folder, families=tmp_path / "some")
    assert code == 0, said.out


def test_a_family_of_the_hub_is_not_fetched_unasked(run, folder, monkeypatch):
    monkeypatch.setattr("dfm_viz.checkpoint.hub.fetch", lambda *_: pytest.fail("fetched"))
    source = f"hf:someone/birds@{'0' * 40}"
    family = manifest_of(folder)["family"]
    rewrite(folder, family=family | {"source": source})
    refused(run, folder, f"--family {source}")
    assert run(folder, "--family", "tiny")[0] == 0


def test_no_bundle_at_all(run, tmp_path):
    refused(run, tmp_path / "nothing", "There is no bundle")
    (tmp_path / "empty").mkdir()
    refused(run, tmp_path / "empty", "no manifest.json")
    (tmp_path / "text.zip").write_text("no zip")
    refused(run, tmp_path / "text.zip", "neither a folder nor a zip")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"kind": "dfm_viz bundle"}', "\u0000", '{"schema_version":1}'],
)
def test_nonsense_in_the_manifest(run, folder, text):
    (folder / "manifest.json").write_text(text)
    refused(run, folder, "manifest.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", None),
        ("family", {"name": "../tiny", "checkpoints": {}}),
        ("family", {"name": "..", "checkpoints": {}}),
        ("family", {"name": "", "checkpoints": {}}),
        ("family", {"name": "a\\b", "checkpoints": {}}),
        ("family", {"name": "hf:some/one", "checkpoints": {}}),
        ("family", {"name": "C:", "checkpoints": {}}),
        ("family", {"name": "two\nlines", "checkpoints": {}}),
        ("family", {"name": "x" * 256, "checkpoints": {}}),
        ("family", {"name": "tiny", "checkpoints": {"cam": "x"}}),
        ("family", {"name": "tiny", "checkpoints": {"cam": {"sha256": 5}}}),
        ("picture", {"width": -3, "height": 90}),
        ("picture", {"width": 1e9, "height": 90}),
        ("picture", {"width": 240, "height": 180, "digest": ""}),
        ("settings", "beta"),
        ("truths", {}),
        ("threads", True),
        ("files", []),
        ("files", {"maps.npz": {"bytes": -1, "sha256": "0" * 64}}),
        ("files", {}),
    ],
)
def test_wrong_entries_in_the_manifest(run, folder, key, value):
    rewrite(folder, **{key: value})
    code, said = run(folder)
    assert code == 2
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize("settings", [{"beta": 7}, {"walrus": 1}, {"points": ["nowhere"]}])
def test_settings_that_are_not_allowed(run, folder, settings):
    rewrite(folder, settings=settings)
    refused(run, folder, next(iter(settings)).rstrip("s"))


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "a/../../secret.txt", "..", ""])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_names_that_lead_outside_are_refused(run, files, tmp_path, name, kind):
    (tmp_path / "secret.txt").write_text("secret")
    digest = sha256(b"secret").hexdigest()
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = {"bytes": 6, "sha256": digest}
    changed = {**files, "manifest.json": json.dumps(manifest).encode()}
    path = tmp_path / ("b" if kind == "folder" else "b.zip")
    write_bundle(changed, path)
    refused(run, path, "which no bundle has")


def test_a_link_that_leads_outside_is_not_followed(run, folder, tmp_path):
    (tmp_path / "secret.txt").write_bytes((folder / "README.md").read_bytes())
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(tmp_path / "secret.txt")
    refused(run, folder, "README.md is missing")


def test_a_member_that_swells_is_not_read_beyond_what_is_promised(tmp_path, files):
    """A zip of a few kB whose member is 100 MB: at most one byte more than promised is read."""
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, b"\0" * 10**8 if name == "numbers.csv" else data)
    with readers._opened(tmp_path / "b.zip") as read:
        assert len(read("numbers.csv", 1000)) == 1000
    with pytest.raises(UserError, match=r"numbers\.csv is not what"):
        read_bundle(tmp_path / "b.zip")


def test_a_bundle_larger_than_allowed_is_refused_before_it_is_read(run, folder, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)
    refused(run, folder, "larger than")


def test_the_commit_is_asked_once(monkeypatch):
    manifests.code_commit.cache_clear()
    asked = []
    monkeypatch.setattr("dfm_viz.provenance._git", lambda *w: asked.append(w) or "")
    manifests.software()
    first = len(asked)
    manifests.software()
    assert len(asked) == first
    manifests.code_commit.cache_clear()
