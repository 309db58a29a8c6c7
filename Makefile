# Each target does all of its own set-up; nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= demo
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check fix bench clean

demo: $(VENV)/$(EXTRAS).installed  ## the January story; options go into ARGS, e.g. make demo ARGS="--fast --exit --json"
	@$(BIN)/outerloop demo $(ARGS)

test: $(VENV)/dev.installed  ## the whole suite
	@deploy/browser.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev.installed  ## lint, types, architecture rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/dev.installed  ## let ruff mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.installed  ## measured false-alarm rates and power of the detectors
	$(BIN)/python benchmarks/drift.py $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/%.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing outerloop[$*] into $(VENV) ..." >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[$*]' >&2
	@touch $@
