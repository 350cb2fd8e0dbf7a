"""A lock that is handed on in the order of asking."""

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A lock (used with `with`) for many short turns: whoever has waited longest is next.

    `threading.Lock` lets the thread that has just released it take it again before those who
    wait; one long series of turns could then keep everybody else waiting until its end.
    """

    def __init__(self) -> None:
        """Nobody has it."""
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Wait for one's turn."""
        mine = threading.Event()
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(mine)
        mine.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hand it to the first who waits; it is never free in between."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
