"""Benchmarks of asv, which times a commit and remembers, so that a regression shows.

    pip install -e '.[bench]'
    asv run --config benchmarks/asv.conf.json --python=same --quick     tries all once, with the skrnn installed
    asv continuous --config benchmarks/asv.conf.json main HEAD          compares two commits
    asv run --config benchmarks/asv.conf.json main~5..main              measures a range of commits
    asv publish --config benchmarks/asv.conf.json                       draws what has been measured

BLAS gets one thread, as skrnn gives itself: `setup` of each benchmark is small, and what is timed is public.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
