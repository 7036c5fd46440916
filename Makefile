# For users: `make demo` and `make test`. All targets: `make help`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
# A process a core, each with one thread.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist loadgroup

.PHONY: help demo results test test-slow lint types benchmark lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(INSTALLED)  ## find a leak, then train, evaluate and report on synthetic plumes, some minutes
	$(BIN)/fgstp plumes render --category close_complex --seed 1 --seconds 30 --fps 10 --out runs/demo/leak.mkv
	$(BIN)/fgstp detect runs/demo/leak.mkv --save --out runs/demo
	@echo
	$(BIN)/kedro run --env=demo --pipelines=ingest,train,evaluate --params=model=background
	$(BIN)/kedro run --env=demo --pipelines=train,evaluate,report
	@echo
	@cat data/08_reporting/headline.txt
	@echo
	@echo "Everything on one page:  data/08_reporting/report.html"
	@echo "Tables:                  data/08_reporting/tables/"
	@echo "Figures:                 data/08_reporting/figures/ and contact_sheets/"
	@echo "Runs:                    $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db"

results:  ## copy the scores of the last runs into docs/results, to be committed
	cp data/08_reporting/metrics/*.json docs/results/

test: $(INSTALLED)  ## run the fast tests
	$(PYTEST) -m "not slow"

test-slow: $(INSTALLED)  ## run all tests
	$(PYTEST)

lint: $(INSTALLED)  ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## check types
	$(BIN)/mypy

benchmark: $(INSTALLED)  ## measure speed and memory; see benchmarks/README.md
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/train.py

lock: $(INSTALLED)  ## pin all packages again after a change of pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra all --extra dev --extra viz \
	  --no-emit-index-url --no-annotate --no-header --upgrade pyproject.toml -o requirements.lock

clean:  ## remove the outputs of the pipelines, but no raw data
	rm -rf data/02_intermediate data/03_primary data/04_feature data/06_models data/07_model_output data/08_reporting

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
