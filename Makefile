# Says what there is; checkout.py does it, in a private environment beside this file.
PYTHON ?= python3
ARGS ?=
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lab wheel bench shots test-real lint types format clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

demo: ## a local OSCAR, an example service and one call, from nothing (ARGS=--once: stop everything afterwards)
test: ## build the wheel, install it and run every check against it (ARGS go to pytest)
lab: ## the development loop: JupyterLab on this checkout, rebuilt as you edit (ARGS go to jupyter lab)
wheel: ## build dist/*.whl
bench: ## measure what we promise: name, measured, promise, ok or short
shots: ## pictures of every state, light and dark, narrow and wide: build/shots/index.html (ONLY=words picks some)
test-real: ## the tests that need real counterparts (ONLY=word picks some)
lint: ## ruff, eslint, prettier, stylelint
types: ## mypy and tsc
format: ## let the formatters rewrite what they can
clean: ## remove all that was built or installed here; the demo's data stays

demo test lab wheel bench shots test-real lint types format clean:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: sudo apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is older than 3.10: make $@ PYTHON=/path/to/a/newer/python3" >&2; exit 1; }
	@ONLY='$(ONLY)' $(PYTHON) checkout.py $@ $(ARGS)
