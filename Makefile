# One-line aliases; noxfile.py holds the logic. `make help` lists them.
PYTHON ?= python3
NOX := .venv/bin/nox

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(NOX) ## The whole flow, and a drift, on this machine: [IMAGES=<folder>] [COUNT=60] [MODEL=<folder>] [STORY=blur] [CIFAR100=<archive>]
	@$(NOX) -s demo

test: $(NOX) ## Everything CI checks: lint, types, templates, contracts, unit and end-to-end tests
	@$(NOX)

up: $(NOX) ## Start the same stack and leave it running: [PORT=4566] [MODEL=<folder>]
	@$(NOX) -s up

down: $(NOX) ## Stop what `make up` started
	@$(NOX) -s down

train: $(NOX) ## Train the model on CIFAR-100's vehicles: [CIFAR100=<archive>] [IMAGES=<folder>] [NEITHER=<folder>]
	@$(NOX) -s train

evaluate: $(NOX) ## Measure the shipped model and write its card: [MODEL=<file>] [CIFAR100=<archive>] [IMAGES=<folder>]
	@$(NOX) -s evaluate

gate: $(NOX) ## May what `make train` made replace the shipped model?: [MODEL=<file>]
	@$(NOX) -s gate

pretrain: $(NOX) ## Make the backbone that training starts from anew, in an hour: CIFAR100=<archive>
	@$(NOX) -s pretrain

report: $(NOX) ## Can the model still be trusted?: [CAPTURES=<dir or s3://>] [BASELINE=<file>] [LABELS=<dir>] [CLASSES=a,b] [OUT=<dir>]
	@$(NOX) -s report

simulate: $(NOX) ## How often the drift detector is wrong, beside KS and PSI
	@$(NOX) -s simulate

bench: $(NOX) ## Ratios against named baselines, interleaved in one run
	@$(NOX) -s bench

bench-model: $(NOX) ## The served model and its server against the same network in PyTorch
	@$(NOX) -s bench_model

bench-monitoring: $(NOX) ## Reading captures against json.loads; reports against Evidently and NannyML
	@$(NOX) -s bench_monitoring

lock: $(NOX) ## Resolve every package's dependencies again
	@$(NOX) -s lock

format: $(NOX) ## Format the code
	@$(NOX) -s format

clean: ## Remove everything that these commands made in this folder
	rm -rf .nox .venv build .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(NOX): requirements/nox.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Scones needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name a newer one: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: help demo test up down train evaluate gate pretrain report simulate bench bench-model bench-monitoring lock format clean
