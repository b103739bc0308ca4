# Every target sets up what it needs: a fresh machine with Python 3.11 or later is enough.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
OLDEST = .venv-oldest
WORKERS ?= 2

.PHONY: demo test test-slow test-oldest lint types clean

demo: $(VENV)/installed-demo
	$(BIN)/python examples/sunspots.py

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS)

test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --run-slow -m slow tests

test-oldest: $(OLDEST)/installed-test
	$(OLDEST)/bin/python -m pytest -n $(WORKERS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-lint
	$(BIN)/mypy

$(VENV)/installed-%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@

$(OLDEST)/installed-test: pyproject.toml requirements-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-oldest.txt -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST)
