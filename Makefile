# Everything happens in .venv, inside this folder; delete it to start anew.
#   PYTHON       the interpreter to make it from, 3.11 to 3.13
#   TORCH_INDEX  a package index to take torch from, for another build than the default one
#   WORKERS      how many tests run at a time (1.5 GB of memory each)
#   RNAN_DATA    the folder with train/ and test/ pictures, for the tests that need them
#   SLOW         set it for the slow tests too: whole sets, browsers, clusters, exports, kills
PYTHON ?= python3
TORCH_INDEX ?=
WORKERS ?= 2
RNAN_DATA ?=
SLOW ?=
RUN := .venv/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check

export RNAN_DATA TORCH_INDEX
.PHONY: core setup demo test check bars lint audit format docs site dist release clean

# What restores pictures, and nothing else.
core: .venv/core

# All that tests, training and documents need.
setup: .venv/ready

.venv/core: pyproject.toml constraints.txt Makefile
	$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || \
	    { echo "rnan needs Python 3.11 to 3.13: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch .venv/core

.venv/ready: .venv/core
	$(PIP) install --quiet --constraint constraints.txt \
	    $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") --editable ".[train,eval,cluster,web,onnx,openvino,hub,spandrel,docs,dev]"
	touch .venv/ready

demo: core
	$(RUN) scripts/demo.py

test: setup
	$(RUN) -m pytest -n $(WORKERS) --dist loadscope $(if $(SLOW),,-m "not slow")

# Style, types, known holes of packages, and all tests, as CI runs them.
check: lint audit
	$(MAKE) test SLOW=1

# The bars of the bundled weights on whole test sets, large pictures, speed: before a release.
bars: setup
	$(RUN) -m pytest -m bars

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

audit: setup
	$(RUN) scripts/audit.py

format: setup
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# The pages, in docs/_build/index.html.
docs: setup
	$(RUN) -m sphinx -W --keep-going -q docs docs/_build

# The page that restores pictures in the browser itself, in site/: for any static host. Needs npm.
site: setup
	npm ci --prefix browser --ignore-scripts --no-audit --no-fund --silent
	$(RUN) scripts/browser_site.py

# An sdist and a wheel in dist/, checked.
dist: setup
	$(RUN) scripts/release.py

# The next version: written, built, checked, committed and tagged. make release VERSION=0.2.0
release: check bars
	$(if $(VERSION),,$(error say which: make release VERSION=0.2.0))
	$(RUN) scripts/release.py $(VERSION)

clean:
	rm -rf .venv demo-output site browser/node_modules docs/_build dist build .pytest_cache .mypy_cache .ruff_cache
