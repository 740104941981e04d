# The verbs of this repository. Each one works on a machine with Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test check bench docs outside clean
.DEFAULT_GOAL := demo

# The environment, made anew when the pins or the declarations change.
$(VENV)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

.venv: $(VENV)/.made
.PHONY: .venv

demo: .venv          ## a server with two weeks of a fictional company's logs, and an attack in them
	$(BIN)/huntlake demo

test: .venv          ## the quick suite
	$(BIN)/python -m pytest tests

check: .venv         ## lint, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

docs: .venv          ## regenerate the pages that are made from the code
	$(BIN)/python -m tests.house.documents

outside: .venv       ## the outside suites, where they are present
	$(BIN)/python tests/outside/run.py

bench: .venv         ## measure, and write bench/figures.json
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV)
