# Towpath's two commands are `make up` and `make test`; `make help` lists the others.
#
# Needed on the machine: Python 3.11 or newer, git and make. Everything else is installed into
# .venv from the lock file.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JAVASCRIPT := src/towpath/capabilities/portal/templates/expressions/javascript/package-lock.json
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test check bench docs pictures clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(STAMP) ## Start the platform in the foreground (ARGS="--port 8081" and so on)
	@exec $(BIN)/towpath up $(ARGS)

test: $(STAMP) ## Run every test that belongs to a change (under 10 minutes)
	@$(BIN)/python -m tests.run $(ARGS)

check: $(STAMP) ## Lint, types, import contracts
	$(BIN)/ruff check src tests bench docs
	$(BIN)/ruff format --check src tests bench docs
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP) ## Print the figures (ARGS=golden_path for one)
	@$(BIN)/python -m bench $(ARGS)

docs: $(STAMP) ## Regenerate the generated parts of docs/
	@$(BIN)/python -m docs.generate

pictures: $(STAMP) ## Take every page of the portal anew, for docs/pictures (10 minutes)
	@$(BIN)/python -m docs.pictures $(ARGS)

clean: ## Remove what was installed and built here
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml uv.lock tools/install tools/javascript $(JAVASCRIPT)
	@PYTHON=$(PYTHON) tools/install $(VENV)
	@touch $@
