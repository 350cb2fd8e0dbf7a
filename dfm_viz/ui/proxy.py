"""Served below a path of another server."""

from dfm_viz.types import UserError


def root_path(text: str | None) -> str | None:
    """The path, or the whole address, under which others see the page; None for the root.

    Raises:
        UserError: neither begins with `/` nor is an http address.
    """
    path = (text or "").strip().rstrip("/")
    if not path:
        return None
    if path.startswith(("http://", "https://")) or (path.startswith("/") and path[1:2] != "/"):
        return path
    raise UserError(
        f"--root-path {text!r} is no path; give one that begins with /, such as /dfm, or the "
        "whole address, such as https://example.org/dfm."
    )
