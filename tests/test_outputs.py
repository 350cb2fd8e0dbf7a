"""What a folder may be that a command writes; nothing is ever changed by looking."""

from pathlib import Path

import pytest

from dfm_viz import outputs
from dfm_viz.outputs import output_folder, strays
from dfm_viz.types import UserError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory and a home directory of our own, both two levels down."""
    for name in ("work/here", "people/me", "data/set"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "people" / "me"))
    return tmp_path


def ours(folder):
    return next(iter(strays(folder, {"mine"}.__contains__)), None)


def everything_is_ours(folder):
    """Not even a command that would replace everything may replace these folders."""
    return None


def test_missing_empty_and_own_folders_are_fine(place):
    assert output_folder("out", ours) == place / "work" / "here" / "out"
    assert not Path("out").exists()
    Path("out").mkdir()
    (Path("out") / ".DS_Store").touch()
    (Path("out") / "mine").touch()
    (Path("out") / ".mine.new-0123abcd").touch()  # a killed write
    (place / "link").symlink_to("work/here/out")
    assert output_folder(place / "link", ours) == place / "work" / "here" / "out"
    assert len(list(Path("out").iterdir())) == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (".", "is or holds the working directory"),
        ("..", "is or holds the working directory"),
        ("../..", "is or holds"),
        ("../../people", "is or holds the home directory"),
        ("../../people/me", "is or holds the home directory"),
        ("../../data", "is or holds .*set, which is read"),
        ("../../data/set", "is or holds .*set, which is read"),
        ("../../loop", "is or holds .*set, which is read"),
        ("/", "is or holds"),
    ],
)
def test_places_that_must_stay_are_refused_whatever_is_in_them(place, given, told):
    (place / "loop").symlink_to(place / "data")
    with pytest.raises(UserError, match=told) as caught:
        output_folder(given, everything_is_ours, reads=[place / "data" / "set"])
    assert str(caught.value).endswith("name a new or an empty folder.")


def test_a_link_on_the_way_to_the_data_hides_nothing(place):
    (place / "way").symlink_to(place / "data" / "set")
    with pytest.raises(UserError, match="which is read"):
        output_folder(place / "data", everything_is_ours, reads=[None, place / "way"])


def test_a_mount_point_is_refused_where_it_would_give_way(place, monkeypatch):
    mount = place / "disk"
    mount.mkdir()
    monkeypatch.setattr(outputs.os.path, "ismount", lambda path: Path(path) == mount)
    with pytest.raises(UserError, match="is a mount point"):
        output_folder(mount, ours)
    assert output_folder(mount, ours, replaced=False) == mount
    assert output_folder(mount / "new", ours) == mount / "new"


@pytest.mark.parametrize("kind", ["file", "folder", "link", "broken link", "hidden"])
def test_anything_else_in_a_folder_is_named(place, kind):
    out = place / "out"
    out.mkdir()
    (out / "mine").touch()
    name = ".git" if kind == "hidden" else "notes"
    if kind == "file":
        (out / name).write_text("mine")
    elif "link" in kind:
        (out / "mine").unlink()
        name = "mine"
        (out / name).symlink_to(place / ("data" if kind == "link" else "nowhere"))
    else:
        (out / name).mkdir()
    before = sorted(out.iterdir())
    with pytest.raises(UserError, match=f"it holds {name}, which this command did not write"):
        output_folder(out, ours)
    assert sorted(out.iterdir()) == before


def test_a_file_and_a_place_below_a_file_are_refused(place):
    (place / "file").touch()
    with pytest.raises(UserError, match="is no folder"):
        output_folder(place / "file", ours)
    with pytest.raises(UserError, match="Not a directory"):
        output_folder(place / "file" / "x", ours)
