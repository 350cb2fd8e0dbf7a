"""Take an inspection away: a bundle of files, and its replay from them alone."""

from dfm_viz.export.bundle import bundle_files, write_bundle, zip_bytes
from dfm_viz.export.reader import Bundle, read_bundle
from dfm_viz.export.replay import Replay, replay

__all__ = [
    "Bundle",
    "Replay",
    "bundle_files",
    "read_bundle",
    "replay",
    "write_bundle",
    "zip_bytes",
]
