# Needs Python 3.11 or newer and make; each target sets up .venv first if it has to.
.DEFAULT_GOAL := menu
PYTHON ?=
REAL ?= 1
ROUNDS ?= 10
PART ?=
export PYTHON
NO_REAL := $(if $(filter 0 no,$(REAL)),--no-real)
RUN := .venv/bin/python

menu:
	@echo "minisys: build, measure and break the parts of large systems. Say make and one of:"
	@echo
	@sed -n 's/^## \([a-z]*\): /  \1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

## lab: open the course in JupyterLab (REAL=0 leaves the server wheels out, NO_BROWSER=1 opens no browser)
lab: .setup
	@exec $(RUN) -m minisys lab

## test: run every test, the notebooks in a real browser too
test: .setup-dev
	@exec $(RUN) tools/run_tests.py

## check: lint, types and import rules only
check: .setup-dev
	@exec $(RUN) tools/run_tests.py check

## bench: measure the simulator and the balancers, write benchmarks/RESULTS.md
bench: .setup-dev
	@exec $(RUN) -m benchmarks.bench

## soak: kill and change servers ROUNDS=10 times (all, or PART=carts), count what users lost, write benchmarks/SOAK.md
soak: .setup-dev
	@exec $(RUN) -m benchmarks.soak --rounds $(ROUNDS) $(if $(PART),--part $(PART))

## labs: write the labs anew from their solutions
labs: .setup
	@exec $(RUN) -m minisys.grading.make_labs

## notebooks: run every chapter and solution and store the outputs
notebooks: .setup-dev
	@exec $(RUN) tools/run_notebooks.py

## lock: compile requirements.lock anew after a change in pyproject.toml
lock: .setup
	@exec $(RUN) tools/lock.py $(ARGS)

## clean: remove .venv and all that tools have left; your points stay
clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache ci-artifacts
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +

.setup:
	@sh tools/setup.sh $(NO_REAL)

.setup-dev:
	@sh tools/setup.sh --dev $(NO_REAL)

.PHONY: menu lab test check bench soak labs notebooks lock clean .setup .setup-dev
