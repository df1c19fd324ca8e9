# One verb a line. `make` alone lists them.
SHELL := /bin/bash
# The system's Python where it will do: Debian builds it with profile-guided optimisation, which saves a quarter of the
# CPU that one built by hand or by pyenv takes here. Say PYTHON=… for another.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys, ensurepip; assert (3, 11) <= sys.version_info < (3, 13)' 2> /dev/null \
	&& echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
# Installs in some seconds what takes pip a minute; where it cannot reach the packages, pip does it: the system's where
# there is one that can (22.3 and later), since unpacking the environment's own takes another seven seconds.
UV := 0.13.9
PIP := 26.3
system_pip := $(PYTHON) -m pip --python
pip := $$(test -x $(BIN)/pip && echo $(BIN)/pip || echo $(system_pip) $(BIN)/python) --quiet --disable-pip-version-check
install = $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python $(1) || $(pip) install $(1)
READY := $(VENV)/.ready
# Houses are many processes: byte code that is not kept is made anew by each of them.
unexport PYTHONDONTWRITEBYTECODE
SEED ?=
N ?= 200
SCENARIO ?=
FILE ?=
CODE := engine actors bench clients protos tests
# What nearly every test process imports: byte code that is made once, before three of them make it side by side.
OFTEN := _pytest,hypothesis,openpyxl,redis,cryptography,aiohttp,pydantic,valkey,google,prometheus_client

.DEFAULT_GOAL := help

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Make the environment (done by every other verb when needed)

$(READY): requirements.lock pyproject.toml clients/python/pyproject.toml
	@echo "Installing what requirements.lock names into $(VENV) …"
	@$(PYTHON) -m venv --clear $$($(system_pip) $(PYTHON) --version > /dev/null 2>&1 && echo --without-pip) $(VENV)
	@$(pip) install uv==$(UV)
	@$(call install,pip==$(PIP))
	@$(call install,--require-hashes -r requirements.lock)
	@$(call install,--no-deps --no-build-isolation -e clients/python -e .)
	@$(BIN)/python -m compileall -q -j 0 $(filter-out tests,$(CODE)) $(VENV)/lib/python3*/site-packages/{$(OFTEN)}
	@touch $@

demo: $(READY) ## Import, flash sale with a killed owner, last card, audit: about 20 seconds, a quarter of a minute more with installing
	@$(BIN)/python -m bench.demo

bench: $(READY) ## Load a house, audit it, write figures: SCENARIO=sale; without, list the scenarios
	@$(BIN)/python -m bench $(SCENARIO) $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DOOR),--door $(DOOR)) $(if $(HISTORY),--history $(HISTORY)) $(if $(FROM),--from $(FROM))

check-history: $(READY) ## Judge what clients were told: FILE=build/bench/history/sale/….jsonl.gz
	@$(BIN)/python -m bench check-history $(FILE)

bench-report: $(READY) ## Collect what was benched into build/bench/index.html
	@$(BIN)/python -m bench report

reliability: $(READY) ## Write the figures of docs/reliability.md anew from the last runs of chaos, sim, upgrade, elastic, restore
	@$(BIN)/python -m bench reliability

hosts: $(READY) ## Bring ray_cluster.yaml up on three network-namespace hosts of this machine, sell, cut networks, take it down (root)
	@$(BIN)/python -m bench.hosts

up: $(READY) ## Start Cardkeep on this machine
	@$(BIN)/cardkeep up

down: $(READY) ## Stop it
	@$(BIN)/cardkeep down

fmt: $(READY) ## Format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(READY) ## Style, and that generated code is fresh
	$(BIN)/python -m protos.generate --check
	$(BIN)/ruff format --check --quiet $(CODE)
	$(BIN)/ruff check --quiet $(CODE)

types: $(READY) ## Types
	$(BIN)/mypy engine actors bench clients/cli clients/sandbox clients/python/src

imports: $(READY) ## Which room may know which
	$(BIN)/lint-imports --no-cache

unit: $(READY) ## Each part alone, and the stories
	$(BIN)/python -m pytest tests/unit tests/stories

sim: $(READY) ## Whole houses on virtual time with faults: SEED=4711 replays one, N=500 runs many
	$(BIN)/python -m tests.sim $(if $(SEED),--seed $(SEED),--n $(N))

protos: $(READY) ## Generate code from the protos
	$(BIN)/python -m protos.generate

lock: $(READY) ## Resolve dependencies anew into requirements.lock
	mkdir -p build/lock
	grep -v '"cardkeep-client"' pyproject.toml > build/lock/pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-header --extra dev --extra bench build/lock/pyproject.toml -o requirements.lock

coverage: $(READY) ## Every branch of engine/ is run by tests/unit and tests/stories, however few the random examples
	CARDKEEP_EXAMPLES_SHARE=0.2 $(BIN)/coverage run --branch --source engine -m pytest tests/unit tests/stories
	$(BIN)/coverage report --fail-under=100 --show-missing --skip-covered

check: $(READY) ## Quick gate before every commit, under a minute: style, types, imports, and each part alone with fewer random examples
	@CARDKEEP_EXAMPLES_SHARE=0.2 $(MAKE) --no-print-directory --jobs --output-sync=target types quick-a-f quick-g-p quick-q-z lint imports
	@echo "All good."

# A process for each third: one for all of them that hands tests out would have each of its workers read every test.
quick-a-f: $(READY)
	$(BIN)/python -m pytest tests/tidy tests/stories tests/unit/test_[a-f]*.py

quick-g-p: $(READY)
	$(BIN)/python -m pytest tests/unit/test_[g-p]*.py

quick-q-z: $(READY)
	$(BIN)/python -m pytest tests/unit/test_[q-z]*.py

test: $(READY) ## Everything, with real stores, owners, front ends and Ray: two at a time, then what needs whole houses alone
	$(BIN)/python -m pytest -n 2 --dist worksteal tests --ignore tests/cluster
	$(BIN)/python -m pytest tests/cluster

.PHONY: help setup demo bench check-history bench-report reliability hosts up down fmt lint types imports unit sim protos lock coverage check quick-a-f quick-g-p quick-q-z test
