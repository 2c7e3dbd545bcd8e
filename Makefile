# Sets everything up in this folder, then runs: `make demo`, `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
DATA ?= .tubewarren
SVC = $(VENV)/bin/svc
RUN = $(VENV)/bin/python -m

# Tests and fleets start dozens of processes; none of them should compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL = help
.PHONY: help install rabbitmq demo test chaos bench check unit compose-test deploy-test image readme lock clean

help: ## List what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

install: $(VENV)/.installed ## Set up the virtual environment with all that runs the services

rabbitmq: ## Get a RabbitMQ server when this machine has none
	@deploy/install-rabbitmq $(DATA)

demo: install rabbitmq ## Run the whole thing on a small media site of its own
	@$(SVC) demo

test: check rabbitmq ## Check the code and run every test, those with a real broker included
	$(RUN) pytest -n 4 --dist worksteal

chaos: $(VENV)/.developing rabbitmq ## Kill, cut and freeze a whole fleet at work, and find out whether anything was lost
	cd tests && $(abspath $(VENV))/bin/python -m chaos $(CHAOS)

bench: $(VENV)/.benching rabbitmq ## Measure it beside what people would use instead, on a machine that does nothing else
	cd tests && $(abspath $(VENV))/bin/python -m bench $(or $(BENCH),--write)

unit: $(VENV)/.developing ## Run the tests that need no broker
	$(RUN) pytest -n 2 tests/unit tests/contracts

compose-test: $(VENV)/.developing ## Run the fleet in containers, on the Docker engine that is there
	$(RUN) pytest -m compose tests/compose

deploy-test: $(VENV)/.developing rabbitmq ## Install the systemd units into a machine made by debootstrap (as root)
	$(RUN) pytest -m deploy tests/deploy

image: ## Build the containers' image with the newest yt-dlp
	docker compose build --build-arg YT_DLP_AS_OF="$$(date +%FT%T)"

check: $(VENV)/.developing ## Check style, types, architecture and dependencies
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry shared services
	$(VENV)/bin/python deploy/readme.py --check

readme: $(VENV)/.developing ## Write the README's tables anew, from the code
	$(VENV)/bin/python deploy/readme.py

lock: $(VENV)/.developing ## Take the newest versions of all dependencies
	$(VENV)/bin/pip install -q uv
	$(VENV)/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml deploy/requirements.in -o deploy/requirements.txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -c deploy/requirements.txt pyproject.toml deploy/requirements.in --group dev \
		-o deploy/requirements-dev.txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -c deploy/requirements-dev.txt pyproject.toml --group bench -o deploy/requirements-bench.txt

clean: ## Remove what was set up here; data and results stay
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Tubewarren needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)," \
		"or PYTHON=/path/to/python make ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The pinned packages are checked against their hashes; the project itself is this folder.
$(VENV)/.installed: $(VENV)/bin/python deploy/requirements.txt pyproject.toml
	$(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r deploy/requirements.txt
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed deploy/requirements-dev.txt
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-compile --require-hashes -r deploy/requirements-dev.txt
	@touch $@

$(VENV)/.benching: $(VENV)/.developing deploy/requirements-bench.txt
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-compile --require-hashes -r deploy/requirements-bench.txt
	@touch $@
