# A bare `make` lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SECONDS_EACH ?= 60
PICTURES ?= 20000
CLIENTS := tests/clients/node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow lint bench bench-full soak loadtest constraints clean servers clients samples deploy-check image-test sbom clouds fuzz chaos

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install everything into it (quick when done)

$(READY): pyproject.toml constraints.txt hatch_build.py $(wildcard imgproxy_py/engine/native/*.[ch])
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

samples: $(READY) ## make the sample pictures in var/samples
	@$(BIN)/python samples/make_samples.py var/samples

run: $(READY) samples ## start on 127.0.0.1:8080 with sample pictures and embedded defaults
	@exec $(BIN)/imgproxy-py serve --demo var/samples --bind 127.0.0.1:8080

gallery: $(READY) samples ## draw what each option does, for docs/gallery.md
	@$(BIN)/python samples/make_gallery.py var/samples docs

servers: ## install the real servers the tests talk to, and Node.js (Debian, as root)
	@tests/install-servers

clients: servers $(CLIENTS) ## install the JavaScript client whose URLs the tests fetch

$(CLIENTS): tests/clients/package-lock.json
	@tests/install-servers
	@cd tests/clients && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts
	@touch $@

clouds: $(READY) servers ## test against Azure's emulator as well (installs it: npm, 370 MB)
	@test -e tests/clouds/node_modules/azurite || npm install --prefix tests/clouds --no-save --no-package-lock --loglevel=error --no-audit --no-fund --ignore-scripts azurite@3.37.0
	$(BIN)/pytest -n 0 tests/contracts -k azurite

# Hundreds of processes are started, and each would compile all modules again where no bytecode is written.
# Three for two cores: those that talk to services wait for a third of their time.
test: $(READY) servers clients ## run all tests but those of endurance, against real Redis and S3 servers (under 10 minutes)
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 3 --dist worksteal -m 'not slow'

test-slow: $(READY) servers clients ## run the tests of endurance: sweeps of damaged files, crashes again and again, whole tables
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist worksteal -m slow

lint: $(READY) ## ruff, mypy, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) samples ## measure the server beside thumbor, ipx, bare libvips, bare aiohttp, in 4 minutes (npm)
	$(BIN)/python -m benchmarks

bench-full: $(READY) samples ## the same with all originals, formats and rounds, in 20 minutes
	$(BIN)/python -m benchmarks --full

soak: $(READY) samples ## watch the server's memory through PICTURES (20000) pictures; chart in var/soak (20 minutes)
	$(BIN)/python -m benchmarks.soak $(PICTURES)

fuzz: $(READY) ## fuzz what reads bytes of strangers, SECONDS_EACH (60) a target; report in var/fuzz/report.md
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { echo 'fuzzing needs atheris, which there is for Linux on x86-64'; exit 0; }; nice -n 10 $(BIN)/python -m tests.fuzz --seconds $(SECONDS_EACH)

chaos: $(READY) servers ## break what the service stands on, under load (4 s each, or SECONDS_EACH; Linux, as root); report in var/chaos/report.md
	@nice -n 5 $(BIN)/python -m tests.chaos --seconds-each $(if $(filter command line,$(origin SECONDS_EACH)),$(SECONDS_EACH),4)

deploy-check: $(READY) ## check the chart, manifests, alerts and all else that deploys (installs its tools)
	@deploy/check

loadtest: $(READY) samples ## load a service on loopback for 40 s and judge it (installs locust)
	@loadtests/run ci

image-test: $(READY) ## build the image without an engine, run it, fetch a picture (Debian, as root; installs podman)
	@nice -n 10 python3 deploy/image/try.py || [ $$? -eq 77 ]

sbom: ## write the image's bill of materials to var/sbom.cdx.json (Debian, as root)
	@nice -n 10 python3 deploy/image/try.py --sbom || [ $$? -eq 77 ]

constraints: $(READY) ## write the versions now installed to constraints.txt
	@{ echo '# Every version that a set-up installs; made by `make constraints`.'; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.txt

clean: ## remove the virtual environment and everything made
	rm -rf $(VENV) .venv-deploy .venv-checkov .venv-sbom var build dist tests/clients/node_modules deploy/crds/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
