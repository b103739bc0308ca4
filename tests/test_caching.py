"""Tests of properties that are computed once per object."""

import threading
from pathlib import Path

import skrnn
from skrnn._caching import cached_property


class Slow:
    """An object whose property may take long to compute."""

    def __init__(self, may_end):
        self.has_begun, self.may_end, self.n_computed = threading.Event(), may_end, 0

    @cached_property
    def value(self):
        """A number."""
        self.has_begun.set()
        self.n_computed += 1
        assert self.may_end.wait(30)
        return 7


def test_a_value_is_computed_once():
    at_once = threading.Event()
    at_once.set()
    slow = Slow(at_once)
    assert slow.value == slow.value == 7
    assert slow.n_computed == 1
    assert Slow.value.__doc__ == "A number."


def test_no_thread_waits_for_the_value_of_another_object():
    """Nor does a process that is forked while it is computed, in which it never will be."""
    later, at_once = threading.Event(), threading.Event()
    at_once.set()
    slow, fast, found = Slow(later), Slow(at_once), []
    threads = [threading.Thread(target=lambda: slow.value), threading.Thread(target=lambda: found.append(fast.value))]
    threads[0].start()
    assert slow.has_begun.wait(30)
    threads[1].start()
    threads[1].join(10)
    later.set()
    threads[0].join()
    assert found == [7]


def test_properties_of_skrnn_are_of_this_kind():
    root = Path(skrnn.__file__).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in root.rglob("*.py") if path.name != "_caching.py"}
    users = {name for name, text in texts.items() if "cached_property" in text}
    assert users
    assert all("from skrnn._caching import cached_property" in texts[name] for name in users)
