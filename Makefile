# The house's commands. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := gateway providers metering billing portal launch config
CODE := $(PACKAGES) tests bench

.DEFAULT_GOAL := help
.PHONY: help demo test check bench chaos simulate campaign format clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed  ## everything on this machine, with simulated vendors and sample data
	@$(BIN)/voucher-gateway up --demo

# Three processes for two cores: the tests wait for a third of their time. Compiled once before: else every
# process of every house they start does it, where none may write what it has compiled. The tests' own
# processes may, whatever the shell says: what one has compiled the others need not.
test: .venv/installed-test  ## the whole suite, against real Valkey and PostgreSQL
	@$(BIN)/python -m compileall -q $(PACKAGES) || true
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 4 --dist loadscope

check: .venv/installed-test  ## lint, types, import contracts, tidiness, spelling
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house
	$(BIN)/codespell $(CODE) docs deploy README.md CHANGELOG.md Makefile .ci

bench: .venv/installed-test  ## measure the gateway beside nginx and beside nothing; writes docs/benchmarks.md
	@$(BIN)/python -m bench

MINUTES ?= 2
chaos: .venv/installed-test  ## kill, stop, cut and rob a running house, check every charge; MINUTES=30 SEED=7
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

SEEDS ?= 10000
simulate: .venv/installed-test  ## the real coroutines under virtual time, with faults at every await; SEEDS=500
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS)

campaign: .venv/installed-test  ## what CI runs besides the suite: faults by the dozen, laws, each safeguard taken away, 300 seeds
	@PYTHONDONTWRITEBYTECODE= PURSE_EXAMPLES=60 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope \
		-m "campaign or hypothesis or law" --hypothesis-profile campaign
	@$(BIN)/python -m tests.simulation --seeds 300

format:  ## let ruff lay the code out
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

clean:  ## remove the virtual environment and what tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-test: pyproject.toml tests/matrix/earlier.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
		--target .venv/earlier --requirement tests/matrix/earlier.txt
	@touch $@ .venv/installed
