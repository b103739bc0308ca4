"""Interruptions by the user at a line of one's choice."""

import sys
from contextlib import contextmanager
from pathlib import Path

import skrnn
from skrnn.parallel import _blas_threads


@contextmanager
def interrupted_at(line, packages=("",), *, root=Path(skrnn.__file__).parent):
    """Raise KeyboardInterrupt where skrnn, or packages of it, are about to run their n-th line; yield the lines run.

    `root` is the folder of another library in which to do so.
    """
    folders = tuple(str(root / package) for package in packages)
    lines = []

    def trace(frame, event, argument):
        # Python lets no signal come between taking a lock and the block in which it is held; a trace does.
        if not frame.f_code.co_filename.startswith(folders) or frame.f_code.co_filename == _blas_threads.__file__:
            return None
        if event == "line":
            lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            if len(lines) == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)
