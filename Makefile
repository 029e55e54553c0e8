# make demo | test | lint | types | fuzz | bench | weights | clean | help        another Python: make test PYTHON=python3.12
PYTHON ?= python3
COMMA := ,
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGES := unmask
# Tests of the pages drive a browser where there is one; the library that does it is of no use without, and large.
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
EXTRAS := $(if $(CHROMIUM),[dev$(COMMA)browser],[dev])
# Too short to be of use, long enough to see every part at work; --data would also do, --online draws new masks. The
# drawn faces are judged in all splits: six of them are a test split.
DEMO_TRAINING := --online demo --images 1280 --batch-size 8 --size 64 --workers 1 --existing overwrite
# What the installed package is made of: when one of these changes, it is installed again.
SOURCES := $(shell find api datagen model cli assets -type f -not -name '*.so' -not -path '*/__pycache__/*')

.PHONY: demo test lint types pytest fuzz bench weights clean help
.DEFAULT_GOAL := help

help:  ## what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 8

demo: $(VENV)/installed  ## masks on drawn faces, checked; both networks trained for a moment; reports; an unmasked portrait
	$(BIN)/unmask-data build demo demo-out --seed 1 --existing overwrite
	$(BIN)/unmask-data verify demo-out --replay 5
	$(BIN)/unmask-data preview demo-out --out demo-out.png --existing overwrite
	$(BIN)/unmask-train map demo-runs/map $(DEMO_TRAINING)
	$(BIN)/unmask-train edit demo-runs/edit $(DEMO_TRAINING) --map demo-runs/map
	$(BIN)/unmask-eval demo-out --split all --map demo-runs/map --edit demo-runs/edit --out demo-report --existing overwrite
	$(BIN)/unmask-eval demo-out --split all --map shipped --edit perceptual --out demo-report-shipped \
		--compare demo-report --existing overwrite
	$(BIN)/unmask-run demo-out/masked/portrait_00.png --out demo-unmasked --side-by-side --existing overwrite
	@echo "contact sheet: demo-out.png   triplets: demo-out   networks: demo-runs   portrait: demo-unmasked"
	@echo "reports: demo-report/report.html (trained just now)   demo-report-shipped/report.html (weights that come along)"

test: lint types pytest  ## lint, types and tests, on the package as it is installed

lint: $(VENV)/installed  ## ruff: rules and format; import-linter: which way imports point
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

# mypy looks at the wheel's files in site-packages: it cannot follow an editable install, and the folders
# at the root have other names than the packages.
types: $(VENV)/installed  ## mypy, strict, on the installed package
	$(BIN)/mypy $(PACKAGES:%=-p %)

pytest: $(VENV)/installed  ## the tests, on two workers
	$(BIN)/python -m pytest -n 2 --dist loadscope

fuzz: $(VENV)/installed  ## damaged files for every reader, new ones each time; EXAMPLES=10000 of each for longer
	FUZZ_EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/python -m pytest -n 2 $(wildcard tests/test_fuzz_*.py)

bench: $(VENV)/installed  ## speed of a build by stage; BENCH="--source FOLDER --limit 500" for other pictures
	$(BIN)/python benchmarks/build_speed.py $(BENCH)

weights: $(VENV)/installed  ## train what is shipped, or go on: SOURCE=CELEBA HOURS=8 PLAN=plan.toml OUT=weights-out LANDMARKS=FILE
	$(BIN)/python benchmarks/train_weights.py $(or $(PLAN),benchmarks/weights/two_cores.toml) $(or $(SOURCE),demo) \
		$(or $(OUT),weights-out) $(if $(HOURS),--hours $(HOURS)) $(if $(LANDMARKS),--landmarks $(LANDMARKS))

clean:  ## remove everything that make made
	rm -rf $(VENV) build dist demo-out demo-out.png demo-runs demo-report demo-report-shipped demo-unmasked *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/dependencies: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt setuptools
	$(PIP) install -c constraints.txt --no-build-isolation '.$(EXTRAS)'
	touch $@

# Not editable, so that the tests see what a user gets; build/ would bring removed modules back.
$(VENV)/installed: $(VENV)/dependencies $(SOURCES) README.md LICENSE
	rm -rf build
	$(PIP) install --no-deps --no-build-isolation --force-reinstall .
	rm -rf build
	touch $@
