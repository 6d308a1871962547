# Everything that a person or a machine runs here. `make` alone explains the targets.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help book notebooks test lint format serve bench clean

help: ## Say what each target does
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

book: .venv/ready ## Build the book into _build/html; a warning fails it
	@rm -rf _build/html _build/.doctrees
	$(BIN)/jupyter-book build -W -n --keep-going . || { rm -rf _build/html _build/.doctrees; \
	  echo "make book: not built. The first WARNING or ERROR above names the file and line to mend; then run it again." >&2; exit 1; }
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

notebooks: .venv/ready ## Run the pages and write notebooks/ (some: make notebooks NAMES="huber bce")
	$(BIN)/python tools/notebooks.py $(NAMES)

test: lint book ## Confirm everything: library, every notebook's outputs, pages
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --nbval notebooks -n 2 --dist loadfile

lint: .venv/ready ## Check style, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready ## Put code and cells into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/jupytext --quiet intro.md chapters/*.md --pipe "$(BIN)/ruff format --config notebooks/ruff.toml -"

serve: book ## Show the book on http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

bench: .venv/ready ## Time lossref beside torch.nn.functional
	$(BIN)/python benchmarks/bench.py

clean: ## Remove what was built; .venv stays
	rm -rf _build

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name a newer one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt || { \
	  echo "make: could not install requirements.txt. Is there a network? The lines above say what failed; then run it again." >&2; exit 1; }
	@touch $@
