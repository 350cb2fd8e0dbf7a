"""Which folders a command may write: decided before its first second of work.

A folder is written as a whole, so whatever else lies in it would be gone. Therefore a command
takes a folder that is missing, empty or filled by itself, and no other.
"""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from dfm_viz.types import UserError

Foreign = Callable[[Path], str | None]
"""Names something in a folder that a command did not write; None if there is no such thing.

It judges by content, and a folder of notes by a file manager alone is empty to it.
"""

NOTES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave in every folder that somebody looks into."""
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.new-[0-9a-f]{8}")


def anything(folder: Path) -> str | None:
    """The `Foreign` of a command that never writes a folder twice: whatever is there."""
    return min((path.name for path in folder.iterdir()), default=None)


def strays(folder: Path, own: Callable[[str], bool]) -> list[str]:
    """Names in a folder that are not a command's: neither its plain files nor file managers' notes.

    Args:
        folder: to look into.
        own: whether the command writes a file of that name; half-written ones count with it.
    """
    found = []
    for path in folder.iterdir():
        unfinished = _UNFINISHED.fullmatch(path.name)
        name = unfinished["name"] if unfinished else path.name
        plain = stat.S_ISREG(path.lstat().st_mode)
        if not (plain and (own(name) or path.name in NOTES)):
            found.append(path.name)
    return sorted(found)


def output_folder(
    folder: str | Path,
    foreign: Foreign = anything,
    *,
    reads: Iterable[str | Path | None] = (),
    replaced: bool = True,
) -> Path:
    """Look at a folder that is to be written, without changing anything.

    Args:
        folder: as the user gave it.
        foreign: tells what the command did not write itself.
        reads: files and folders that the command reads, such as the data; none may lie inside.
        replaced: whether the folder as such gives way to another one, which a mount point cannot.

    Returns:
        The folder's place, links resolved.

    Raises:
        UserError: a file, a folder with something else in it, one that is or holds the working
            directory, the home directory or what is read, a mount point, a place where nothing can
            be written, a name that is no text, strangers under the name that an earlier folder is
            put aside under.
    """
    place = Path(os.path.realpath(folder))
    try:
        str(place).encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"The name {str(folder)!a} is no UTF-8; name another folder.") from None
    if os.path.lexists(place) and not place.is_dir():
        raise UserError(f"{folder} is no folder; name a new or an empty folder.")
    if not place.exists():
        _writable(folder, place)
    else:
        _apart(folder, place, reads)
        if replaced and os.path.ismount(place):
            raise UserError(f"{folder} is a mount point; name a new folder inside it.")
        if name := _found(foreign, place, folder):
            raise UserError(
                f"{folder} is not empty: it holds {name}, which this command did not write and "
                f"will not touch; name a new or an empty folder."
            )
    aside = earlier(place)
    again = replaced and foreign is not anything
    if again and os.path.lexists(aside) and not ours(aside, foreign):
        raise UserError(
            f"{aside} is in the way: the earlier {place.name} would be put aside under this name; "
            f"rename it or name another folder."
        )
    return place


def earlier(folder: Path) -> Path:
    """Where the earlier folder is for the moment in which the new one takes its place."""
    return folder.with_name(f".{folder.name}.old")


def ours(folder: Path, foreign: Foreign) -> bool:
    """Whether a folder, no link, holds nothing but what a command wrote."""
    try:
        return folder.is_dir() and not folder.is_symlink() and foreign(folder) is None
    except OSError:
        return False


def keep_owner(old: Path, fresh: Path) -> None:
    """Give what takes a place the mode of what had it, and owner and group as far as allowed."""
    was, now = old.stat(), fresh.stat()
    for uid, gid in ((was.st_uid, -1), (-1, was.st_gid)):
        if (uid, gid) not in ((now.st_uid, -1), (-1, now.st_gid)):
            with contextlib.suppress(PermissionError):
                os.chown(fresh, uid, gid)
    fresh.chmod(stat.S_IMODE(was.st_mode))


def _found(foreign: Foreign, place: Path, given: str | Path) -> str | None:
    try:
        return foreign(place)
    except OSError as error:
        raise UserError(
            f"{given} cannot be read ({error.strerror}); name another folder."
        ) from None


def _apart(given: str | Path, place: Path, reads: Iterable[str | Path | None]) -> None:
    """UserError if a folder is or holds what must stay; compared as files, not as texts."""
    keep = [(Path(path), f"{path}, which is read") for path in reads if path is not None]
    for find, name in ((Path.cwd, "the working directory"), (Path.home, "the home directory")):
        with contextlib.suppress(OSError, RuntimeError):  # no such directory (any more)
            keep.append((find(), name))
    for path, name in keep:
        real = Path(os.path.realpath(path))
        for above in (real, *real.parents):
            with contextlib.suppress(OSError):
                if above.samefile(place):
                    raise UserError(f"{given} is or holds {name}; name a new or an empty folder.")


def _writable(given: str | Path, place: Path) -> None:
    """UserError unless a missing folder can be made, as far as can be told without making it."""
    try:
        above = next(path for path in place.parents if os.path.lexists(path))
        reason = "" if above.is_dir() else "Not a directory"
        if not reason and not os.access(above, os.W_OK | os.X_OK):
            reason = "Permission denied"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason:
        raise UserError(f"{given} cannot be written ({reason}); choose another place.")
