"""Files and folders that are there whole or not at all.

Everything is written beside its place under a hidden name, flushed to the disk and then renamed.
A file is replaced in one step. A folder needs two (the earlier one away, the new one in), so a
process killed between them leaves the earlier folder under a hidden name: `settled` finds it there
for readers, and the next write of the folder puts it back.
"""

import contextlib
import errno
import glob
import os
import secrets
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from dfm_viz.outputs import Foreign, earlier, keep_owner, ours, output_folder
from dfm_viz.types import UserError

_ADVICE = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.EROFS: "choose a place that you may write to",
}


@contextlib.contextmanager
def replacing_file(path: str | Path) -> Iterator[Path]:
    """Yield a hidden path beside `path`; what the block writes there becomes `path` at the end.

    Raises:
        UserError: it cannot be written; an earlier file is intact then.
    """
    path = Path(os.path.realpath(path))
    fresh = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        _flush(fresh)
        if path.exists():
            keep_owner(path, fresh)
        fresh.replace(path)
        _flush_names(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def write_file(path: str | Path, content: str | bytes) -> None:
    """Write one file as a whole; text is stored as UTF-8.

    Raises:
        UserError: it cannot be written; an earlier file is intact then.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing_file(path) as fresh:
        fresh.write_bytes(data)


@contextlib.contextmanager
def replacing_folder(folder: str | Path, foreign: Foreign) -> Iterator[Path]:
    """Yield a fresh folder beside `folder` that takes its place only if the block succeeds.

    Only one process may write a folder at a time; any number may read it. Mode and owner stay.

    Args:
        folder: what it replaces must be the writer's own, see `outputs.output_folder`.
        foreign: tells what is not.

    Raises:
        UserError: it may not or cannot be written; an earlier folder is intact then.
    """
    folder = output_folder(folder, foreign)
    old = earlier(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder, foreign)
        with _fresh(folder) as fresh:
            yield fresh
            _flush_tree(fresh)
            if folder.exists():
                output_folder(folder, foreign)  # the block may have taken its time
                keep_owner(folder, fresh)
                folder.rename(old)
            try:
                fresh.rename(folder)
            except BaseException:
                if old.exists():
                    old.rename(folder)
                raise
            _flush_names(folder.parent)
    except OSError as error:
        raise _cannot_write(folder, error) from None
    if ours(old, foreign):
        _remove(old)


@contextlib.contextmanager
def new_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a fresh folder that becomes `folder`, new or empty so far, if the block succeeds.

    Raises:
        UserError: something is there already, or it cannot be written; nothing changes then.
    """
    folder = output_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _fresh(folder) as fresh:
            yield fresh
            _flush_tree(fresh)
            if folder.exists():
                keep_owner(folder, fresh)
                folder.rmdir()  # if it is no longer empty, this fails and nothing is lost
            fresh.rename(folder)
            _flush_names(folder.parent)
    except OSError as error:
        raise _cannot_write(folder, error) from None


def settled(folder: Path) -> Path:
    """Where a folder's content is: in the folder, or aside if its replacement was cut short.

    Reads only, so it is safe beside a process that is just replacing the folder.
    """
    old = earlier(folder)
    return old if not folder.exists() and old.is_dir() else folder


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name, without hidden and half-written ones; see `settled`."""
    names = {
        path.name[1:-4] if path.match(".*.old") else path.name
        for path in folder.iterdir()
        if path.is_dir() and (path.match(".*.old") or not path.name.startswith("."))
    }
    return [folder / name for name in sorted(names)]


def quoted(path: Path) -> str:
    """A path as it can be pasted into a shell."""
    return shlex.quote(str(path))


@contextlib.contextmanager
def _fresh(folder: Path) -> Iterator[Path]:
    """A fresh hidden folder beside `folder`; gone at the end unless it was renamed."""
    fresh = folder.with_name(f".{folder.name}.new-{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _tidy(folder: Path, foreign: Foreign) -> None:
    """Clear away what a killed process left: put the earlier folder back, drop unfinished ones.

    A name proves nothing: what holds anything else stays where it is.
    """
    old = earlier(folder)
    if old.is_dir():
        if folder.exists():
            _remove(old)
        else:
            old.rename(folder)
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.new-*"):
        if ours(path, foreign):
            _remove(path)


def _remove(folder: Path) -> None:
    """Remove a folder of ours; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        folder.chmod(stat.S_IRWXU)  # it may have been made read-only
    shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have the system put a file on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    """Have the system put the names in a folder on the disk, where it can."""
    with contextlib.suppress(OSError):  # not every system opens folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _flush_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _flush_names(path)
        else:
            _flush(path)
    _flush_names(folder)


def _cannot_write(path: Path, error: OSError) -> UserError:
    advice = _ADVICE.get(error.errno or 0, "choose another place")
    reason = error.strerror or type(error).__name__
    return UserError(f"{path} cannot be written ({reason}); {advice}.")
