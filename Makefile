# Every target sets up what it needs: a fresh machine with Python 3.11 or later is enough.
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
	$(BIN)/python examples/sunspots.py

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS)

# Every combination of the axes of each test, and every example that Hypothesis draws.
test-all: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --all-cases

# The tests as older x86 processors would run them, one after another. PROCESSORS=--least tries the least capable alone,
# PROCESSORS="--only Haswell" that one.
test-processors: $(VENV)/installed-test
	$(BIN)/python -m tests.processors -n $(WORKERS) $(PROCESSORS)

test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --run-slow -m slow tests

# The tests with compiled cells, which without Numba would be left out.
test-fast: $(FAST)/installed-test-fast
	$(FAST)/bin/python -c "from skrnn.cells._compiled import why_not_compiled as why; assert why() is None, why()"
	$(FAST)/bin/python -m pytest -n $(WORKERS)

test-oldest: $(OLDEST)/installed-test
	$(OLDEST)/bin/python -m pytest -n $(WORKERS)

test-export: $(EXPORT)/installed-test-export
	$(EXPORT)/bin/python -m pytest -n $(WORKERS) --run-export tests/export skrnn/export docs/export.md

# Without pytest-xdist's processes: the tests begin processes of their own.
test-cluster: $(CLUSTER)/installed-test-cluster
	$(CLUSTER)/bin/python -m pytest --run-slow tests/cluster

# What docs/other_tools.md says of tools that call scikit-learn's estimators. What these warn of is theirs.
test-clients: $(CLIENTS)/installed-test-clients
	$(CLIENTS)/bin/python -m pytest -n $(WORKERS) -W default --run-clients tests/clients docs/other_tools.md

# The models that all later versions must be able to load, before a release: make fixtures VERSION=0.2.0.
fixtures: $(OLDEST)/installed-test
	$(OLDEST)/bin/python -m tests.persistence.write_fixtures $(VERSION)

# BENCH_OPTIONS: parts to measure anew, --quick, --redraw; see benchmarks/speed/__main__.py.
bench: $(BENCH)/installed-bench
	$(BENCH)/bin/python -m benchmarks.speed $(BENCH_OPTIONS)

# BACKTEST_TASKS: the names of some, which are then only printed; see benchmarks/backtests/tasks.py.
backtests: $(BACKTESTS)/installed-backtests
	HOME=$(abspath $(BACKTESTS)) $(BACKTESTS)/bin/python -m benchmarks.backtests $(BACKTEST_TASKS)

# LONG_SEQUENCES: the names of some data sets; see benchmarks/long_sequences.py.
long-sequences: $(LONG)/installed-long-sequences
	OMP_NUM_THREADS=1 $(LONG)/bin/python benchmarks/long_sequences.py $(LONG_SEQUENCES)

# The site, into build/docs, with the examples run; nothing is fetched. DOCS_OPTIONS=-D plot_gallery=0 leaves the examples out,
# DOCS_OPTIONS="-t online" links to the references of NumPy, scikit-learn and others.
docs: $(DOCS)/installed-docs
	$(DOCS)/bin/python -m sphinx -b html -W --keep-going $(DOCS_OPTIONS) docs build/docs
	$(DOCS)/bin/python docs/check_links.py build/docs

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/check_styles.py docs/_static

# The package, and a program that uses it, as a user's strictest mypy sees it.
types: $(VENV)/installed-lint
	$(BIN)/mypy
	cd tests/packaging && $(abspath $(BIN))/mypy --strict --config-file= typed_use.py

# What PyPI knows of holes in the packages that skrnn needs; one that cannot be asked about is an error. Needs the network,
# and finds today what it did not find yesterday: so no pull request waits for it.
audit: $(AUDIT)/installed-audit
	$(AUDIT)/bin/pip-audit --strict --progress-spinner off .

# Would the tests notice a mistake? See docs/design/mutants.md; it takes hours. MUTANTS='skrnn.cells.*' tries those mutants alone,
# and keeps what is known of the others. Stopped half-way, `.venv-mutants/bin/mutmut run` goes on.
mutants: $(MUTATION)/installed-mutants
	$(if $(MUTANTS),,rm -rf mutants)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(MUTATION)/bin/mutmut run --max-children $(WORKERS) $(foreach name,$(MUTANTS),'$(name)')
	$(MUTATION)/bin/mutmut results --all true | $(MUTATION)/bin/python -m tests.mutation.summary

# The version is that of the git tag: see [tool.hatch.version] in pyproject.toml.
dist: $(VENV)/installed-dist
	rm -rf dist
	$(BIN)/python -m build

# The wheel and its dependencies, in an empty environment that never saw the checkout.
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

# PyPI's PyTorch for Linux, here and in .venv-export, brings CUDA along, which PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves.
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

# pmdarima keeps its series in a folder of the home directory: here, one inside the environment.
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
