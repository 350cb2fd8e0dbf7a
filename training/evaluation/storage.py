"""Where the records of an evaluation are written: piece by piece, atomically, and taken up again.

Every finished block of pictures is a small Parquet file in `<method>.parts/`; at the end they are
joined, in order, into `<method>.parquet`. The bytes do not depend on how often the evaluation was
interrupted, nor on how many processes shared it.
"""

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfm_viz.files import replacing_file
from dfm_viz.outputs import output_folder, strays
from dfm_viz.records import PARTS, SCHEMA, About, Record, iterate_records, read_about, to_table
from dfm_viz.types import UserError

_TOLD = {
    "checkpoint": "another checkpoint",
    "data": "other data",
    "split": "another split",
    "protocol": "another version of the protocol",
    "modes": "other modes",
    "maps": "another choice of --maps",
    "truths": "pictures whose true boxes were left out",
}


class Store:
    """The records of one checkpoint in one folder."""

    def __init__(self, folder: Path, about: About, name: str = "") -> None:
        """Take up what is there.

        Args:
            folder: made if it is missing.
            about: what the records belong to.
            name: of the file; a second checkpoint of a method has one of its own, as `dfm_add`.

        Raises:
            UserError: a folder that cannot be made, records of something else, a damaged file.
        """
        self.about = about
        name = name or about.method
        self.path = folder / f"{name}.parquet"
        self.parts = folder / f"{name}{PARTS}"
        check_folder(folder)
        found = [self.path] if self.path.exists() else sorted(self.parts.glob("*.parquet"))
        for path in found:
            self._check(path)
        self.complete = self.path.exists()

    def _check(self, path: Path) -> None:
        there = read_about(path)
        for field in dataclasses.fields(About):
            if getattr(there, field.name) != getattr(self.about, field.name):
                what = _TOLD.get(field.name, f"another {field.name}")
                raise UserError(
                    f"{path} holds records of {what}; choose another folder for --records or "
                    f"remove the file."
                )

    def has(self, block: int) -> bool:
        """Whether a block of pictures is already on disk."""
        return self.complete or self._part(block).exists()

    def add(self, block: int, records: Sequence[Record]) -> None:
        """Keep a finished block; UserError if the disk does not take it."""
        with replacing_file(self._part(block)) as fresh, _writer(fresh, self.about) as writer:
            writer.write_table(to_table(records, self.about))

    def finish(self, blocks: int) -> Path:
        """Join the blocks 0 to `blocks` - 1 into the file of records, and return its path."""
        if not self.complete:
            with replacing_file(self.path) as fresh, _writer(fresh, self.about) as writer:
                for block in range(blocks):
                    pieces = list(iterate_records(self._part(block)))
                    writer.write_table(pa.Table.from_batches(pieces, SCHEMA))
            self._drop_parts()
            self.complete = True
        return self.path

    def _drop_parts(self) -> None:
        """Remove the joined blocks, and nothing else that lies there."""
        kept = strays(self.parts, _is_part) if self.parts.is_dir() else []
        for path in self.parts.glob("*"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else does
            self.parts.rmdir()

    def _part(self, block: int) -> Path:
        return self.parts / f"{block:06d}.parquet"


def check_records(folder: Path, *reads: str | Path, also: Path | None = None) -> None:
    """UserError, before any work, unless records may be written there.

    Args:
        folder: missing, empty, or with nothing but records.
        reads: what is evaluated, and on what.
        also: a file that the same command writes and that may lie there.
    """
    beside = None if also is None else Path(os.path.realpath(also))

    def foreign(folder: Path) -> str | None:
        for name in strays(folder, lambda file: file.endswith(".parquet")):
            path = folder / name
            if path == beside:
                continue
            if path.suffix != PARTS or not path.is_dir() or path.is_symlink():
                return name
            if found := strays(path, _is_part):
                return f"{name}/{found[0]}"
        for path in folder.glob("[!.]*.parquet"):
            read_about(path)
        return None

    output_folder(folder, foreign, reads=reads, replaced=False)


def check_folder(folder: Path) -> None:
    """Make a folder; UserError, before anything is computed, if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"Nothing can be written to {folder} ({error.strerror}); choose another folder."
        ) from None


def _is_part(name: str) -> bool:
    return re.fullmatch(r"\d{6}\.parquet", name) is not None


def _writer(path: Path, about: About) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        to_table([], about).schema,
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=["picture", "mode", "class_name", "predicted_name", "error"],
    )
