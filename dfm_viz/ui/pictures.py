"""The pictures visitors have opened: one store, bounded in bytes, each behind its own secret."""

import base64
import io
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from dfm_viz.inspection.cache import Cache
from dfm_viz.pictures import Picture, read_picture
from dfm_viz.types import UserError

PREVIEW_SIDE = 800
THUMB_SIDE = 104

_LOG = logging.getLogger(__name__)


class ExpiredError(UserError):
    """The picture was dropped to make room; the page sends it again."""


class LostError(UserError):
    """The uploaded file is not there: another visitor sent the same one at the same moment."""


class Pictures:
    """Opened pictures by token. A token cannot be guessed, so nobody sees another's picture.

    The least recently used are dropped when `max_bytes` are reached.
    """

    def __init__(self, max_bytes: int = 768 * 2**20) -> None:
        """Hold at most `max_bytes` of pixels."""
        self._cache = Cache(max_bytes)

    def add(self, picture: Picture) -> str:
        """Keep a picture and return its token."""
        token = secrets.token_urlsafe(18)
        self._cache.get(token, lambda: picture, _bytes)
        return token

    def get(self, token: object, again: Callable[[], Picture] | None = None) -> Picture:
        """The picture of a token; `again` reads it anew if it was dropped.

        Raises:
            ExpiredError: it was dropped, or never was.
        """
        if not isinstance(token, str) or len(token) > 200:
            raise ExpiredError("That is no picture of this page; open it again.")

        def missing() -> Picture:
            raise ExpiredError("The server no longer has this picture; open it again.")

        picture: Picture = self._cache.get(token, again or missing, _bytes)
        return picture


def _bytes(picture: Picture) -> int:
    return picture.rgb.nbytes + 1024


@contextmanager
def upload(path: object, folder: Path) -> Iterator[Path]:
    """A file that the page has uploaded, deleted afterwards.

    Args:
        path: as the browser says; only files inside `folder` are touched.
        folder: where uploads are put.

    Raises:
        LostError: a path outside the folder, or a file that has gone.
    """
    try:
        file = Path(str(path)).resolve(strict=True)
    except (OSError, ValueError):
        raise LostError("The upload did not arrive; send the picture again.") from None
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise LostError("The upload did not arrive; send the picture again.")
    try:
        yield file
    finally:
        try:
            file.unlink()
            file.parent.rmdir()
        except OSError:
            _LOG.debug("upload not removed: %s", file)


def take_upload(path: object, name: object, folder: Path, stretch: bool = False) -> Picture:
    """Read a file that the page has uploaded, then delete it.

    Args:
        path: as the browser says; only files inside `folder` are touched.
        name: what the visitor calls it.
        folder: where uploads are put.
        stretch: whether the brightest of 16-bit values becomes white.

    Raises:
        LostError: a path outside the folder, or a file that has gone.
        UserError: no picture.
    """
    with upload(path, folder) as file:
        return read_picture(file, str(name)[:80] or None, stretch=stretch)


def preview(picture: Picture, side: int = PREVIEW_SIDE) -> str:
    """The picture as a JPEG data URL, its longest side at most `side`."""
    image = Image.fromarray(picture.rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _jpeg(image)


def thumbnail(picture: Picture, side: int = THUMB_SIDE) -> str:
    """The middle square of the picture as a small JPEG data URL."""
    image = Image.fromarray(picture.rgb)
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    return _jpeg(image.crop((left, top, left + short, top + short)).resize((side, side)))


def _jpeg(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
