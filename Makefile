# make help lists the targets
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help app test check bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

app: .venv/app  ## set up (once) and run the app on http://127.0.0.1:7860
	$(BIN)/python app.py

test: .venv/dev check  ## set up (once), check style and types, run every test
	tests/find_browser.sh $(BIN)
	$(BIN)/python -m pytest

check: .venv/dev  ## ruff, mypy, import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev  ## every figure of benchmarks/README.md, measured on this machine
	$(BIN)/python benchmarks/inspection.py
	$(BIN)/python benchmarks/families.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/ablate.py
	$(BIN)/python benchmarks/failures.py
	$(BIN)/python benchmarks/fit.py
	$(BIN)/python benchmarks/evaluation.py

clean:  ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis

.venv/app: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

.venv/dev: .venv/app pyproject.toml
	$(BIN)/python -m pip install -e '.[dev]'
	touch $@
