# Everything a newcomer needs is `make results` and `make test`. Each target makes .venv when it is missing or stale.
#   make venv EXTRAS=torch,run,search,dev     one framework only; EXTRAS=torch: only what measures a gradient of your own

PYTHON ?= python3
EXTRAS ?= all
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: venv results test bench site lint audit
.DEFAULT_GOAL := results

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

venv: $(INSTALLED)

# measure the quick profile on real digits into results/, then build results/site/index.html
results: $(INSTALLED)
	$(BIN)/reparam run --profile quick

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# time, memory and quality of the present commit with asv, into results/asv; then its pages in results/html
MACHINE = $$($(BIN)/python -m harness.results.provenance)
bench: $(INSTALLED)
	$(BIN)/asv machine --yes --machine "$(MACHINE)" > /dev/null
	$(BIN)/asv run --show-stderr --machine "$(MACHINE)" HEAD^!
	$(BIN)/asv publish

site: $(INSTALLED)
	$(BIN)/reparam site

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# known vulnerabilities of the pinned versions; where no advisories can be had, it says so
audit: $(INSTALLED)
	$(BIN)/python .ci/audit.py
