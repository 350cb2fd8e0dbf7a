"""A cache that many visitors share: bounded in bytes, least recently used out first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class Cache:
    """Values by key, at most `max_bytes` of them, each computed once however many ask at once.

    Values must not be changed by anyone: they are handed out, not copied.
    """

    def __init__(self, max_bytes: int, behind: "Cache | None" = None) -> None:
        """Hold at most `max_bytes`, as counted by the callers' `size` functions.

        With a cache `behind` it, what that one has is taken from there and not held twice; nothing
        is ever added to it. So one long task can use what all share without crowding it out.
        """
        self.max_bytes = max_bytes
        self.behind = behind
        self.used_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._running: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Number of values held."""
        return len(self._kept)

    def get(self, key: Hashable, compute: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """The value of `key`, computed by the first who asks; the others wait for that one.

        An error in `compute` reaches everybody who waits, and nothing is kept. A value larger than
        the whole cache is returned but not kept.
        """
        if self.behind is not None and (found := self.behind._find(key)) is not None:
            return found[0]
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            future = self._running.get(key)
            mine = future is None
            if future is None:
                future = self._running[key] = Future()
        if not mine:
            return future.result()
        try:
            value = compute()
            self._keep(key, value, size(value))
        except BaseException as error:
            with self._lock:
                del self._running[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._running[key]
        future.set_result(value)
        return value

    def _find(self, key: Hashable) -> tuple[Any, int] | None:
        """What is kept under `key`, with its size; now it has been used."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Hashable, value: Any, size: int) -> None:
        if size > self.max_bytes:
            return
        with self._lock:
            self._kept[key] = (value, size)
            self.used_bytes += size
            while self.used_bytes > self.max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self.used_bytes -= freed

    def clear(self) -> None:
        """Forget everything that is kept."""
        with self._lock:
            self._kept.clear()
            self.used_bytes = 0
