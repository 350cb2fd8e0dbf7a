import threading

import pytest

from dfm_viz.inspection.cache import Cache


def test_bytes_are_bounded_and_the_oldest_goes_first():
    cache = Cache(10)
    for key in "abc":
        cache.get(key, lambda: 0, lambda _: 4)
    assert cache.used_bytes == 8
    calls = []
    cache.get("c", lambda: calls.append("c"), lambda _: 4)
    cache.get("b", lambda: calls.append("b"), lambda _: 4)
    cache.get("a", lambda: calls.append("a"), lambda _: 4)
    assert calls == ["a"]


def test_used_again_means_kept_longer():
    cache = Cache(8)
    for key in "abac":
        cache.get(key, lambda: 0, lambda _: 4)
    calls = []
    cache.get("a", lambda: calls.append("a"), lambda _: 4)
    assert calls == []


def test_too_large_is_handed_out_but_not_kept():
    cache = Cache(3)
    assert cache.get("a", lambda: 7, lambda _: 4) == 7
    assert len(cache) == cache.used_bytes == 0


def test_many_ask_one_computes():
    cache, started, release, calls = Cache(100), threading.Event(), threading.Event(), []

    def compute():
        calls.append(1)
        started.set()
        assert release.wait(10)
        return object()

    answers = []
    ask = lambda: answers.append(cache.get("k", compute, lambda _: 1))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert started.wait(10)
    release.set()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({id(a) for a in answers}) == 1


def test_an_error_reaches_all_and_is_not_kept():
    cache = Cache(100)

    def fail():
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        cache.get("k", fail, lambda _: 1)
    assert cache.get("k", lambda: 5, lambda _: 1) == 5


def test_what_is_behind_is_used_and_left_as_it_is():
    shared = Cache(8)
    for key in "ab":
        shared.get(key, lambda key=key: key, lambda _: 4)
    own = Cache(4, behind=shared)
    calls = []
    for key in "acdca":
        assert own.get(key, lambda key=key: calls.append(key) or key, lambda _: 4) == key
    assert calls == ["c", "d", "c"]
    assert (shared.used_bytes, own.used_bytes) == (8, 4)
    shared.get("e", lambda: 0, lambda _: 4)
    # "a" was used more recently than "b", though only through the other cache.
    shared.get("a", lambda: calls.append("a"), lambda _: 4)
    assert calls == ["c", "d", "c"]
