"""The records the app shows: where they lie, kept in memory, and their pictures."""

import threading
from dataclasses import dataclass
from pathlib import Path

from dfm_viz.examples.recorded import RecordedPictures
from dfm_viz.inspection.cache import Cache
from dfm_viz.methods import METHODS
from dfm_viz.pictures import Picture
from dfm_viz.records.failures import Study
from dfm_viz.records.sets import RecordFile, RecordSet, Rows, find_sets, read_rows, shown
from dfm_viz.types import Box, UserError

FOLDER = "records"
"""Where a family keeps the records of its checkpoints."""


@dataclass(frozen=True, eq=False)
class Shelved:
    """One set of records, read.

    Attributes:
        set: what it consists of.
        study: the rows of all its methods.
        pictures: where the pictures come from.
        problems: one sentence per file that could not be read.
    """

    set: RecordSet
    study: Study
    pictures: RecordedPictures
    problems: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Recorded:
    """The picture behind one row, as it is opened in Explore.

    Attributes:
        title: what to call it.
        truths: its true boxes in upright pixels.
        picture: the picture itself.
    """

    title: str
    truths: tuple[Box, ...]
    picture: Picture


class Shelf:
    """All records at hand: those of the families, and those of a folder of one's own."""

    def __init__(self, families: Path, own: Path | None, data_root: Path | None) -> None:
        """Remember where to look; nothing is read yet.

        Args:
            families: folder of families; each may have a folder `records`.
            own: a folder with records, or with folders of records, or None.
            data_root: where the pictures are looked for, or None.
        """
        self._families = families
        self._own = own
        self._data_root = data_root
        self._sets: dict[str, RecordSet] = {}
        self._rows = Cache(256 * 2**20)
        self._pictures = Cache(2**20)
        self._lock = threading.Lock()

    def look(self) -> tuple[list[RecordSet], list[str]]:
        """Every set there is now, one's own first, and a sentence for each file that is none."""
        sets: dict[str, RecordSet] = {}
        problems: list[str] = []
        for folder, place in self._folders():
            found, wrong = find_sets(folder, place)
            problems += wrong
            for one in found:
                sets.setdefault(one.id, one)
        with self._lock:
            self._sets = sets
        return list(sets.values()), problems

    def _folders(self) -> list[tuple[Path, str]]:
        found = []
        if self._own is not None and self._own.is_dir():
            found.append((self._own, self._own.resolve().name))
            found += [(p, p.name) for p in sorted(self._own.iterdir()) if _plain(p)]
        if self._families.is_dir():
            families = [p for p in sorted(self._families.iterdir()) if _plain(p)]
            found += [(p / FOLDER, p.name) for p in families]
        return found

    def beside(self, one: RecordSet) -> list[RecordSet]:
        """Other sets in the same place, as of the last look: records about other pictures."""
        return [s for s in self._sets.values() if s.place == one.place and s.id != one.id]

    def take(self, name: object) -> Shelved:
        """The set of that id.

        Raises:
            UserError: there is none, or none of its files can be read.
        """
        if not isinstance(name, str) or name not in self._sets:
            self.look()
        one = self._sets.get(name) if isinstance(name, str) else None
        if one is None:
            raise UserError("These records are no longer here; choose others.")
        rows: dict[str, Rows] = {}
        problems = []
        for file in sorted(one.files.values(), key=_place):
            read = self._read(file)
            if isinstance(read, UserError):
                problems.append(shown(read, file.path, one.place))
            elif rows and not _alike(next(iter(rows.values())), read):
                problems.append(
                    f"{one.place}/{file.path.name} lists other pictures than the records beside "
                    f"it; evaluate it again."
                )
            else:
                rows[file.name] = read
        if not rows:
            raise UserError(problems[0])
        study = Study(rows)
        return Shelved(one, study, self._source(one, study), tuple(problems))

    def _read(self, file: RecordFile) -> Rows | UserError:
        """The rows of a file, or why there are none; read again when the file has changed."""

        def read() -> Rows | UserError:
            try:
                return read_rows(file)
            except UserError as error:
                return error

        try:
            status = file.path.stat()
        except OSError:
            return UserError(f"The records {file.path} have gone; reload the page.")
        key = (file.path, status.st_mtime_ns, status.st_size)
        rows: Rows | UserError = self._rows.get(
            key, read, lambda r: r.nbytes if isinstance(r, Rows) else 1024
        )
        return rows

    def _source(self, one: RecordSet, study: Study) -> RecordedPictures:
        key = (one.id, tuple(study.rows), tuple(one.files.values()))
        source: RecordedPictures = self._pictures.get(
            key, lambda: RecordedPictures(study.first, self._data_root), lambda _: 4096
        )
        return source


def _place(file: RecordFile) -> tuple[int, str]:
    """Methods stand in the order of `METHODS`, checkpoints of one method by name."""
    order = list(METHODS)
    known = order.index(file.about.method) if file.about.method in order else len(order)
    return known, file.name


def _plain(path: Path) -> bool:
    return path.is_dir() and path.name[:1] != "." and not path.name.endswith(".parts")


def _alike(first: Rows, other: Rows) -> bool:
    return first is other or bool((first.pictures == other.pictures).all())
