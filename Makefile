# emocli: `make` lists the targets. Everything is installed in .venv; outside the checkout only the
# user's cache of pretrained models ($XDG_CACHE_HOME/emocli) is written, which all projects share.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

TEXTS := emocli tests examples README.md CONTRIBUTING.md CHANGELOG.md Makefile
# Words of other languages, Unicode escapes, and misspellings that occur in label files.
WORDS := juge,caf,sie,unter,te,ist,vor,sais,toi,hace,wil,doen,netural,nuetral,suprise,suprised,surpise,surprize,setts

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
# The environment is updated when pyproject.toml or constraints.txt changes.
USE := $(VENV)/.use
DEV := $(VENV)/.dev

.PHONY: help demo test test-all check docs docs-check picture bench fuzz clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(USE)  ## install emocli, pull its models, run the whole pipe on examples/clips
	@$(BIN)/emocli models pull default
	@PATH="$(abspath $(BIN)):$$PATH" bash examples/pipeline.sh

test: $(DEV)  ## install the test dependencies, run the tests (not the slow ones)
	@$(BIN)/emocli models pull default --quiet
	@$(BIN)/python -m pytest -n $(JOBS) -m 'not slow and not network and not gpu'

test-all: $(DEV)  ## run all tests, including slow ones, then check, docs-check and demo
	@$(BIN)/emocli models pull default --quiet
	@$(BIN)/python -m pytest -n $(JOBS) -m 'not network and not gpu' --cov=emocli
	@$(MAKE) --no-print-directory check docs-check demo

check: $(DEV)  ## check format, style, types and spelling
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/codespell --skip synonyms.toml --ignore-words-list '$(WORDS)' $(TEXTS)

docs: $(DEV)  ## write man pages, completions and the tables of the README
	@$(BIN)/python -m emocli.cli.documentation

docs-check: $(DEV)  ## fail if any of these files is stale
	@$(BIN)/python -m emocli.cli.documentation --check

picture: $(DEV)  ## draw the README's pictures again, with the default predictor
	@$(BIN)/emocli models pull default --quiet
	@$(BIN)/python examples/make_picture.py
	@$(BIN)/python examples/make_timeline.py

bench: $(DEV)  ## compare speed and size with the usual tools; writes bench.json
	@$(BIN)/emocli models pull default --quiet
	@$(BIN)/python -m tests.bench

fuzz: $(DEV)  ## mutate records, models and files through every command; kill and resume them
	@$(BIN)/python -m tests.fuzz --minutes 10
	@$(BIN)/python -m tests.pipeline.kills 200

clean:  ## delete everything that the other targets create, including .venv
	@rm -rf $(VENV) build dist *.egg-info examples/out bench.json .coverage
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find emocli tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		echo "emocli needs Python 3.11 or later; $(PYTHON) is" \
			"$$($(PYTHON) --version 2>&1 || true). Try: make PYTHON=python3.11" >&2
		exit 1
	fi
	if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then
		echo "$(PYTHON) cannot make virtual environments." \
			"On Debian and Ubuntu: apt install python3-venv" >&2
		exit 1
	fi
	$(PYTHON) -m venv $(VENV)

$(USE): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing emocli into $(VENV) (this takes minutes the first time)" >&2
	$(PIP) --editable '.[align,plot,video,xlsx]'
	touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing emocli and its test dependencies into $(VENV) (minutes the first time)" >&2
	$(PIP) --editable '.[align,eeg,llm,plot,video,xlsx,dev]'
	touch $(USE) $@
