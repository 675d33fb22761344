.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Lakeworks needs Python 3.11: set PYTHON=/path/to/python3.11"; exit 2; }
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install -q --disable-pip-version-check uv==0.13.8; }
	VIRTUAL_ENV=.venv $(BIN)/uv pip install -q -r requirements.lock
	@touch $@

setup: .venv/installed  ## create .venv with the pinned dependencies

lock:  ## resolve requirements.txt into requirements.lock
	$(BIN)/uv pip compile -q --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header requirements.txt -o requirements.lock

.PHONY: help setup lock
