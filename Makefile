# One-line aliases; noxfile.py holds the logic. `make help` lists them.
PYTHON ?= python3
NOX := .venv/bin/nox

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(NOX) ## The whole flow, and a drift, on this machine: [IMAGES=<folder>] [COUNT=60] [MODEL=<folder>] [STORY=blur] [CIFAR100=<archive>]
	@$(NOX) -s demo

test: $(NOX) ## Everything CI checks: lint, types, templates, contracts, unit and end-to-end tests
	@$(NOX) -s test

up: $(NOX) ## Start the same stack and leave it running: [PORT=4566] [MODEL=<folder>] [EMPTY=1 deploys nothing]
	@$(NOX) -s up

down: $(NOX) ## Stop what `make up` started
	@$(NOX) -s down

build: $(NOX) ## A zip per service for Lambda, in dist/: [ARCH=arm64|x86_64|local]
	@$(NOX) -s build

deploy: $(NOX) ## Create or change all stacks of a stage: [STAGE=dev] [GROUP=<model package group>] [ARGS=--dry-run]
	@$(NOX) -s deploy -- $(ARGS)

release: $(NOX) ## Release one package, a service by canary: PACKAGE=serializer [STAGE=dev] [ARGS=--dry-run]
	@$(NOX) -s operations -- release $(PACKAGE) $(ARGS)

rollback: $(NOX) ## Point a service's live alias at an earlier version: SERVICE=serializer [STAGE=dev] [ARGS="--to 3"]
	@$(NOX) -s operations -- rollback $(SERVICE) $(ARGS)

due: $(NOX) ## What is due for release: [RANGE=main..HEAD]
	@$(NOX) -s operations -- due $(RANGE) $(ARGS)

redrive: $(NOX) ## Send dead letters through the workflow again: ARGS="--all", "--error NAME", "--message ID" or "--list"; with "--discard" delete them [STAGE=dev]
	@$(NOX) -s operations -- redrive $(ARGS)

backfill: $(NOX) ## Run the workflow over what is in S3 already: PREFIX=s3://bucket/prefix [STAGE=dev]
	@$(NOX) -s operations -- backfill $(PREFIX) $(ARGS)

destroy: $(NOX) ## Delete a stage and list what still costs money: [STAGE=dev] [EMPTY=1 deletes what is stored]
	@$(NOX) -s destroy -- $(ARGS)

cost: $(NOX) ## What images and idle months cost: [ARGS="--images 1000000"]
	@$(NOX) -s operations -- cost $(ARGS)

validate: $(NOX) ## Check every template, policy and workflow, without an account
	@$(NOX) -s validate

account: $(NOX) ## Has every upload exactly one outcome?: [STAGE=dev] [ARGS="--rerun"]
	@$(NOX) -s operations -- account $(ARGS)

chaos: $(NOX) ## Uploads under every fault there is; each must end exactly once: [UPLOADS=1000] [SEED=0]
	@$(NOX) -s chaos

fuzz: $(NOX) ## Hostile images, events, answers and captures, by the thousand: [EXAMPLES=20000] [SEED=random]
	@$(NOX) -s fuzz

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

bench-coldstart: $(NOX) ## CPU of a cold start: our zips against the course's Lambda and an unslimmed build
	@$(NOX) -s bench_coldstart

bench-load: $(NOX) ## Rising rates, long runs, and the server against FastAPI + PyTorch and the bare session
	@$(NOX) -s bench_load

lock: $(NOX) ## Resolve every package's dependencies again
	@$(NOX) -s lock

format: $(NOX) ## Format the code
	@$(NOX) -s format

clean: ## Remove everything that these commands made in this folder
	rm -rf .nox .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(NOX): requirements/nox.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Scones needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name a newer one: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: help demo test up down build deploy release rollback due redrive backfill destroy cost validate account chaos fuzz train evaluate gate pretrain report simulate bench bench-model bench-monitoring bench-coldstart bench-load lock format clean
