"""Turns are taken in the order of asking."""

import threading

import pytest

from dfm_viz.inspection.turns import Turns


def test_whoever_has_waited_longest_is_next(waiting):
    """Also before the one who has just had a turn and wants another."""
    turns, order = Turns(), []

    def ask(name):
        with turns:
            order.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
    with turns:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            waiting(turns, count)
    ask("again")
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c", "again"]


def test_an_error_hands_it_on():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns:
        _ = 1 / 0
    with turns:
        assert len(turns) == 0


def test_one_at_a_time():
    turns, inside, most = Turns(), [], []

    def work():
        for _ in range(50):
            with turns:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 300
