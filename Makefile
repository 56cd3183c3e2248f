# `make check` does in the current environment what .ci/run does in a fresh one.
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
BIN := $(dir $(shell command -v $(PYTHON)))

.PHONY: check format lint types contracts test

check: lint types contracts test

format:
	$(BIN)ruff format .
	$(BIN)ruff check --fix .

lint:
	$(BIN)ruff check .
	$(BIN)ruff format --check .

types:
	$(BIN)mypy

contracts:
	$(BIN)lint-imports

test:
	$(PYTHON) -m pytest
