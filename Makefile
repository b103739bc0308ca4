# Every target creates the environment it needs; only Python 3.11 or later is required.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
OLDEST = .venv-oldest
BENCH = .venv-bench
WHEEL = .venv-wheel
EXPORT = .venv-export
CLUSTER = .venv-cluster
FAST = .venv-fast
CLIENTS = .venv-clients
BACKTESTS = .venv-backtests
LONG = .venv-long-sequences
DOCS = .venv-docs
AUDIT = .venv-audit
MUTATION = .venv-mutants
WORKERS ?= 2

.PHONY: demo test test-all test-processors test-slow test-fast test-oldest test-export test-cluster test-clients test-wheel fixtures dist bench backtests long-sequences docs lint types audit mutants clean

demo: $(VENV)/installed-demo
	$(BIN)/python examples/mackey_glass.py

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS)

# Every combination of the axes of each test, every example that Hypothesis draws, thorough tests and the pages' examples.
test-all: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --all-cases

# The tests as older x86 processors would run them, one after another. PROCESSORS=--least selects the least capable one,
# PROCESSORS="--only Haswell" that one.
test-processors: $(VENV)/installed-test
	$(BIN)/python -m tests.processors -n $(WORKERS) --thorough $(PROCESSORS)

test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --run-slow -m slow tests

# The tests with compiled cells, which require Numba.
test-fast: $(FAST)/installed-test-fast
	$(FAST)/bin/python -c "from skrnn.cells._compiled import why_not_compiled as why; assert why() is None, why()"
	$(FAST)/bin/python -m pytest -n $(WORKERS)

test-oldest: $(OLDEST)/installed-test
	$(OLDEST)/bin/python -m pytest -n $(WORKERS)

test-export: $(EXPORT)/installed-test-export
	$(EXPORT)/bin/python -m pytest -n $(WORKERS) --run-export tests/export skrnn/export docs/export.md

# Without pytest-xdist, because the tests start processes.
test-cluster: $(CLUSTER)/installed-test-cluster
	$(CLUSTER)/bin/python -m pytest --run-slow tests/cluster

# The examples of docs/other_tools.md, and tests with these tools, whose own warnings are ignored.
test-clients: $(CLIENTS)/installed-test-clients
	$(CLIENTS)/bin/python -m pytest -n $(WORKERS) -W default --run-clients tests/clients docs/other_tools.md

# The models that all later versions must be able to load, before a release: make fixtures VERSION=0.2.0.
fixtures: $(OLDEST)/installed-test
	$(OLDEST)/bin/python -m tests.persistence.write_fixtures $(VERSION)

# BENCH_OPTIONS: parts to measure again, --quick, --redraw; see benchmarks/speed/__main__.py.
bench: $(BENCH)/installed-bench
	$(BENCH)/bin/python -m benchmarks.speed $(BENCH_OPTIONS)

# BACKTEST_TASKS: names of tasks, whose results are only printed; see benchmarks/backtests/tasks.py.
backtests: $(BACKTESTS)/installed-backtests
	HOME=$(abspath $(BACKTESTS)) $(BACKTESTS)/bin/python -m benchmarks.backtests $(BACKTEST_TASKS)

# LONG_SEQUENCES: names of data sets; see benchmarks/long_sequences.py.
long-sequences: $(LONG)/installed-long-sequences
	OMP_NUM_THREADS=1 $(LONG)/bin/python benchmarks/long_sequences.py $(LONG_SEQUENCES)

# The site, in build/docs, with the examples run; nothing is downloaded. DOCS_OPTIONS="-D plot_gallery=0" skips the examples,
# DOCS_OPTIONS="-t online" links to the references of NumPy, scikit-learn and others.
docs: $(DOCS)/installed-docs
	$(DOCS)/bin/python -m sphinx -b html -W --keep-going $(DOCS_OPTIONS) docs build/docs
	$(DOCS)/bin/python docs/check_links.py build/docs

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/check_styles.py docs/_static

