"""Read a bundle, a folder or a zip, from anybody: nothing is unpacked, executed or unpickled.

Only files that the manifest lists are read, each at most as large as it says, and each must have
the SHA-256 it says.
"""

import contextlib
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dfm_viz.export.arrays import Arrays, unpack
from dfm_viz.export.bundle import MANIFEST
from dfm_viz.export.manifest import (
    KIND,
    MAPS,
    PICTURE,
    RESULT,
    SCHEMA_VERSION,
    is_family_name,
)
from dfm_viz.pictures import Picture, read_picture, restored
from dfm_viz.types import UserError

MAX_FILES = 500
MAX_MANIFEST_BYTES = 2**20
MAX_BYTES = 2**29
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_HASH = re.compile(r"[0-9a-f]{64}")

_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError),
    *(RuntimeError, NotImplementedError),  # a password, a way of packing that Python cannot undo
)

Read = Callable[[str, int], bytes]
"""At most so many bytes of the file with that name; KeyError if there is none."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose files are what its manifest says.

    Attributes:
        name: what it is called in messages.
        manifest: as in manifest.json.
        picture: as the networks saw it.
        maps: every raw map, by its path in result.json.
        result: as in result.json.
    """

    name: str
    manifest: Mapping[str, Any]
    picture: Picture
    maps: Arrays
    result: Mapping[str, Any]

    @property
    def family(self) -> str:
        """Name of the family that answered."""
        return str(self.manifest["family"]["name"])

    @property
    def settings(self) -> dict[str, Any]:
        """The effective settings."""
        return dict(self.manifest["settings"])

    @property
    def truths(self) -> list[list[float]]:
        """The true boxes, in pixels of the upright picture."""
        return list(self.manifest["truths"])


def read_bundle(path: str | Path) -> Bundle:
    """Read and verify a bundle.

    Args:
        path: its folder or its zip.

    Raises:
        UserError: no bundle, one of a newer version, a file that is missing or was changed.
    """
    path = Path(path)
    with _opened(path) as read:
        try:
            text = read(MANIFEST, MAX_MANIFEST_BYTES)
        except KeyError:
            raise UserError(
                f"{path} has no {MANIFEST}, so it is no bundle; give the folder or zip that "
                f"`python -m dfm_viz inspect` or the page's Download made."
            ) from None
        manifest = _manifest(text, path)
        wanted = {PICTURE, MAPS, RESULT}
        kept = _verified(read, manifest["files"], wanted, path)
    return Bundle(
        name=path.name,
        manifest=manifest,
        picture=_picture(kept[PICTURE], manifest["picture"], path),
        maps=unpack(kept[MAPS], f"{MAPS} of {path.name}"),
        result=_object(kept[RESULT], f"{RESULT} of {path}"),
    )


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{what} is no JSON object; use the bundle as it was made.")
    return found


def _manifest(text: bytes, path: Path) -> dict[str, Any]:
    """The manifest with everything that is used later in its place and of its type."""
    manifest = _object(text, f"{MANIFEST} of {path}")
    version = manifest.get("schema_version")
    if manifest.get("kind") != KIND or not isinstance(version, int):
        raise UserError(f"{MANIFEST} of {path} is not that of a dfm_viz bundle; give another.")
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{path} is a bundle of schema version {version}, and this dfm_viz reads version "
            f"{SCHEMA_VERSION}; update dfm_viz, or make the bundle again."
        )
    family, picture, files = (_part(manifest, k, path) for k in ("family", "picture", "files"))
    checkpoints = _part(family, "checkpoints", path)
    hashes = [entry.get("sha256") for entry in (*checkpoints.values(), *files.values())]
    fine = (
        is_family_name(family.get("name"))
        and all(isinstance(h, str) and _HASH.fullmatch(h) for h in hashes)
        and all(_is_count(entry.get("bytes")) for entry in files.values())
        and all(_is_count(picture.get(side)) for side in ("width", "height"))
        and isinstance(manifest.get("settings"), dict)
        and isinstance(manifest.get("truths"), list)
        and isinstance(manifest.get("software"), dict)
        and isinstance(manifest.get("machine"), dict)
        and _is_count(manifest.get("threads"))
    )
    if not fine:
        raise _damaged(path)
    for name in files:
        if not _NAME.fullmatch(name):
            raise UserError(f"{MANIFEST} of {path} lists a file {name!r}, which no bundle has.")
    if len(files) > MAX_FILES or sum(entry["bytes"] for entry in files.values()) > MAX_BYTES:
        raise UserError(f"{path} is larger than the {MAX_BYTES >> 20} MB a bundle may have.")
    return manifest


def _part(manifest: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """An object in the manifest; where its values are objects in turn, they all are."""
    found = manifest.get(key)
    nested = key in ("checkpoints", "files")
    if not isinstance(found, dict) or (
        nested and not all(isinstance(value, dict) for value in found.values())
    ):
        raise _damaged(path)
    return found


def _damaged(path: Path) -> UserError:
    return UserError(f"{MANIFEST} of {path} is damaged; use the bundle as it was made.")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _verified(
    read: Read, files: Mapping[str, Mapping[str, Any]], wanted: set[str], path: Path
) -> dict[str, bytes]:
    """The wanted files, when every listed one is there and unchanged."""
    kept, missing, changed = {}, sorted(wanted - files.keys()), []
    for name, entry in files.items():
        try:
            data = read(name, entry["bytes"] + 1)
        except KeyError:
            missing.append(name)
            continue
        if len(data) != entry["bytes"] or sha256(data).hexdigest() != entry["sha256"]:
            changed.append(name)
        elif name in wanted:
            kept[name] = data
    for names, verb in ((missing, "missing"), (changed, "not what the manifest says")):
        if names:
            which = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
            are = "is" if len(names) == 1 else "are"
            raise UserError(f"In {path}, {which} {are} {verb}; use the bundle as it was made.")
    return kept


def _picture(data: bytes, facts: Mapping[str, Any], path: Path) -> Picture:
    picture = read_picture(data, f"{PICTURE} of {path.name}")
    try:
        picture = restored(picture, facts["width"], facts["height"])
    except ValueError:
        raise _damaged(path) from None
    if picture.digest != facts.get("digest"):
        raise UserError(
            f"{PICTURE} of {path.name} is not the picture that was analysed; use the bundle as it "
            f"was made."
        )
    return picture


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Read]:
    """How the files of a folder or a zip are read."""
    if path.is_dir():
        yield lambda name, most: _from_folder(path, name, most)
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise UserError(f"There is no bundle {path}; give its folder or its zip.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(
            f"{path} is neither a folder nor a zip that can be read ({error}); give a bundle."
        ) from None
    with archive:
        yield lambda name, most: _from_zip(archive, name, most)


def _from_folder(folder: Path, name: str, most: int) -> bytes:
    path = folder / name
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()) or not path.is_file():
            raise KeyError(name)
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        raise KeyError(name) from None


def _from_zip(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    try:
        with archive.open(info) as file:
            return file.read(most)
    except _UNREADABLE:
        return b""  # which is not what the manifest says
