# odoo-fleet: every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-web lint format test test-exhaustive test-pairs test-odoo mutants soak bench docs screenshots translations requirements clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.run-stamp: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -P -m reconciler "$$@"\n' > $(BIN)/odoo-fleet && chmod +x $(BIN)/odoo-fleet
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/odoo_fleet.pth"
	@touch $@

$(VENV)/.dev-stamp: requirements-dev.txt $(VENV)/.run-stamp
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.dev-stamp  ## a virtual environment in .venv with everything that developers need

demo: $(VENV)/.run-stamp  ## simulated hosts, the sample fleet converged before your eyes, and what to try next
	@scripts/demo.sh

demo-web: $(VENV)/.run-stamp  ## the same fleet kept by a daemon with its page, and a token for each role to log in with
	@scripts/demo-web.sh

lint: $(VENV)/.dev-stamp  ## style, types, layers, spelling, unused dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/codespell
	@$(BIN)/deptry .

format: $(VENV)/.dev-stamp  ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

# Tests and what they start are compiled once, also where Python is told to write nothing beside the sources.
test test-exhaustive: export PYTHONDONTWRITEBYTECODE :=
test test-exhaustive: export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/python

SEED ?= $(shell date +%Y%m%d)
test: $(VENV)/.dev-stamp  ## the tests on simulated hosts: no root, some eight minutes; in another order each day, or as SEED=… says
	@$(BIN)/pytest -n 2 --dist worksteal -p randomly --randomly-seed=$(SEED) --randomly-dont-reset-seed

test-exhaustive: $(VENV)/.dev-stamp  ## a crash at every request (of endings, adoptions, replacements and moves at a seventeenth, another each day), interleavings, 300 random lives, pairs of faults, a backup of 20 GB
	@ODOO_FLEET_EXHAUSTIVE=1 ODOO_FLEET_RUNS=300 ODOO_FLEET_PAIRS=sample=40 $(BIN)/pytest -n 2 tests/faults tests/core/test_every_state.py tests/backups/test_memory.py tests/backups/test_replacing_by_accident.py

test-pairs: $(VENV)/.dev-stamp  ## every pair of faults at what makes, moves and drops databases, 20,000 drawn lives, all moments of endings, adoptions, replacements, moves and upgrades: hours
	@ODOO_FLEET_EXHAUSTIVE=1 ODOO_FLEET_EVERY=1 $(BIN)/pytest -n 2 tests/faults/test_endings.py tests/faults/test_adopting.py tests/faults/test_server_moves.py tests/engine/test_upgrades.py tests/backups/test_replacing_by_accident.py
	@ODOO_FLEET_PAIRS=all $(BIN)/pytest -n 2 tests/faults/test_pairs.py

MODULES ?=
mutants: $(VENV)/.dev-stamp  ## small faults in the law that no test notices: all of them, or of MODULES="names safety"; an hour or more
	@$(BIN)/python -m tests.mutants $(MODULES)

SECONDS ?= 60
soak: $(VENV)/.dev-stamp  ## the daemon as a process, under kills, faults and clock jumps for SECONDS (60)
	@$(BIN)/python -m tests.soak --seconds $(SECONDS)

bench: $(VENV)/.dev-stamp  ## ratios against the bare minimum that does the same work
	@$(BIN)/python -m tests.benchmarks

docs: $(VENV)/.dev-stamp  ## generate docs/fleet-reference.md from the schemas, and docs/verbs.md
	@$(BIN)/python -m reconciler.reports.fleet_reference > docs/fleet-reference.md
	@$(BIN)/python -m reconciler.reports.verbs_reference > docs/verbs.md

screenshots: $(VENV)/.dev-stamp  ## draw the page's pictures of the docs again (root: installs Debian's Chromium and pngquant)
	@$(BIN)/python -m tests.web.screenshots

PAGE := reconciler/web/page
translations: $(VENV)/.dev-stamp  ## bring the page's catalogues up to date with its sentences; what is new in them is to be translated
	@mkdir -p .cache
	@$(BIN)/pybabel -q extract --no-location --sort-output --no-wrap --omit-header -F $(PAGE)/babel.cfg -k say -k RequestRefused:2 -o .cache/page.pot .
	@for each in $(PAGE)/*.po; do $(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap -l $$(basename $$each .po) -i .cache/page.pot -o $$each; done

test-odoo: $(VENV)/.dev-stamp  ## the tests on real Odoo 19 and 14, PostgreSQL, promtool, systemd (root: installs Debian packages)
	@$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=20 -m 'odoo or postgresql or deploy'

requirements:  ## pin the dependencies again, with hashes
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra alerts --extra backups --extra daemon --extra oidc --extra postgresql -o requirements.txt
	@$(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra alerts --extra backups --extra daemon --extra oidc --extra postgresql --group dev -o requirements-dev.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
