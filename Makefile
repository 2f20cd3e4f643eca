# Every target makes .venv itself; nothing but python3 (3.11 or newer) and a package index is needed.

PYTHON ?= python3
ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PEERS := .venv-peers
PIP := $(RUN) -m pip --quiet --quiet --disable-pip-version-check

# An activated environment or the user's own packages must not leak into the runs.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-plot bench-peers bench-web bench-growth bench-soak bench-prune bench-docs docs clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo '  ARGS="…" is passed on, as in: make test ARGS="-k merge"'

demo: $(INSTALLED) ## Run the pizza bot: day one, a deploy, day two. ARGS=--chat to talk to it, ARGS=--help for more.
	@$(RUN) docs/examples/pizza $(ARGS)

test: $(INSTALLED) ## Run the tests, on PostgreSQL, MariaDB and Redis too where they can be had.
	@$(RUN) -m pytest $(ARGS)

check: $(INSTALLED) ## Lint, check the types and the frozen histories, build the docs, try the wheel.
	@$(RUN) -m ruff check --quiet
	@$(RUN) -m ruff format --check --quiet
	@$(RUN) -m mypy
	@$(RUN) -m pyright
	@$(VENV)/bin/typed-sessions check
	@$(MAKE) --no-print-directory docs
	@$(RUN) -m tests.check_wheel

bench: $(INSTALLED) ## Measure against the raw drivers: ratios and targets.
	@$(RUN) -m tests.benchmarks $(ARGS)

bench-plot: $(INSTALLED) ## Plot turns per second and latencies, into docs/performance unless ARGS="--plot FOLDER" says otherwise.
	@$(RUN) -m tests.benchmarks.curves --plot docs/performance $(ARGS)

bench-peers: $(PEERS)/.installed ## Measure other session libraries at the same work; they are installed into .venv-peers.
	@$(PEERS)/bin/python -m tests.benchmarks.peers $(ARGS)

bench-web: $(PEERS)/.installed ## Load web applications with our sessions and with others' (needs wrk).
	@$(PEERS)/bin/python -m tests.benchmarks.web $(ARGS)

bench-growth: $(INSTALLED) ## Measure turns and the size of the database with up to a million sessions.
	@$(RUN) -m tests.benchmarks.growth $(ARGS)

bench-soak: $(INSTALLED) ## Run at full load and watch that nothing grows. ARGS="--minutes 10"
	@$(RUN) -m tests.benchmarks.soak $(ARGS)

bench-prune: $(INSTALLED) ## Measure cleanup beside readers and writers. ARGS="--sessions 2000000"
	@$(RUN) -m tests.benchmarks.prune $(ARGS)

bench-docs: $(INSTALLED) $(PEERS)/.installed ## Measure all and write it into docs/performance.md; takes half an hour.
	@$(RUN) -m tests.benchmarks --save docs/performance/ratios.json
	@$(RUN) -m tests.benchmarks.curves --save docs/performance/curves.json --plot docs/performance
	@$(PEERS)/bin/python -m tests.benchmarks.peers --save docs/performance/peers.json
	@$(PEERS)/bin/python -m tests.benchmarks.web --save docs/performance/web.json
	@$(RUN) -m tests.benchmarks.growth --save docs/performance/growth.json
	@$(RUN) -m tests.benchmarks.soak --minutes 10 --save docs/performance/soak.json
	@$(RUN) -m tests.benchmarks.document

docs: $(INSTALLED) ## Build the documentation into docs/_build/html; a warning is an error.
	@$(RUN) -m sphinx --quiet --fail-on-warning --keep-going --nitpicky docs docs/_build/html
	@echo "docs: docs/_build/html/index.html"

clean: ## Remove .venv and everything that was built.
	@rm -rf $(VENV) $(PEERS) .venv-floor .venv-newest docs/_build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment (no pip in it) is made anew; the stamp is written only once all is installed.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "typed-sessions needs Python 3.11 or newer; say which: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing typed-sessions and its tools into $(VENV); this takes a minute."
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --upgrade "pip>=25.1"
	@$(PIP) install --upgrade --editable ".[all]" --group dev --group docs --group plot
	@touch $@

# Other libraries may ask for versions that suit us badly, so they stay out of .venv. grammY runs on Node, if it is there.
$(PEERS)/.installed: pyproject.toml tests/benchmarks/peers/package.json
	@echo "Installing other session libraries into $(PEERS); this takes two minutes."
	@$(PEERS)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --quiet --quiet --disable-pip-version-check install --upgrade "pip>=25.1"
	@$(PEERS)/bin/python -m pip --quiet --quiet --disable-pip-version-check install --upgrade --editable ".[all]" --group peers
	@mkdir -p $(PEERS)/node && cp tests/benchmarks/peers/package.json $(PEERS)/node
	@npm install --silent --no-audit --no-fund --prefix $(PEERS)/node || echo "grammY is left out: npm cannot install it" >&2
	@touch $@
