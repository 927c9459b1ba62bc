# One word runs everything; each target sets up .venv first when it is missing or stale.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak format lock

PYTHON ?= python3
BIN := .venv/bin
# What a Pipecat bot depends on by name and does not load where it has no model.
UNLOADED := cffi docopt flatbuffers httpcore2 httpx2 httpx2-jsfetch jiter llvmlite markdown num2words numba onnxruntime \
	openai packaging protobuf pycparser python-dotenv pyyaml resampy sniffio soundfile truststore

help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: .venv/ready ## run a campaign of five days in seconds, and report it
	@$(BIN)/ringback demo

test: .venv/ready .venv/pipecat/ready ## run all tests
	@scripts/system_packages.sh
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -n 2 tests/domain
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --skip-covered
	@$(BIN)/python -m pytest -n 3 --dist worksteal tests --ignore=tests/domain

check: .venv/ready ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/bench ## measure, and write docs/benchmarks.md (an hour, 15 GB of disk)
	@$(BIN)/python -m bench

soak: .venv/ready ## kill, freeze and cut off for an hour (SOAK="--kills 10000"), and write docs/soak.md
	@$(BIN)/python -m tests.chaos.soak $(SOAK)

format: .venv/ready ## put the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/ready ## pin the dependencies anew (wants uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements/base.in -o requirements/base.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements/dev.in -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements/bench.in -o requirements/bench.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q $(UNLOADED:%=--no-emit-package %) requirements/pipecat.in -o requirements/pipecat.txt

.venv/pipecat/ready: .venv/ready requirements/pipecat.txt
	@$(BIN)/python -m venv --clear .venv/pipecat
	@.venv/pipecat/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/pipecat.txt
	@touch $@

.venv/bench: .venv/ready requirements/bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

.venv/ready: requirements/dev.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(PYTHON)
