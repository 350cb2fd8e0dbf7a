"""Whole or not at all: every step of a write is made to fail once, and once to be the last."""

import errno
import os
from pathlib import Path

import pytest

from dfm_viz import files, outputs
from dfm_viz.files import new_folder, replacing_folder, settled, subfolders, write_file
from dfm_viz.outputs import strays
from dfm_viz.types import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def content(folder):
    return {path.name: path.read_text() for path in settled(folder).iterdir()}


def foreign(folder):
    return next(iter(strays(folder, {"a", "b"}.__contains__)), None)


def write_two(folder):
    with replacing_folder(folder, foreign) as fresh:
        (fresh / "a").write_text("new")
        (fresh / "b").write_text("new")


class Failing:
    """Counts the steps of a write on the file system and fails at one of them."""

    def __init__(self, monkeypatch, at, error):
        self.step, self.at, self.error = 0, at, error
        for owner, name in (
            (Path, "mkdir"),
            (Path, "write_text"),
            (Path, "write_bytes"),
            (Path, "rename"),
            (Path, "replace"),
            (os, "fsync"),
        ):
            monkeypatch.setattr(owner, name, self._wrap(getattr(owner, name)))

    def _wrap(self, function):
        def wrapped(*args, **kwargs):
            self.step += 1
            if self.step == self.at:
                raise OSError(self.error, os.strerror(self.error))
            return function(*args, **kwargs)

        return wrapped


def attempt(action):
    """What the UserError says, or None if there was none."""
    try:
        action()
    except UserError as error:
        return str(error)
    return None


def steps(monkeypatch, action):
    with monkeypatch.context() as patch:
        counter = Failing(patch, at=0, error=errno.EIO)
        action()
    return counter.step


def test_a_folder_survives_a_failure_at_every_step(tmp_path, monkeypatch):
    count = steps(monkeypatch, lambda: write_two(tmp_path / "counted" / "x"))
    assert count >= 7  # two writes, their flushes, the names, the rename
    outcomes = set()
    for at in range(1, count + 2):  # one more: a folder that is there takes a rename more
        folder = tmp_path / str(at) / "x"
        folder.mkdir(parents=True)
        (folder / "a").write_text("old")
        with monkeypatch.context() as patch:
            Failing(patch, at=at, error=errno.ENOSPC)
            said = attempt(lambda folder=folder: write_two(folder))
        if said is None:  # only a flush of names may fail silently
            assert content(folder) == {"a": "new", "b": "new"}
        else:
            assert content(folder) == {"a": "old"}
            assert "No space left" in said
            assert "free some space" in said
        outcomes.add(said is None)
        assert names(folder.parent) == ["x"], at
    assert outcomes == {True, False}