# The package, and a program that uses it, with mypy in strict mode.
types: $(VENV)/installed-lint
	$(BIN)/mypy
	cd tests/packaging && $(abspath $(BIN))/mypy --strict --config-file= typed_use.py

# Known vulnerabilities of the dependencies, from PyPI; a package that cannot be checked is an error. Requires network access.
# Results change from day to day, so pull requests do not depend on it.
audit: $(AUDIT)/installed-audit
	$(AUDIT)/bin/pip-audit --strict --progress-spinner off .

# Mutation testing, which takes hours; see docs/design/mutants.md. MUTANTS='skrnn.cells.*' only tests these mutants and keeps
# the results of the others. After an interruption, `.venv-mutants/bin/mutmut run` continues. SAMPLE=1200 tests about as many,
# drawn from all modules; `.venv-mutants/bin/python -m tests.mutation.sample 1200` continues.
mutants: $(MUTATION)/installed-mutants
	$(if $(MUTANTS),,rm -rf mutants)
ifdef SAMPLE
	$(MUTATION)/bin/python -m tests.mutation.sample $(SAMPLE) --max-children $(WORKERS)
else
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(MUTATION)/bin/mutmut run --max-children $(WORKERS) $(foreach name,$(MUTANTS),'$(name)')
	$(MUTATION)/bin/mutmut results --all true | $(MUTATION)/bin/python -m tests.mutation.summary
endif

# The version is that of the git tag: see [tool.hatch.version] in pyproject.toml.
dist: $(VENV)/installed-dist
	rm -rf dist
	$(BIN)/python -m build

# The wheel and its dependencies, in a clean environment without the checkout.
test-wheel: dist
	$(BIN)/python -m tests.packaging.check_distributions dist
	rm -rf $(WHEEL)
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd $(WHEEL) && bin/python -P $(abspath tests/packaging/smoke.py)

$(VENV)/installed-%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@

$(OLDEST)/installed-test: pyproject.toml requirements-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-oldest.txt -e ".[test]"
	touch $@

# PyPI's PyTorch for Linux, here and in .venv-export, includes CUDA; PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu avoids it.
$(BENCH)/installed-bench: pyproject.toml
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	touch $@

$(EXPORT)/installed-test-export: pyproject.toml
	test -x $(EXPORT)/bin/python || $(PYTHON) -m venv $(EXPORT)
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test-export]"
	touch $@

$(FAST)/installed-test-fast: pyproject.toml
	test -x $(FAST)/bin/python || $(PYTHON) -m venv $(FAST)
	$(FAST)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test-fast]"
	touch $@

$(AUDIT)/installed-audit:
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit>=2.7"
	touch $@

$(CLUSTER)/installed-test-cluster: pyproject.toml
	test -x $(CLUSTER)/bin/python || $(PYTHON) -m venv $(CLUSTER)
	$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test-cluster]"
	touch $@

$(CLIENTS)/installed-test-clients: pyproject.toml
	test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test-clients]"
	touch $@

$(MUTATION)/installed-mutants: pyproject.toml
	test -x $(MUTATION)/bin/python || $(PYTHON) -m venv $(MUTATION)
	$(MUTATION)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[mutants]"
	touch $@

# pmdarima stores its series in a folder of the home directory: here, one inside the environment.
$(BACKTESTS)/installed-backtests: pyproject.toml
	test -x $(BACKTESTS)/bin/python || $(PYTHON) -m venv $(BACKTESTS)
	$(BACKTESTS)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[backtests]"
	touch $@

$(LONG)/installed-long-sequences: pyproject.toml
	test -x $(LONG)/bin/python || $(PYTHON) -m venv $(LONG)
	$(LONG)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[long-sequences]"
	touch $@

$(DOCS)/installed-docs: pyproject.toml
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(BENCH) $(EXPORT) $(CLUSTER) $(FAST) $(CLIENTS) $(BACKTESTS) $(DOCS) $(AUDIT) $(MUTATION) $(WHEEL) dist build mutants docs/gallery docs/generated
