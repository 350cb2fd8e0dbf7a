"""Long answers: order, cancelling, forgetting. The clock is the test's own; nobody spins."""

import threading

import pytest

from dfm_viz.types import UserError
from dfm_viz.ui.jobs import Jobs


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Gate:
    """Work that puts one item, waits to be let through, and puts another unless cancelled."""

    def __init__(self):
        self.begun, self.through, self.ended = (threading.Event() for _ in range(3))
        self.cancelled = None

    def __call__(self, job):
        job.expect(2)
        job.put("first")
        self.begun.set()
        assert self.through.wait(10)
        self.cancelled = job.cancelled()
        if not self.cancelled:
            job.put("second")
        self.ended.set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def jobs(clock):
    return Jobs(waiting=3, patience=5.0, clock=clock)


def finish(jobs, token, after=0):
    """Wait for the job itself to end, then poll once; every item that came."""
    assert jobs.wait(token, 10)
    answer = jobs.poll(token, after)
    assert answer["finished"]
    return answer["items"], answer


def test_items_come_as_they_are_found_and_only_once(jobs):
    gate = Gate()
    token = jobs.start(gate)
    assert gate.begun.wait(10)
    answer = jobs.poll(token)
    assert answer == {
        "items": ["first"],
        "done": 1,
        "total": 2,
        "ahead": 0,
        "finished": False,
    }
    assert jobs.poll(token, 1)["items"] == []
    gate.through.set()
    assert finish(jobs, token, 1)[0] == ["second"]
    assert jobs.poll(token) == {"gone": True}
    assert len(jobs) == 0


def test_one_after_the_other_and_the_page_hears_how_many_are_ahead(jobs):
    gate, later = Gate(), Gate()
    first, second = jobs.start(gate), jobs.start(later)
    assert gate.begun.wait(10)
    assert jobs.poll(second)["ahead"] == 1
    assert not later.begun.is_set()
    gate.through.set()
    later.through.set()
    finish(jobs, first)
    assert finish(jobs, second)[0] == ["first", "second"]


def test_a_superseded_job_ends_and_its_token_is_gone(jobs):
    gate, newer = Gate(), Gate()
    old = jobs.start(gate)
    assert gate.begun.wait(10)
    new = jobs.start(newer, instead=old)
    assert jobs.poll(old) == {"gone": True}
    gate.through.set()
    newer.through.set()
    assert gate.ended.wait(10)
    assert gate.cancelled
    assert finish(jobs, new)[0] == ["first", "second"]


def test_a_job_that_nobody_polls_ends(jobs, clock):
    gate = Gate()
    token = jobs.start(gate)
    assert gate.begun.wait(10)
    clock.now = 4.9
    jobs.poll(token)
    clock.now = 9.8
    assert jobs.poll(token)["items"] == ["first"]
    clock.now = 14.9
    gate.through.set()
    assert gate.ended.wait(10)
    assert gate.cancelled


def test_what_was_never_fetched_is_dropped(jobs, clock):
    done = threading.Event()
    lost = jobs.start(lambda job: done.set())
    assert done.wait(10)
    clock.now = 6.0
    finish(jobs, jobs.start(lambda job: job.put(1)))
    assert jobs.poll(lost) == {"gone": True}
    assert len(jobs) == 0


def test_the_queue_has_an_end_and_cancelling_makes_room(jobs):
    gate = Gate()
    tokens = [jobs.start(gate), jobs.start(Gate()), jobs.start(Gate())]
    with pytest.raises(UserError, match="3 long answers are waiting"):
        jobs.start(Gate())
    jobs.cancel(tokens[2])
    for token in [*tokens, jobs.start(Gate())]:
        jobs.cancel(token)
    gate.through.set()


def test_errors_become_sentences_and_the_worker_lives_on(jobs, caplog):
    def refused(job):
        raise UserError("No such thing; choose another.")

    def broken(job):
        raise ZeroDivisionError

    assert finish(jobs, jobs.start(refused))[1]["error"] == "No such thing; choose another."
    assert "Something went wrong" in finish(jobs, jobs.start(broken))[1]["error"]
    assert "ZeroDivisionError" in caplog.text
    assert finish(jobs, jobs.start(lambda job: job.put(7)))[0] == [7]


@pytest.mark.parametrize("token", [None, 3, [], {"a": 1}, "", "guess"])
def test_nobody_gets_anything_without_the_token(jobs, token):
    jobs.start(lambda job: job.put("secret"))
    assert jobs.poll(token) == {"gone": True}
    jobs.cancel(token)
    assert len(jobs) == 1
