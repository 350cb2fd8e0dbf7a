"""How a program speaks to a terminal. Nothing slow is imported here: it comes before all else."""

import sys
from types import TracebackType


def prepare(stopped: str) -> None:
    """Make a program ready to be read and to be stopped, from its first import on.

    What a terminal cannot show, such as é where it knows ASCII alone, is written as an escape, so
    that no finished work ends in an error about its own report. Ctrl-C ends with a sentence.

    Args:
        stopped: what is said on Ctrl-C, if nobody else catches it.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where somebody put a stream of their own
            stream.reconfigure(errors="backslashreplace")
    others = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(stopped, file=sys.stderr)  # Python then ends as after any Ctrl-C, with 130
        else:
            others(kind, error, trace)

    sys.excepthook = told
