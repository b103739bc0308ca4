"""Tests of BLAS's numbers of threads: one while estimators work, and what it was before afterwards."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import skrnn
from skrnn.parallel import _blas_threads
from skrnn.parallel._blas_threads import single_threaded_blas

ROOT = Path(skrnn.__file__).parents[1]


def test_fits_in_several_threads_and_forks_in_a_process_of_their_own():
    command = [sys.executable, "-m", "tests.parallel.blas_threads"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


# Libraries as threadpoolctl controls them, of which few processes have more than one kind


class Library:
    """One number for the process."""

    internal_api, threading_layer = "blis", "openmp"

    def __init__(self, n_threads=4):
        self.num_threads = n_threads

    def set_num_threads(self, n_threads):
        self.num_threads = n_threads


class LibraryOfThread(threading.local, Library):
    """A number for each Python thread, as that of MKL is."""

    internal_api, threading_layer = "mkl", "intel"


class HeldLibrary(Library):
    """One number for the process, which the Python thread that sets it first holds."""

    internal_api, threading_layer = "openblas", "pthreads"
    holder = None

    def set_num_threads(self, n_threads):
        self.holder = self.holder or threading.get_ident()
        if self.holder == threading.get_ident():
            super().set_num_threads(n_threads)

    def clear_controlling_thread(self, force=False):
        if force or self.holder == threading.get_ident():
            self.holder = None


@pytest.fixture(params=[Library, LibraryOfThread, HeldLibrary])
def library(request):
    return request.param()


@pytest.fixture(autouse=True)
def _only_that_library(request, monkeypatch):
    if "library" in request.fixturenames:
        use(request.getfixturevalue("library"), monkeypatch)


def use(library, monkeypatch):
    """Let the library be the only one, of which nobody has set anything yet."""
    monkeypatch.setattr(_blas_threads, "_libraries", lambda: [library])
    monkeypatch.setattr(_blas_threads, "_of_process", _blas_threads._Limits())
    monkeypatch.setattr(_blas_threads, "_of_thread", _blas_threads._OfThread())


def in_thread(function):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


def test_nested_blocks(library):
    for _ in range(2):
        with single_threaded_blas():
            assert library.num_threads == 1
            with suppress(ZeroDivisionError), single_threaded_blas():
                assert library.num_threads == 1
                raise ZeroDivisionError
            assert library.num_threads == 1
        assert library.num_threads == 4


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_blocks_that_overlap_in_two_threads(library, first_ends_first):
    began, is_one_over = (threading.Event(), threading.Event()), threading.Event()

    def work(number):
        with single_threaded_blas():
            began[number].set()
            assert began[1 - number].wait(30)
            seen = [library.num_threads]
            if (number == 0) != first_ends_first:
                assert is_one_over.wait(30)
            with single_threaded_blas():
                seen.append(library.num_threads)
            seen.append(library.num_threads)
        after = library.num_threads
        is_one_over.set()
        return seen, after

    with ThreadPoolExecutor(2) as threads:
        (first, after_first), (second, after_second) = threads.map(work, (0, 1))
    assert first == second == [1, 1, 1]
    assert library.num_threads == 4
    if isinstance(library, LibraryOfThread):
        assert after_first == after_second == 4


def test_thread_that_limits_itself_keeps_its_own_limit(monkeypatch):
    library = LibraryOfThread()
    use(library, monkeypatch)

    def work():
        library.set_num_threads(1)
        with single_threaded_blas():
            is_main_over.wait(30)
        return library.num_threads

    is_main_over = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        with single_threaded_blas():
            number = threads.submit(work)
        assert library.num_threads == 4
        is_main_over.set()
        assert number.result() == 1


def test_library_with_one_thread_is_left_alone(monkeypatch):
    library = Library(1)
    use(library, monkeypatch)
    monkeypatch.setattr(library, "set_num_threads", None)
    with single_threaded_blas():
        pass
    assert library.num_threads == 1


@pytest.mark.parametrize("is_this_thread", [True, False])
def test_whoever_holds_the_library_gives_way(is_this_thread, monkeypatch):
    library = HeldLibrary()
    library.holder = threading.get_ident() if is_this_thread else -1
    use(library, monkeypatch)
    with single_threaded_blas():
        assert library.num_threads == 1
        assert library.holder is None
    assert library.num_threads == 4
    assert library.holder is None


def test_last_block_ends_in_another_thread_than_the_one_that_held_the_library(monkeypatch):
    library = HeldLibrary()
    library.holder = threading.get_ident()
    use(library, monkeypatch)
    began, finish = threading.Event(), threading.Event()

    def work():
        with single_threaded_blas():
            began.set()
            assert finish.wait(30)

    with ThreadPoolExecutor(1) as threads:
        with single_threaded_blas():
            last = threads.submit(work)
            assert began.wait(30)
        assert library.num_threads == 1
        finish.set()
        last.result()
    assert library.num_threads == 4


@pytest.mark.parametrize("n_threads", [1, 3])
def test_one_thread_that_another_thread_restores_is_mended_by_the_next_block(n_threads, monkeypatch):
    """It has set a limit within a block, and holds it until after the end."""
    library = HeldLibrary()
    use(library, monkeypatch)
    with single_threaded_blas():
        library.set_num_threads(n_threads)
        library.holder = -1
    assert library.num_threads == n_threads
    library.holder = None
    library.set_num_threads(1)  # which is what it saw
    library.holder = None
    with single_threaded_blas():
        assert library.num_threads == 1
    assert library.num_threads == 4


def test_number_that_is_set_within_a_block_stays(library):
    with single_threaded_blas():
        library.set_num_threads(3)
    assert library.num_threads == 3
    with single_threaded_blas():
        assert library.num_threads == 1
    assert library.num_threads == 3


def test_limit_within_a_block_and_around_another_is_not_restored_after(library):
    with single_threaded_blas():
        before = library.num_threads
        library.set_num_threads(3)
        with single_threaded_blas():
            assert library.num_threads == 1
        library.set_num_threads(before)
    assert library.num_threads == 4


# Interruptions


def test_interruption_at_any_line_is_mended_by_the_next_block(library, monkeypatch):
    """Of what a block calls: Python lets no signal come between taking a lock and the code that holds it."""
    line, is_over = 0, False
    while not is_over:
        line += 1
        is_over = True
        n_lines = 0

        def trace(frame, event, argument, line=line):
            nonlocal n_lines, is_over
            if frame.f_code.co_filename != _blas_threads.__file__ or frame.f_code.co_name == "single_threaded_blas":
                return None
            if event == "line":
                n_lines += 1
                if n_lines == line:
                    is_over = False
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            with suppress(KeyboardInterrupt), single_threaded_blas():
                pass
        finally:
            sys.settrace(before)
        with single_threaded_blas():
            assert library.num_threads == 1
        assert library.num_threads == 4
        assert in_thread(lambda: library.num_threads) == 4
    assert line > 20


def test_block_whose_end_is_interrupted_keeps_no_limit(library, monkeypatch):
    """In the moment in which it waits for the lock that another thread holds."""

    class InterruptedLock:
        n_taken = 0

        def __enter__(self):
            self.n_taken += 1
            if self.n_taken == 2:
                raise KeyboardInterrupt

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(_blas_threads, "_lock", InterruptedLock())
    with suppress(KeyboardInterrupt), single_threaded_blas():
        assert library.num_threads == 1
    assert library.num_threads == 1
    with single_threaded_blas():
        assert library.num_threads == 1
    assert library.num_threads == 4


def test_forgotten_block_may_be_collected_while_another_begins(monkeypatch):
    """Its end takes the lock, which the thread that collects garbage holds then."""
    forgotten = []

    class Collecting(Library):
        @property
        def num_threads(self):
            forgotten.clear()
            return self._n_threads

        @num_threads.setter
        def num_threads(self, n_threads):
            self._n_threads = n_threads

    use(library := Collecting(), monkeypatch)
    seen = []

    def work():
        block = single_threaded_blas()
        block.__enter__()
        forgotten.append(block)
        del block
        with single_threaded_blas():
            seen.extend([len(forgotten), library.num_threads])
        seen.append(library.num_threads)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert seen == [0, 1, 4]