def killed_at(last, folder):
    """Write the folder in a process that dies at a step as by SIGKILL; whether it finished."""
    child = os.fork()
    if child == 0:
        step = 0

        def dying(function):
            def wrapped(*args, **kwargs):
                nonlocal step
                step += 1
                if step == last:
                    os._exit(9)  # nothing is tidied up
                return function(*args, **kwargs)

            return wrapped

        for name in ("mkdir", "write_text", "rename"):
            setattr(Path, name, dying(getattr(Path, name)))
        os.fsync = dying(os.fsync)
        write_two(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_process_killed_at_any_step_leaves_one_whole_folder(tmp_path):
    whole = ({"a": "old"}, {"a": "new", "b": "new"})
    seen = []
    for last in range(1, 100):
        folder = tmp_path / str(last) / "x"
        folder.mkdir(parents=True)
        (folder / "a").write_text("old")
        finished = killed_at(last, folder)
        assert content(folder) in whole
        assert subfolders(folder.parent) == [folder]
        seen.append((finished, folder.exists(), content(folder)["a"]))
        write_two(folder)  # the next write tidies up
        assert content(folder) == whole[1]
        assert names(folder.parent) == ["x"]
        if finished:
            break
    assert (False, False, "old") in seen  # killed between the two renames
    assert seen[-1] == (True, True, "new")
    assert len(seen) >= 9


def test_between_the_two_renames_readers_see_the_earlier_folder(tmp_path, monkeypatch):
    folder = tmp_path / "x"
    write_two(folder)
    rename, seen = Path.rename, []

    def looking(self, target):
        if Path(target) == folder:
            seen.append((folder.exists(), content(folder), subfolders(tmp_path)))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", looking)
    write_two(folder)
    assert seen == [(False, {"a": "new", "b": "new"}, [folder])]


def test_an_error_of_the_block_is_passed_on_and_changes_nothing(tmp_path):
    write_two(tmp_path / "x")

    def broken():
        with replacing_folder(tmp_path / "x", foreign) as fresh:
            (fresh / "a").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert content(tmp_path / "x") == {"a": "new", "b": "new"}
    assert names(tmp_path) == ["x"]


def test_a_file_is_whole_or_as_before(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file.txt"
    count = steps(monkeypatch, lambda: write_file(path, "old"))
    for at in range(1, count):  # the last step is the flush of names
        with monkeypatch.context() as patch:
            Failing(patch, at=at, error=errno.EACCES)
            with pytest.raises(UserError, match=r"Permission denied.*may write to"):
                write_file(path, "new")
        assert path.read_text() == "old"
        assert names(path.parent) == ["file.txt"]
    write_file(path, b"\xff")
    assert path.read_bytes() == b"\xff"


def test_a_link_is_followed(tmp_path):
    write_two(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing_folder(tmp_path / "link", foreign) as fresh:
        (fresh / "a").write_text("through")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == {"a": "through"}


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is no folder"):
        write_two(tmp_path / "file")
    with pytest.raises(UserError, match=r"File exists|Not a directory"):
        write_two(tmp_path / "file" / "x")
    with pytest.raises(UserError, match="is no folder"), new_folder(tmp_path / "file"):
        pass
    assert names(tmp_path) == ["file"]


def test_a_new_folder_takes_no_other_ones_place(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with new_folder(out) as fresh:
        (fresh / "a").write_text("1")
    assert content(out) == {"a": "1"}
    with pytest.raises(UserError, match="not empty"), new_folder(out):
        pass

    def too_late():
        with new_folder(tmp_path / "b"):
            (tmp_path / "b").mkdir()
            (tmp_path / "b" / "theirs").write_text("2")  # came while we wrote

    with pytest.raises(UserError, match="cannot be written"):
        too_late()
    assert content(tmp_path / "b") == {"theirs": "2"}
    assert names(tmp_path) == ["b", "out"]


def test_left_overs_go_only_if_they_are_ours_by_content(tmp_path):
    for name in (".x.old", ".x.new-1", ".x.new-thesis", ".x.new-empty"):
        (tmp_path / name).mkdir()
    (tmp_path / ".x.old" / "a").write_text("an earlier one of ours")
    (tmp_path / ".x.new-1" / "b").write_text("half-written by us")
    (tmp_path / ".x.new-thesis" / "a").write_text("a name of ours")
    (tmp_path / ".x.new-thesis" / "chapter").write_text("mine")
    (tmp_path / ".x.new-link").symlink_to(tmp_path / ".x.new-thesis")
    (tmp_path / ".x.new-file").write_text("mine")
    write_two(tmp_path / "x")
    assert names(tmp_path) == [".x.new-file", ".x.new-link", ".x.new-thesis", "x"]
    assert content(tmp_path / ".x.new-thesis")["chapter"] == "mine"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_strangers_under_the_name_of_the_earlier_folder_stay(tmp_path, there, kind):
    old = tmp_path / ".x.old"
    if there:
        write_two(tmp_path / "x")
    if kind == "file":
        old.write_text("mine")
    else:
        home = tmp_path / "elsewhere" if kind == "link" else old
        home.mkdir()
        (home / ("a" if kind == "link" else "mine")).write_text("mine")
        if kind == "link":
            old.symlink_to(home)
    before = names(tmp_path)
    with pytest.raises(UserError, match=r"\.x\.old is in the way.*rename it"):
        write_two(tmp_path / "x")
    assert names(tmp_path) == before
    assert old.is_symlink() == (kind == "link")


def test_what_comes_while_we_write_is_not_lost(tmp_path):
    write_two(tmp_path / "x")

    def slow():
        with replacing_folder(tmp_path / "x", foreign) as fresh:
            (fresh / "a").write_text("newer")
            (tmp_path / "x" / "notes").write_text("mine")

    with pytest.raises(UserError, match="it holds notes"):
        slow()
    assert content(tmp_path / "x") == {"a": "new", "b": "new", "notes": "mine"}
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("how", ["replacing", "new", "file"])
def test_mode_and_owner_stay(tmp_path, how, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: asked.append((uid, gid)))
    out = tmp_path / "x"
    if how == "file":
        out.write_text("old")
    else:
        out.mkdir()
    out.chmod(0o750 if how != "file" else 0o640)
    was = out.stat()
    stat = Path.stat

    class Other:
        """The same, but of another user and group."""

        st_uid, st_gid, st_mode = was.st_uid + 1, was.st_gid + 1, was.st_mode
        st_ino, st_dev = was.st_ino, was.st_dev

    def other_owner(self, **kwargs):
        found = stat(self, **kwargs)
        return Other if self == out and found.st_ino == was.st_ino else found

    monkeypatch.setattr(outputs.Path, "stat", other_owner)
    if how == "replacing":
        write_two(out)
    elif how == "new":
        with new_folder(out) as fresh:
            (fresh / "a").write_text("1")
    else:
        write_file(out, "new")
    assert stat(out).st_mode == was.st_mode
    assert stat(out).st_ino != was.st_ino
    assert asked == [(was.st_uid + 1, -1), (-1, was.st_gid + 1)]


def test_hidden_and_half_written_folders_are_not_listed(tmp_path):
    for name in ("b", "a", ".hidden", ".c.new-1", ".d.old"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert [p.name for p in subfolders(tmp_path)] == ["a", "b", "d"]


def test_paths_are_quoted_for_the_shell():
    assert files.quoted(Path("a b/c")) == "'a b/c'"
