# Needs make, git and Python 3.11 or newer with venv. Everything else is installed into .venv.

VENV := .venv
INSTANCE := deploy/instance

.PHONY: help serve test lint soak mutation bench bench-compare clean
.DELETE_ON_ERROR:

help: ## say what there is to make (the default)
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /|/' | while IFS='|' read -r name what; do \
		printf 'make %-13s %s\n' "$$name" "$$what"; done

serve: $(VENV)/.demo $(INSTANCE)/secret_key ## the demo on http://127.0.0.1:8000 (BIND=, PYTHON=)
	@: "$${WSGIKIT_SECRET_KEY:=$$(cat $(INSTANCE)/secret_key)}"; export WSGIKIT_SECRET_KEY; \
		: "$${DRAIN_SECONDS:=0}" "$${ACCESS_LOG:=-}"; export DRAIN_SECONDS ACCESS_LOG; \
		exec $(VENV)/bin/python -m gunicorn -c deploy/gunicorn.conf.py

test: lint ## linters, types, the import contract, and all tests with branch coverage
	$(VENV)/bin/python -m pytest -q -n 3 --dist loadfile --cov $(PYTEST_ARGS)

lint: $(VENV)/.dev ## only ruff, mypy --strict and the import contract
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

soak: $(VENV)/.dev ## 10 minutes of random sequences, 1,000,000 requests, sessions under load, and the figures
	MACHINE_SECONDS=600 SOAK_REQUESTS=1000000 SESSION_INCREMENTS=20000 KILLS=200 COOKIE_FUZZ=1000000 \
		$(VENV)/bin/python -m pytest -q $(PYTEST_ARGS) \
		tests/test_state_machine.py tests/soak tests/sessions/test_fuzz.py tests/concurrency

# Many runs of the same tests, so the one of random steps is short, and takes the same ones each time.
mutation: export MACHINE_SECONDS ?= 2
mutation: export MACHINE_SEED ?= 1
mutation: $(VENV)/.mutation ## whether the tests notice each fault put into the core
	$(VENV)/bin/python tests/mutation/run.py

BENCH := $(VENV)/bin/python -W ignore::UserWarning -m tests.benchmarks # pyramid warns of setuptools

bench: $(VENV)/.bench ## this project and its peers side by side (ONLY="hello read" for some of it)
	$(BENCH) $(if $(ONLY),--only "$(ONLY)")

bench-compare: $(VENV)/.bench ## whether any ratio got worse than in docs/benchmarks.json (ONLY=)
	$(BENCH) --compare $(if $(ONLY),--only "$(ONLY)")

clean: ## remove .venv, builds and caches; the guestbook in deploy/instance stays
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov .*_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# .venv/.demo stands for "the extra demo is installed in .venv": made again when setup.cfg changes.
$(VENV)/.%: setup.cfg pyproject.toml deploy/make_venv.sh
	@deploy/make_venv.sh $(VENV) $*
	@touch $@

.PRECIOUS: $(VENV)/.%

# One for all workers and all starts, or every restart would end the visitors' sessions.
$(INSTANCE)/secret_key: | $(VENV)/.demo
	@mkdir -p $(INSTANCE)
	@umask 077; $(VENV)/bin/python -c 'import secrets; print(secrets.token_hex())' > $@
