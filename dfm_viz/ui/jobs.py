"""Long answers: started, polled and cancelled, so that no request has to wait for them.

One worker does one after the other. A result belongs to whoever holds its token, which cannot be
guessed; a job that nobody polls any more ends by itself.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from dfm_viz.types import UserError

_LOG = logging.getLogger(__name__)


class Job:
    """One long answer in the making; the work itself uses `cancelled`, `expect` and `put`."""

    def __init__(self, work: "Work", patience: float, clock: Callable[[], float]) -> None:
        self._work = work
        self._patience = patience
        self._clock = clock
        self._stopped = False
        self._seen = clock()
        self._items: list[Any] = []
        self.total = 0
        self.error: str | None = None
        self._end = threading.Event()

    @property
    def finished(self) -> bool:
        """Whether the work has ended, well or badly."""
        return self._end.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep until the work has ended, at most so long; whether it has."""
        return self._end.wait(seconds)

    def cancelled(self) -> bool:
        """Whether nobody wants the rest: stopped, or not polled for too long."""
        return self._stopped or self._clock() - self._seen > self._patience

    def expect(self, total: int) -> None:
        """Say how many items there will be."""
        self.total = total

    def put(self, item: Any) -> None:
        """Hand out one item; it must not be changed afterwards."""
        self._items.append(item)

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._stopped = True

    def look(self, after: int) -> list[Any]:
        """The items behind the first `after`; this counts as a poll."""
        self._seen = self._clock()
        return self._items[after:]

    def run(self) -> None:
        """Do the work; an error becomes a sentence."""
        try:
            if not self.cancelled():
                self._work(self)
        except UserError as error:
            self.error = str(error)
        except Exception:
            _LOG.exception("error in a long answer")
            self.error = "Something went wrong on the server; try again or reload the page."
        finally:
            self._end.set()


Work = Callable[[Job], None]


class Jobs:
    """All long answers of the process: one worker, and a queue with an end."""

    def __init__(
        self,
        waiting: int = 16,
        patience: float = 6.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take in at most `waiting` unfinished jobs; drop one not polled for `patience` seconds."""
        self._most = waiting
        self._patience = patience
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    def __len__(self) -> int:
        """How many are kept, finished ones too."""
        return len(self._jobs)

    def start(self, work: Work, instead: object = None) -> str:
        """Put work into the queue and return its token; `instead` is a token that it replaces.

        Raises:
            UserError: too many others are waiting.
        """
        self.cancel(instead)
        with self._changed:
            self._forget()
            if sum(not job.finished for job in self._jobs.values()) >= self._most:
                raise UserError(
                    f"{self._most} long answers are waiting already; try again in a few seconds."
                )
            token = secrets.token_urlsafe(18)
            self._jobs[token] = Job(work, self._patience, self._clock)
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._serve, name="jobs", daemon=True)
                self._worker.start()
            self._changed.notify()
        return token

    def poll(self, token: object, after: object = 0) -> dict[str, Any]:
        """What has come since the first `after` items, and how far the job is.

        Returns:
            {items, done, total, ahead (unfinished jobs before it), finished} and perhaps an error,
            one sentence. A finished job is forgotten with this answer. {"gone": True} for a token
            of no job: it was cancelled, dropped, or never was.
        """
        seen = after if isinstance(after, int) and after >= 0 else 0
        with self._changed:
            job = self._jobs.get(token) if isinstance(token, str) else None
            if job is None:
                return {"gone": True}
            finished = job.finished  # before the items: none can come after it
            items = job.look(seen)
            before = list(self._jobs.values())
            ahead = sum(not other.finished for other in before[: before.index(job)])
            if finished:
                del self._jobs[token]  # type: ignore[arg-type]
        answer = {
            "items": items,
            "done": seen + len(items),
            "total": job.total,
            "ahead": ahead,
            "finished": finished,
        }
        return answer if job.error is None else {**answer, "error": job.error}

    def wait(self, token: str, seconds: float) -> bool:
        """Sleep until that job has ended, at most so long; whether it has (True for no job)."""
        job = self._jobs.get(token)
        return job is None or job.wait(seconds)

    def cancel(self, token: object) -> None:
        """Nobody wants that job any more; an unknown token is nothing to do."""
        with self._changed:
            job = self._jobs.pop(token, None) if isinstance(token, str) else None
        if job is not None:
            job.stop()

    def _forget(self) -> None:
        """Drop what nobody has polled for too long."""
        for token in [t for t, job in self._jobs.items() if job.cancelled()]:
            self._jobs.pop(token).stop()

    def _next(self) -> Job | None:
        """The oldest job that is not done; None for none. The lock is held."""
        self._forget()
        return next((job for job in self._jobs.values() if not job.finished), None)

    def _serve(self) -> None:
        """The worker: one job after the other, for as long as the process lives."""
        while True:
            with self._changed:
                while (job := self._next()) is None:
                    # Without anything to do it still wakes up to drop what nobody has fetched.
                    self._changed.wait(self._patience if self._jobs else None)
            job.run()
