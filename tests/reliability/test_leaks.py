"""Tests of a process that goes on and on: its memory, its open files and its threads do not grow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import skrnn
from skrnn import RNNRegressor

ROOT = Path(skrnn.__file__).parents[1]

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not say what is in use")

#: Does four kinds of work, each in ten rounds of the same, and prints after each round what the process has in use: KiB
#: of memory that nobody else has, open files, threads, and objects that Python keeps watch over.
PROGRAM = """
import gc, os, sys, tempfile, threading, warnings
import numpy as np
from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.callbacks import Checkpoint

n = int(sys.argv[1])
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 5, 2)), rng.normal(size=30)
labels = np.where(y > 0, "up", "down")


def in_use():
    gc.collect()
    with open("/proc/self/statm") as file:
        _, resident, shared, *_ = map(int, file.read().split())
    n_kib = (resident - shared) * os.sysconf("SC_PAGE_SIZE") // 1024
    n_threads = len(os.listdir("/proc/self/task"))
    assert threading.active_count() == 1
    return n_kib, len(os.listdir("/proc/self/fd")), n_threads, len(gc.get_objects())


def fit():
    for number in range(n):
        parameters = {"max_iter": 2, "random_state": number, "cell": ("rnn", "gru", "lstm")[number % 3]}
        solver = ("adam", "sgd", "lbfgs")[number // 3 % 3]
        if number % 2:
            model = RNNRegressor((3,), solver=solver, n_jobs=1 + number % 4 // 2, **parameters).fit(X, y)
        else:
            model = RNNClassifier((3,), solver=solver, early_stopping=number % 4 == 0, **parameters).fit(X, labels)
        model.predict(X)


stream = RNNRegressor((3,), cell="gru", max_iter=2).fit(X, y).stream()
steps = rng.normal(size=(100, 1, 2))


def step():
    for _ in range(n):
        for timestep in steps:
            stream.predict(timestep)


fitted = RNNRegressor((3,), max_iter=2).fit(X, y)


def fail():
    for number in range(n):
        for model, data in ((RNNRegressor((3,), alpha=-1.0), X), (RNNRegressor((3,), cell="lstm"), X[:, :, :0])):
            try:
                model.fit(data, y)
            except ValueError:
                pass
        try:
            RNNRegressor((3,), learning_rate_init=1e9, solver="sgd", max_grad_norm=None, activation="relu").fit(X, y)
        except ValueError:
            pass
        fitted.predict(X)


path = os.path.join(tempfile.mkdtemp(), "c")
checkpoint = Checkpoint(path)  # one: scikit-learn keeps the last 64 callbacks in a cache


def write_checkpoints():
    for number in range(max(1, n // 10)):
        RNNRegressor((3,), max_iter=3, random_state=number).set_callbacks(checkpoint).fit(X, y)
        Checkpoint.load(path).set_params(max_iter=5).fit(X, y)
        with open(path, "rb") as file:
            content = file.read()
        with open(path, "wb") as file:
            file.write(content[:-number - 1])
        try:
            Checkpoint.load(path)
        except ValueError:
            pass
        assert os.listdir(os.path.dirname(path)) == ["c"]


gc.collect()
gc.freeze()  # what the imports have brought is there for good, and need not be looked at again
for work in (fit, step, fail, write_checkpoints):
    if work is not write_checkpoints or hasattr(RNNRegressor, "set_callbacks"):  # from scikit-learn 1.9 on
        for _ in range(10):
            work()
            print(work.__name__, *in_use())
"""


@pytest.mark.thorough
def test_nothing_grows():
    command = [sys.executable, "-c", PROGRAM, "100"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    in_use = {}
    for line in finished.stdout.splitlines():
        work, *numbers = line.split()
        in_use.setdefault(work, []).append([int(number) for number in numbers])
    assert len(in_use) == (4 if hasattr(RNNRegressor, "set_callbacks") else 3)
    for work, rounds in in_use.items():
        memory, files, threads, objects = zip(*rounds, strict=True)
        assert len(memory) == 10, work
        assert max(files) == files[0], work
        assert max(threads) == threads[0], work
        # The first rounds fill caches, and allocators keep some of what they have got.
        assert memory[-1] - memory[2] < 1024, work
        assert objects[-1] - objects[2] < 100, work
