# Kith: every command a developer or operator needs. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install demo test check format lint types architecture bench soak fuzz train services lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/.installed ## build .venv from the committed lock

demo: install ## an embedded mail server, a sample inbox and the whole service, in a web page
	$(BIN)/kith demo

services: ## install what the tests talk to (Dovecot, PostgreSQL) from Debian
	.ci/services

test: $(VENV)/.installed-dev services ## run all tests; installs what they need
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.installed-dev format lint types architecture test ## format, lint, types, architecture, tests

format: $(VENV)/.installed-dev ## check the formatting (fix: .venv/bin/ruff format .)
	$(BIN)/ruff format --check .

lint: $(VENV)/.installed-dev ## lint
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev ## mypy --strict on all floors and the tests
	$(BIN)/mypy

architecture: $(VENV)/.installed-dev ## floors, circles, packages on their floor
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py

train: $(VENV)/.installed-dev ## train the shipped model from the project's own messages
	$(BIN)/python -m intake.classification.training

bench: $(VENV)/.installed-dev services ## measure the journey beside its floor, as ratios
	$(BIN)/python -m tests.bench --long

soak: $(VENV)/.installed-dev services ## a short week of traffic, with faults and kills; every mail accounted for
	$(BIN)/python -m tests.soak

fuzz: $(VENV)/.installed-dev ## feed broken mail to the parser and all that reads it, for a minute
	$(BIN)/python -m tests.fuzz --seconds 60

lock: ## resolve the locks anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra postgres --extra build --extra demo pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras pyproject.toml -o requirements-dev.lock

clean: ## remove what the commands above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
