"""Benchmarks for asv, which compares commits to detect regressions.

    pip install -e '.[bench]'
    asv run --config benchmarks/asv.conf.json --python=same --quick     runs all once, with the installed skrnn
    asv continuous --config benchmarks/asv.conf.json main HEAD          compares two commits
    asv run --config benchmarks/asv.conf.json main~5..main              measures a range of commits
    asv publish --config benchmarks/asv.conf.json                       makes a web page of the results

BLAS has one thread, as in skrnn. `setup` of each benchmark is short, and only public functions are timed.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
