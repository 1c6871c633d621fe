# `make run` is all that a first visit needs. Everything lives in .venv and in DATA_DIR (.data).

BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes
# The first of these that is new enough; PYTHON=… names another.
PYTHON ?= $(shell for candidate in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)

.PHONY: help install install-dev install-proof run test soak bench bench-quick check lock clean

help:
	@echo 'make run      start everything, with a demo organization and a simulated fleet'
	@echo 'make test     the tests (ARGS="tests/runtime -x" for some of them)'
	@echo 'make soak     faults, then a million deliveries with a hundred kills (ARGS="--only F1 F9" for some of them)'
	@echo 'make bench    all measurements, about 12 minutes, kept in bench/results/latest.json'
	@echo 'make bench-quick   whether the drain has become slower than those by more than a fifth'
	@echo 'make check    style, types, import directions, container files, migrations, templates'
	@echo 'make install  .venv with the locked dependencies; the others call it'
	@echo 'make lock     resolve requirements*.in into requirements*.lock anew (needs uv)'
	@echo 'make clean    remove .venv and caches; DATA_DIR stays'

install: .venv/.installed
install-dev: .venv/.installed-dev
install-proof: .venv/proof/.installed

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo 'Feeder needs Python 3.11 or newer: install it, or name it with PYTHON=…' >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo 'Python could not make .venv: on Debian, apt-get install python3-venv helps.' >&2; exit 1; }

.venv/.installed: requirements.lock | .venv/bin/python
	@echo 'Installing what the product needs (once, about a minute) …'
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

.venv/.installed-dev: requirements-dev.lock requirements.lock | .venv/bin/python
	@echo 'Installing what tests and checks need (once, about a minute) …'
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch .venv/.installed $@

.venv/proof/.installed: tests/proof/package.json tests/proof/package-lock.json | .venv/bin/python
	@command -v npm >/dev/null || { echo 'npm is missing: on Debian, apt-get install npm helps.' >&2; exit 1; }
	@echo 'Installing the servers that the proofs need (once, about a minute) …'
	@mkdir -p .venv/proof
	@cp tests/proof/package.json tests/proof/package-lock.json .venv/proof/
	@npm ci --prefix .venv/proof --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# .env, if there is one, holds settings as env.example lists them.
run: install
	@set -a; if [ -f .env ]; then . ./.env; fi; set +a; exec $(BIN)/python manage.py up --demo

test: install-dev install-proof
	$(BIN)/pytest $(if $(ARGS),$(ARGS),--numprocesses 3 --dist loadfile --no-loadscope-reorder)

soak: install-dev
	$(BIN)/python -m bench.soak $(ARGS)

bench: install-dev
	$(BIN)/python -m bench.run

bench-quick: install-dev
	$(BIN)/python -m bench.quick

check: export SECRET_KEY := for-checks-only
check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check
	$(BIN)/python manage.py compile_templates

lock:
	uv pip compile requirements.in --output-file requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --python-version 3.11 --upgrade
	uv pip compile requirements-dev.in --output-file requirements-dev.lock --constraint requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --python-version 3.11 --upgrade

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -not -path './.data/*' -prune -exec rm -rf {} +
