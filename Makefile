# Needs Python 3.11 or newer with venv; everything else is installed into .venv, pinned by constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8080
FOLDER ?= resonanz-demo

.PHONY: run test check bench faults clean

run: .venv/.run  ## the live wall on the embedded broker
	$(BIN)/resonanz up --demo --port $(PORT) --folder $(FOLDER)

test: .venv/.test  ## every test; what needs Java, Chromium or promtool says so when it is missing
	$(BIN)/pytest

check: .venv/.test  ## format, lint, types, import rules, the wheel's contents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.test  ## every hot path against a peer and its limit, in one run
	$(BIN)/python -m tests.bench

faults: .venv/.test  ## the long form of every fault; the table goes to FAULTS.md
	$(BIN)/python -m tests.faults

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; choose it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.test: .venv/.python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@ .venv/.run

clean:
	rm -rf .venv .kafka
