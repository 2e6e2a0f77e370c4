# Everything a contributor runs. Each target sets up what it needs in .tools/ and .venv/, from the locked requirements.

PYTHON ?= python3
# A file stays together: what its tests share, often whole processes, is then started once.
PYTEST_ARGS ?= tests -n 2 --dist loadfile --no-loadscope-reorder
UV_VERSION := 0.13.8

BENCH_ARGS := $(if $(BENCH_CASES),--cases "$(BENCH_CASES)") $(if $(BENCH_QUICK),--quick) $(if $(BENCH_PROFILE),--profile)

BIN := .venv/bin
UV := .tools/bin/uv
# What is installed follows from these files; another content is another stamp.
KEY := $(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
INSTALLED := .venv/.installed-$(KEY)
# What looks for accessibility faults in the pages comes from npm; without npm those checks are skipped, loudly.
AXE := tests/browser/node_modules/.installed

# uv asks the same index as the machine's pip does.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test faults faults-selftest bench bench-large mutants check check-types check-rest format docs lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## the demo: everything on this machine, with simulated providers
	@exec $(BIN)/gatepost up --demo

test: $(INSTALLED) $(AXE) ## the tests; PYTEST_ARGS="tests/unit -k pacing" narrows them
	$(BIN)/python -m pytest $(PYTEST_ARGS)

faults: $(INSTALLED) ## kill processes and crash the database for half an hour; FAULT_KILLS, FAULT_MINUTES and FAULT_SEED narrow it
	@exec $(BIN)/python -m tests.faults.long_run

faults-selftest: $(INSTALLED) ## put bugs into copies of the tree; each must be caught; BUGS="fence receipts" narrows them
	@exec $(BIN)/python -m tests.faults.selftest $(BUGS)

bench: $(INSTALLED) ## measure beside Kannel; BENCH_CASES="F1 F2" and BENCH_QUICK=1 narrow it, else docs/benchmarks.md is written
	@exec $(BIN)/python -m tests.bench $(BENCH_ARGS)

bench-large: $(INSTALLED) ## the same with ten million messages stored, and with several workers
	@exec $(BIN)/python -m tests.bench --large $(BENCH_ARGS)

mutants: $(INSTALLED) ## change five adapters in each place, and count the changes that no exchange notices
	$(BIN)/mutmut run --max-children 2
	$(BIN)/python -m tests.providers.mutants

check: check-types check-rest ## format, lint, types, import contracts, generated docs, migrations

check-types: $(INSTALLED)
	$(BIN)/mypy

check-rest: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m gatepost.docs_generated --check
	$(BIN)/python -W ignore::RuntimeWarning -m django makemigrations --check --dry-run --settings gatepost.settings

format: $(INSTALLED) ## bring the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## write the pages of the docs that are made from the code
	$(BIN)/python -m gatepost.docs_generated

lock: $(UV) ## lock the newest versions that pyproject.toml allows
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--group dev --output-file requirements.lock pyproject.toml

$(AXE): tests/browser/package-lock.json
	@if command -v npm >/dev/null; then \
		cd tests/browser && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules/.installed; \
	else echo "npm is missing: accessibility will not be tested"; fi

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Gatepost needs Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Getting uv $(UV_VERSION)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet uv==$(UV_VERSION)

# Compiled once, here: where the environment keeps Python from doing so, each start would do it again, for seconds.
$(INSTALLED): $(UV)
	@echo "Installing the locked requirements"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@rm -f .venv/.installed-*
	@touch $@
