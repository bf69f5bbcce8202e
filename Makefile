# Two commands matter: `make demo` and `make test`. Each sets up .venv by itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHARED ?= ../shared
NOTEBOOKS := $(wildcard notebooks/[0-9]*.ipynb)

.PHONY: help demo lab docs links test check format bench truth pictures notebooks browser binder clean
.DEFAULT_GOAL := help

help: ## list the tasks
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(STAMP) ## score the example variants, write demo/report.html
	$(BIN)/hyenascope demo --out demo

lab: $(STAMP) ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

docs: $(STAMP) ## build the site, build/site/index.html
	$(BIN)/sphinx-build -E -W --keep-going -q -c docs . build/site

links: $(STAMP) ## ask every address that the site links to; needs a network
	$(BIN)/sphinx-build -b linkcheck -q -c docs . build/links

test: $(STAMP) browser ## run every test, in a browser and of notebooks too
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal -m "not network and not gpu and not browser"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "browser and not network and not gpu" tests
	$(BIN)/python -m pytest -p no:randomly -p tests.notebook_costs --nbmake $(NOTEBOOKS) --override-ini addopts= --override-ini filterwarnings=

check: $(STAMP) ## lint, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) browser ## measure speed and memory against named baselines
	$(BIN)/hyenascope bench
	$(BIN)/hyenascope bench --browser

pictures: $(STAMP) browser ## make the pictures of the README again
	$(BIN)/python scripts/readme_pictures.py

truth: $(STAMP) ## hold scores against known effects, write docs/truth-*.md
	$(BIN)/python -m tests.benchmarks.truth_synthetic --out docs/truth-synthetic.md
	$(BIN)/python -m tests.benchmarks.truth_real --shared $(SHARED) --out docs/truth-real.md

notebooks: $(STAMP) browser ## run the notebooks in place, add still pictures, strip the rest
	$(BIN)/jupyter execute --inplace $(NOTEBOOKS)
	$(BIN)/python scripts/notebook_stills.py $(NOTEBOOKS)
	$(BIN)/nbstripout --keep-output --extra-keys "metadata.widgets cell.metadata.execution metadata.language_info.version" $(NOTEBOOKS)

browser: ## install Chromium for browser tests and still images, where apt-get can
	@sh tests/browser/install_chromium.sh

binder: $(STAMP) ## build the environment of Binder from PyPI, run 01, 05 and 07 in it
	$(BIN)/python scripts/check_binder.py

clean: ## remove the environment and everything made
	rm -rf $(VENV) demo out build dist docs/api .mypy_cache .ruff_cache .pytest_cache

$(STAMP): pyproject.toml binder/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || (echo "hyenascope needs Python 3.11 or newer: make PYTHON=python3.12 ..." && exit 1)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c binder/constraints.txt -e ".[lab,attribution,motifs,docs,test,dev]"
	touch $(STAMP)
