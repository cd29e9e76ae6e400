# The first target that is made sets up .venv, which takes a few minutes once; nothing has to be installed but Python
# 3.11 or later. Set-up is repeated when the lock file or pyproject.toml changes, or when it was interrupted.

PYTHON := $(or $(shell command -v python3.11 || command -v python3),python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help train test check format notebooks docs docs-serve audit clean
.DEFAULT_GOAL := help

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

train: $(READY)  ## Train VGG-11 in waves on the bundled images; more settings: make train ARGS="labels=1000"
	$(BIN)/python train.py model=vgg11 schedule=wave $(ARGS)

# A file's tests go to one process, which sets up once what they share.
test: check  ## Check, then run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY)  ## Lint, look at the format, check types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)  ## Format, and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

notebooks: $(READY)  ## Run the notebooks anew, from their .py sources
	$(BIN)/python scripts/notebooks.py --run

docs: $(READY)  ## Build the documentation as a site, into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

docs-serve: $(READY)  ## Show the site at http://127.0.0.1:8000, and follow what is written
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --watch lwtrain --watch conf

audit:  ## Look up known vulnerabilities of the locked packages (pip-audit, from a folder of its own; needs the network)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" && \
	"$$folder/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit && \
	"$$folder/bin/pip-audit" --requirement requirements.lock --no-deps --disable-pip --strict

clean:  ## Remove what tools leave behind; outputs/, data/ and .venv stay
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lwtrain needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
