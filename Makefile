# The verbs of this repository. Each works on a machine that has Python 3.11 or later, and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help demo pages wheel journeys pictures test check bench determinism evidence fuzz hunting hunts meaning needle playbooks playbook-faults rivals kill-points scheduler-days models docs outside accept clean .venv
.DEFAULT_GOAL := help

help:                ## what there is to make
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/'

# The environment, made anew when the pins or the declarations change.
.venv: $(VENV)/.made
$(VENV)/.made: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	@touch $@

demo: .venv pages    ## a server with two weeks of a fictional company's logs, and an attack in them
	$(BIN)/huntlake demo

pages: .venv         ## build the pages for browsers, where they have changed
	@$(BIN)/python -m tools.pages --check >/dev/null || { \
	  { command -v node >/dev/null && command -v npm >/dev/null; } || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group pages; }
	$(BIN)/python -m tools.pages

wheel: pages         ## a wheel, with the pages in it
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

test: .venv          ## the quick suite, on as many cores as there are
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile tests

journeys: .venv pages ## what people do with the pages, in Chromium (Debian's package)
	$(BIN)/python -m bench.journeys

pictures: .venv pages ## take pictures of every page from the demo, for the documents
	HUNTLAKE_JOURNEYS=1 HUNTLAKE_PICTURES=docs/pages $(BIN)/python -m pytest tests/browser/test_pictures.py

check: .venv         ## lint, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bench: .venv         ## measure, and write bench/figures.json
	$(BIN)/python -m bench
	$(BIN)/python -m tools.documents

meaning: .venv       ## 24,000 expressions made at random, against an evaluator of our own
	$(BIN)/python -m bench.meaning

fuzz: .venv          ## the tests that make up their own input, with other input each time
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest $$(grep -rl --include='test_*.py' '^from hypothesis' tests)

playbook-expressions: .venv ## a million generated expressions, for crashes and the time they take: five minutes
	$(BIN)/python -m bench playbook_expressions

playbook-injections: .venv ## 500 payloads through incidents into the queries of playbooks, and the linter
	$(BIN)/python -m bench playbook_injections

determinism: .venv   ## ask everything a hundred times on 1, 2 and 8 threads: hours
	$(BIN)/python -m bench.determinism 100

kill-points: .venv   ## kill a process that takes logs in, a thousand times, and count what is lost, doubled or wrong: 40 minutes
	$(BIN)/python -m bench.kill_points 1000

scheduler-days: .venv ## 10,000 simulated days of the scheduler, with crashes, wrong clocks and late data: some minutes
	$(BIN)/python -m bench.scheduler_days

playbook-faults: .venv ## crash playbooks after every step, run 10,000 with faults, and kill a hundred for real: 20 minutes
	$(BIN)/python -m bench.playbook_runs faults

evidence: .venv      ## import recorded attacks, and see if the rules still fire
	$(BIN)/python -m bench evidence

rivals: .venv        ## what `needle` and `hunts` measure against: other engines
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group bench

needle: .venv        ## one term in thirty days of logs, with the index and without: full size needs 5 GB
	HUNTLAKE_BENCH_SCALE=$${HUNTLAKE_BENCH_SCALE:-1} $(BIN)/python -m bench needle

hunts: .venv         ## fifteen hunts against chdb, Polars and DataFusion (`make rivals`): full size needs 5 GB
	HUNTLAKE_BENCH_SCALE=$${HUNTLAKE_BENCH_SCALE:-1} $(BIN)/python -m bench.hunts_mix

playbooks: .venv     ## import the published templates of playbooks, and run each over stubs, set off by the demo's incidents
	$(BIN)/python -m bench.playbook_templates --report build/playbooks.jsonl

models: .venv        ## learn anew which words speak of which technique, from labelled reports: a minute
	$(BIN)/python -m tools.models

docs: .venv          ## write the pages that are made from the code
	$(BIN)/python -m tools.documents

hunting: .venv       ## hunting, measured without a model on labelled sets, recorded attacks and the demo
	$(BIN)/python -m bench hunt_indicators hunt_alerts hunt_questions hunt_safety hunt_injection hunt_misbehaving \
		hunt_story hunt_states hunt_techniques hunt_ranking hunt_signals hunt_templates
	$(BIN)/python -m tools.documents

outside: .venv       ## the outside suites, where they are present
	$(BIN)/python tests/outside/run.py
	$(BIN)/python tests/outside/clients.py
	$(BIN)/python tests/outside/playbooks.py
	$(BIN)/python tests/outside/hunting.py
	$(BIN)/python -m tools.documents

accept: .venv        ## write today's answers into the pages of conformance, for review to read
	$(BIN)/python -m pytest tests/test_conformance.py --accept

clean:               ## remove the environment
	rm -rf $(VENV)
