# What everyone guesses: make demo, make test, make check, make bench, make docs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet -c constraints.txt
DEMO := --source recipes/demo_source --target demo/new_printer

.PHONY: demo test check format bench docs clean

# One stamp per extra: each is installed once, and again when the requirements change.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo $(VENV)/.test $(VENV)/.dev $(VENV)/.docs: $(VENV)/.%: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.$(if $(filter-out demo,$*),[$*])'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python recipes/demo.py --out demo

test: $(VENV)/.test
	$(BIN)/python -m pytest

check: $(VENV)/.test $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.demo | demo/new_printer
	$(BIN)/python recipes/benchmarks/startup.py $(DEMO)
	$(BIN)/python recipes/benchmarks/stages.py --target demo/new_printer
	$(BIN)/python recipes/benchmarks/recipes.py $(DEMO) --recipes source-only,bn-early,calibrate,dann-prior --runs 1
	$(BIN)/python recipes/benchmarks/growth.py $(DEMO) --most 1000
	$(BIN)/python recipes/benchmarks/peers.py --source recipes/demo_source --printers saffron --prints 20 --frames 10 \
		--next-prints 24 --next-frames 6 --budget 40 --without-skada
	$(BIN)/adaptprint synth demo/unseen --printers saffron,random-5 --prints 24 --frames 6 --seed 61 --overwrite
	$(BIN)/adaptprint compare source-only bn bn-early calibrate dann-prior --data demo/unseen --source recipes/demo_source \
		--bad-shares 0,0.5 --adapt-prints 6 --out demo/comparison --overwrite

# The benchmarks' frames, where no demo has drawn them yet.
demo/new_printer:
	$(MAKE) demo

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site dist build
