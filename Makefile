# Every target works by itself on a machine that has Python 3.11 or newer and make: it makes .venv and installs what is pinned.
# A second run finds the stamp of the same pins and starts at once. `make help` lists the targets.

VENV  ?= .venv
BIN   := $(VENV)/bin
PY    := $(BIN)/python
KEY   := $(shell cat pyproject.toml constraints.txt scripts/set_up.sh | cksum | tr ' ' '-')
STAMP := $(VENV)/.installed-$(KEY)

# `python` is asked for by name only where the caller gave one: make PYTHON=python3.12 test
ifdef PYTHON
export PYTHON
endif
export VENV

PYTEST := $(PY) -m pytest

.DEFAULT_GOAL := help
.PHONY: help install demo lab test quick notebooks browser nightly bench coverage lint format types widgets widgets-check wheel clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP):
	@sh scripts/set_up.sh
	@rm -f $(VENV)/.installed-*
	@touch $@

install: $(STAMP) ## make .venv with labelnb and everything it needs, at the pinned versions

demo: $(STAMP) ## the main job on real data that ships with the package, headless, as a table and a report
	$(BIN)/labelnb demo

lab: $(STAMP) ## open JupyterLab on the quickstart notebook
	$(BIN)/labelnb lab

test: $(STAMP) ## everything: unit, contract, doctests, notebooks, browser (where Chromium is there)
	$(PYTEST) tests labelnb notebooks --nbval-lax

quick: $(STAMP) ## the tests without notebooks and browsers
	$(PYTEST) tests labelnb -m "not browser" -x -q

notebooks: $(STAMP) ## run the notebooks and check their printed numbers
	$(PYTEST) notebooks --nbval-lax

browser: $(STAMP) ## the widgets in plain Chromium and in a real JupyterLab; fails where there is no Chromium
	LABELNB_REQUIRE_BROWSER=1 $(PYTEST) tests -m browser

nightly: $(STAMP) ## the tests that take minutes too
	LABELNB_NIGHTLY=1 $(PYTEST) tests labelnb notebooks --nbval-lax

bench: $(STAMP) ## the measurements, printed; nothing is asserted about time
	$(BIN)/labelnb bench
	PYTHONPATH=. $(PY) tests/benchmarks/journal_times.py

coverage: $(STAMP) ## line and branch coverage of the test suite, as a table and as htmlcov/
	$(PYTEST) tests labelnb -m "not browser" --cov --cov-report=term --cov-report=html -q

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .

format: $(STAMP) ## what ruff can mend by itself
	$(BIN)/ruff check --fix .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

widgets: ## build the front end into labelnb/widgets/static; needs Node.js 20 or newer
	cd widgets && npm ci && npm run types && npm test && npm run build

widgets-check: ## the same, and fail where the committed bundles are not what the sources give
	cd widgets && npm ci && npm run types && npm test && npm run check

wheel: $(STAMP) ## build dist/labelnb-*.whl; needs no Node.js
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls -l dist

clean: ## remove .venv and everything that was built or cached here, but never a session
	rm -rf $(VENV) dist build htmlcov demo-report .test-output .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage* widgets/node_modules
	find labelnb tests -name __pycache__ -prune -exec rm -rf {} +
