# Llar. `make demo` shows it at work; `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test long quick check fix bench firmware lock schema ready clean

demo: ## the whole system on this machine: broker, centre, one real hub, a street of homes
	@$(PYTHON) tools/bootstrap.py demo
	@$(BIN)/llar-demo $(ARGS)

test: ready ## everything, with real servers, a real browser and emulated machines; four at a time, since much of it waits
	$(BIN)/pytest -n 4 --no-loadscope-reorder -m "not long" $(ARGS)

long: ready ## the same promises at greater size: every role fuzzed, ten browsers at once; a quarter of an hour more
	$(BIN)/pytest -m long $(ARGS)

quick: ready ## only what needs no server
	$(BIN)/pytest -m "not slow" $(ARGS)

check: ready ## what CI checks besides the tests; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: ready ## formats and repairs what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ready ## figures, as ratios in one run
	$(BIN)/python -m benchmarks $(ARGS)

firmware: ready ## the devices' firmware, and what it takes of flash and memory
	@$(MAKE) --no-print-directory -C firmware_stubs size

schema: ready ## the wire's JSON Schemas for other makers
	$(BIN)/python -m gateway.contract.schema docs/wire

lock: ready ## pins all packages anew
	$(BIN)/python tools/lock.py

ready:
	@$(PYTHON) tools/bootstrap.py test

clean: ## removes what the commands above made
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis demo-state build firmware_stubs/build *.egg-info
