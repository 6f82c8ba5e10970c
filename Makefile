# Needs Python 3.11 or newer with venv; everything else is installed into .venv, pinned by constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8080
FOLDER ?= resonanz-demo

.PHONY: run test check bench docs faults secrets clean

run: .venv/.run  ## the live wall on the embedded broker
	$(BIN)/resonanz up --demo --port $(PORT) --folder $(FOLDER)

test: .venv/.test  ## every test; what needs Java, Chromium or promtool says so when it is missing
	$(BIN)/pytest

check: .venv/.test  ## format, lint, types, import rules, the wheel's contents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.test  ## every hot path against a peer and its limit, in one run; the tables go to README.md
	$(BIN)/python -m tests.bench --readme

docs: .venv/.test  ## the tables of exported series in KPIS.md, from the code
	$(BIN)/python -m tests.docs.exported

faults: .venv/.test  ## the long form of every fault; the table goes to FAULTS.md
	$(BIN)/python -m tests.faults

secrets:  ## what docker-compose.yml wants: made once, never overwritten; the folder is yours alone
	@mkdir -p secrets && chmod 700 secrets
	@for name in pseudonym_key agency_token grafana_password; do test -s secrets/$$name \
	  || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > secrets/$$name; done
	@chmod 444 secrets/*
	@grep -qs '^RESONANZ_SECRETS=' .env || echo 'RESONANZ_SECRETS=./secrets' >> .env

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
	rm -rf .venv .kafka .peers
