# Everything that people and CI run. Needs Python 3.11 (or newer) and make; uv is fetched where it is missing.
PYTHON ?= python3
UV_VERSION := 0.13.9
WORKERS ?= 2
FAULTS ?= 500
SEED ?= 1

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
ENVIRONMENT := .venv/.synced

.DEFAULT_GOAL := help
.PHONY: help run test check lock verify docs bench faults format clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet 'uv==$(UV_VERSION)'

$(ENVIRONMENT): $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv) pyproject.toml uv.lock shared/pyproject.toml $(wildcard services/*/pyproject.toml)
	$(UV) sync --quiet --frozen --all-packages --all-groups
	@touch $@

run: $(ENVIRONMENT)  ## Start everything in one process, on an embedded database
	$(UV) run --no-sync leadway up

test: $(ENVIRONMENT)  ## Run all tests, with real PostgreSQL and real Apache Kafka
	$(UV) run --no-sync pytest --numprocesses $(WORKERS) --dist worksteal

check: verify lock  ## Lint, format, types, architecture, spelling, lock file, generated files
	$(UV) run --no-sync ruff check
	$(UV) run --no-sync ruff format --check
	$(UV) run --no-sync lint-imports
	$(UV) run --no-sync codespell
	$(UV) run --no-sync pyright

lock: $(ENVIRONMENT)  ## Fail where uv.lock no longer fits the pyproject.toml files
	$(UV) lock --check

verify: $(ENVIRONMENT)  ## Fail where a generated file no longer says what the code says
	$(UV) run --no-sync leadway docs --check

docs: $(ENVIRONMENT)  ## Write the generated files: services' README, OpenAPI, AsyncAPI, settings
	$(UV) run --no-sync leadway docs

faults: $(ENVIRONMENT)  ## Break a running system, on both logs, and check it: make faults FAULTS=60 SEED=7
	$(UV) run --no-sync python -m faults --log both --faults $(FAULTS) --seed $(SEED)

format: $(ENVIRONMENT)  ## Put the code into its form
	$(UV) run --no-sync ruff check --fix
	$(UV) run --no-sync ruff format

bench: $(ENVIRONMENT)  ## Measure everything in some minutes, or one thing: make bench BENCH=append
	$(UV) run --no-sync python -m bench $(BENCH)

clean:  ## Remove what the tools made; data folders stay
	rm -rf .venv .uv .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
