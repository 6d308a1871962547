# Everything that a person or a machine runs here. `make` alone explains the targets.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
# Small tensors: more threads cost time, and could change the last digit of a sum.
export OMP_NUM_THREADS := 1
.PHONY: help book pdf notebooks test test-torch lint links format serve bench mutants exhaustive clean

help: ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# With NAMES, pages that have not changed stay; without, or where one of these has changed, all are built anew.
BUILD = _ext _static _config.yml _toc.yml requirements.txt
book: .venv/ready ## Build the book into _build/html; a warning fails it (only what has changed: make book NAMES=huber)
	@test -n "$(NAMES)" && test -z "$$(find -L $(BUILD) -newer _build/.doctrees/environment.pickle 2>&1)" || \
	  rm -rf _build/html _build/.doctrees
	$(BIN)/jupyter-book build -W -n --keep-going . || { rm -rf _build/html _build/.doctrees; \
	  echo "make book: not built. The first WARNING or ERROR above says what to mend; then run it again." >&2; exit 1; }
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

pdf: book ## Print the whole book into one file, _build/html/lossref.pdf (needs Chromium or Chrome)
	$(BIN)/python tools/pdf.py

notebooks: .venv/ready ## Run the pages and write notebooks/ (some: make notebooks NAMES="huber bce")
	$(BIN)/python tools/notebooks.py $(NAMES)

test: .venv/ready ## Confirm everything: library, notebooks' outputs, pages (some: make test NAMES=huber)
	@$(MAKE) --no-print-directory --jobs=2 lint book
	$(BIN)/python -m pytest --nbval -n 2 --dist loadfile --names "$(NAMES)" lossref tests notebooks

# In an environment of its own, under _build. A new torch may change a message or a number that a page shows: this says which.
# TORCH is a version, or newest, or nightly (which needs an index that has one: PIP_EXTRA_INDEX_URL).
OTHER = _build/torch-$(TORCH)
torch-newest := >=2.13
torch-nightly := >=2.13.0.dev0
test-torch: ## Run the library and the notebooks on another torch (make test-torch TORCH=2.14.0, or newest)
	@test -n "$(TORCH)" || { echo "make test-torch: name a version, as in: make test-torch TORCH=2.14.0 (or newest)" >&2; exit 2; }
	$(PYTHON) -m venv $(OTHER)
	sed 's/^torch==.*/torch$(or $(torch-$(TORCH)),==$(TORCH))/' requirements.txt > $(OTHER)/requirements.txt
	$(OTHER)/bin/python -m pip install --quiet --upgrade --requirement $(OTHER)/requirements.txt
	@$(OTHER)/bin/python -c 'import torch; print("torch", torch.__version__)'
	@failed=; \
	$(OTHER)/bin/python -m pytest --ignore=tests/browser --ignore=tests/test_build.py --ignore=tests/test_notebooks.py || failed="the library"; \
	$(OTHER)/bin/python -m pytest --nbval notebooks --nbval-sanitize-with tests/any_torch.cfg -n 2 --dist loadfile || failed="$${failed:+$$failed and }the notebooks"; \
	test -z "$$failed" || { echo "make test-torch: on torch $(TORCH), $$failed differ; what, is said above." >&2; exit 1; }

lint: .venv/ready ## Check style, types, spelling, and that the notebooks are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/python tools/notebooks.py --check

# Asks the hosts that the pages link to, and so never in the tests; GitHub runs it each week.
links: .venv/ready ## Try every link to another site (needs a network)
	$(BIN)/jupyter-book build --builder linkcheck --path-output _build/links .

format: .venv/ready ## Put code and cells into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/jupytext --quiet $(shell grep -l "{code-cell}" intro.md chapters/*.md) --pipe "$(BIN)/ruff format --config notebooks/ruff.toml -"

serve: book ## Show the book on http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

# Into _build first: where it fails, or is stopped, the old table stays.
DEVICE ?= cpu
RESULTS = benchmarks/results$(if $(filter-out cpu,$(DEVICE)),-$(firstword $(subst :, ,$(DEVICE)))).md
bench: .venv/ready ## Time lossref beside torch.nn.functional, into benchmarks/results.md, which the book shows (or DEVICE=cuda)
	@mkdir -p _build
	@bash -o pipefail -c '$(BIN)/python -m benchmarks.bench --device "$(DEVICE)" | tee _build/bench.md' || { \
	  echo "make bench: $(RESULTS) was not written; what failed, is said above." >&2; exit 1; }
	mv _build/bench.md $(RESULTS)

exhaustive: .venv/ready ## Try every pair of half-precision values in the elementwise losses (two hours of one processor)
	$(BIN)/python -m pytest -n auto --every-pair tests/test_half.py

mutants: .venv/ready ## Break lossref in one place at a time, and count what its tests notice (NAMES="bce huber"; all take hours)
	$(BIN)/python tools/mutants.py $(NAMES)

clean: ## Remove what was built; .venv stays
	rm -rf _build

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name a newer one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt || { \
	  echo "make: could not install requirements.txt. Is there a network? The lines above say what failed; then run it again." >&2; exit 1; }
	@touch $@
