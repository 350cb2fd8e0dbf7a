"""What evaluations leave behind: `format` is the file, `sets` joins files, `failures` asks them.

`pandas.read_parquet(path)` reads a file in one line; `format` says what its columns hold.
"""

from dfm_viz.records.format import (
    ABOUT_KEY,
    COLUMNS,
    CURVE,
    HELD_BACK,
    PARTS,
    SCHEMA,
    About,
    Record,
    iterate_records,
    read_about,
    read_records,
    to_table,
)

__all__ = [
    "ABOUT_KEY",
    "COLUMNS",
    "CURVE",
    "HELD_BACK",
    "PARTS",
    "SCHEMA",
    "About",
    "Record",
    "iterate_records",
    "read_about",
    "read_records",
    "to_table",
]
