.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv
# a machine that names its certificates to pip means uv too
ifneq ($(PIP_CERT),)
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: setup  ## watch real taxi months go through the lake in Airflow, then stop everything
	@$(BIN)/python -m lakeworks_demo demo

up: setup  ## the same, and leave Airflow and the lake running to look around
	@$(BIN)/python -m lakeworks_demo up

down: setup  ## stop what `make up` left running
	@$(BIN)/python -m lakeworks_demo down

test: lint test-unit test-stack  ## every check and test

lint: setup  ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-unit: setup  ## fast tests with coverage
	$(BIN)/python -m pytest -n 2 -m "not stack" --cov --cov-report=term:skip-covered -q

test-stack: setup  ## end-to-end tests on the real Airflow stack
	$(BIN)/python -m pytest -m stack -q

chaos: setup  ## kill writers some hundred times while readers look (minutes)
	$(BIN)/python -m tests.chaos

catalog-scale: setup  ## time catalog diff, repair and status at 100,000 partitions (minutes)
	$(BIN)/python -m tests.catalog_scale

format: setup  ## format and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## write docs/tables from the contracts
	$(BIN)/lakeworks docs docs/tables

setup: .venv/installed  ## create .venv with the pinned dependencies

.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Lakeworks needs Python 3.11; name it: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/pip install -q --disable-pip-version-check uv==0.13.8
	@echo "installing the pinned dependencies into .venv"
	@$(BIN)/uv pip sync -q --compile-bytecode requirements.lock
	@touch $@

lock: setup  ## resolve requirements.txt into requirements.lock
	$(BIN)/uv pip compile -q --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header requirements.txt -o requirements.lock

clean: down  ## remove what the demo and `make up` stored
	rm -rf .local

.PHONY: help demo up down test lint test-unit test-stack chaos catalog-scale format docs setup lock clean
