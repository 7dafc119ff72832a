SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo up down render check check-rendered check-code check-templates test test-long test-end-to-end test-whole-cloud test-targets test-longer test-shorter test-stories-built requests roles model bench soak faults field package deploy destroy accept

LOCAL := target/debug/cutover-local
PYTHON = $(or $(CUTOVER_VENV),.local/venv)/bin/python
# Cargo would look for make's own job server there, which make closes to it, and warn.
unexport MAKEFLAGS

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: up ## push two versions of a component to the local cloud, under load, and watch
	local/demo.sh

up: ## start the local cloud, with the pipeline, three targets and the example components
	local/setup.sh
	cargo build --bins
	$(LOCAL) up
	infra/package.sh --native
	infra/deploy-local.sh
	local/seed.sh
	@echo "The local cloud is up. For any AWS client: . .local/env"

down: ## stop the local cloud and everything in it
	@if [ -x $(LOCAL) ]; then $(LOCAL) down; else echo "nothing to stop: the local cloud was never built"; fi

render: ## infra/pipeline.yaml and statemachine/*.asl.json, from functions/*/function.yaml, infra/pipeline/ and statemachine/*.yaml
	local/setup.sh
	$(PYTHON) -B infra/render.py

check: check-rendered ## formatting, lints, unit tests, templates and state machines
	$(MAKE) --no-print-directory --jobs=2 check-code check-templates

check-rendered:
	local/setup.sh
	$(PYTHON) -B infra/render.py --check

check-code:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	# No documentation has an example to run: crates/house holds that.
	# More at once than there are cores: some tests of the local cloud wait.
	RUST_TEST_THREADS=4 cargo test --workspace --exclude end-to-end --lib --bins --tests
	cargo test --package end-to-end --lib --bins

check-templates:
	infra/lint.sh
	$(PYTHON) -B infra/render_tests.py
	$(PYTHON) -B infra/machine_tests.py
	$(PYTHON) -B local/requests/tests.py
	for test in local/ministack/test_*.py; do $(PYTHON) -B $$test; done

test: check-rendered ## what check does, and the end-to-end tests on the local cloud, and what they asked of it held to AWS's models
	# Beside each other, since the tests of the whole cloud mostly wait.
	$(MAKE) --no-print-directory --jobs=3 check-code check-templates test-end-to-end
	$(PYTHON) -B local/requests/report.py --full

test-end-to-end: test-whole-cloud
	$(MAKE) --no-print-directory --jobs=3 test-targets test-longer test-shorter

# All begin at once: in one row by their names, those that take longest would come last, and have the machine to themselves.
# And without Cargo, which would look three times, one after the other, whether anything is to be built.
LONGER := umbrella swept stopped kept::
STORIES := cd tests && ../.local/stories

test-stories-built:
	program=$$(cargo test --package end-to-end --test stories --no-run 2>&1 | tee /dev/stderr | sed -n 's/^ *Executable .*(\(.*\))$$/\1/p') && \
		ln -sfn "$$(realpath --canonicalize-existing "$$program")" .local/stories

test-targets: test-stories-built
	$(STORIES) --test-threads=8 target

test-longer: test-stories-built
	$(STORIES) --test-threads=8 $(LONGER) --skip target

test-shorter: test-stories-built
	$(STORIES) --test-threads=12 $(addprefix --skip ,target $(LONGER))

test-long: up ## the end-to-end tests that make test leaves out for their time: the acceptance run, a soak, many races, all examples in containers, some faults
	$(PYTHON) -B local/requests/report.py --begin
	cargo test --package end-to-end --test stories -- --test-threads=16 --ignored
	. .local/env && ONLY="one peers bake" COUNT=8 target/debug/faults
	$(PYTHON) -B local/requests/report.py

test-whole-cloud: up
	$(PYTHON) -B local/requests/report.py --begin
	cargo test --package end-to-end --test whole_cloud -- --test-threads=16

requests: ## what was asked of the local cloud since make up or make test began, held to AWS's own models
	$(PYTHON) -B local/requests/report.py

roles: up ## take every action from every role, and see what fails: make roles [FUNCTIONS="cutover build"]
	cargo test --package end-to-end --test whole_cloud -- --ignored --nocapture --test-threads=1

model: ## explore every order in which releases can come between each other, crash and be late
	cargo run --quiet --profile model --package model

bench: up ## what a release costs in time, steps and calls: make bench [BENCH_SIZES="1 2 4"] [BENCH_PEERS=1]
	local/bench.sh

soak: up ## releases that overlap at random, and what must hold after each: make soak [COUNT=50] [SEED=1]
	local/soak.sh

faults: up ## every call that changes something refused, lost, late or its function killed; every state stopped: make faults [COUNT=50 a scenario] [SEED=1] [ONLY="one peers"]
	. .local/env && target/debug/faults

field: up ## Express, Django and a Go service, as their own documentation starts them, through a release, a roll-back, a promotion
	local/field.sh

package: ## the functions as AWS Lambda wants them, for arm64, in dist/
	infra/package.sh

deploy: package ## the pipeline to AWS: make deploy PROJECT=myproj DOMAIN=myproj.com [TARGETS="dev stage prod"] [PARENT_ZONE=Z...]
	@[ -n "$(PROJECT)" ] && [ -n "$(DOMAIN)" ] || { echo 'say which: make deploy PROJECT=myproj DOMAIN=myproj.com' >&2; exit 2; }
	infra/deploy.sh pipeline --project "$(PROJECT)" --domain "$(DOMAIN)"
	for target in $(TARGETS); do infra/deploy.sh target --project "$(PROJECT)" --target "$$target" \
		$(if $(PARENT_ZONE),--parameter "ParentZoneId=$(PARENT_ZONE)"); done

accept: ## the whole life of a small pipeline in your account, with a report; what it costs and needs: python3 infra/accept --help
	@[ -n "$(PROJECT)" ] && [ -n "$(DOMAIN)" ] && [ -n "$(REPOSITORIES)" ] || { echo 'say which: make accept PROJECT=try DOMAIN=myproj.com PARENT_ZONE=Z0123456789ABC REPOSITORIES=https://git.example.com/team [OPTIONS="--components msa"] [YES=1]' >&2; exit 2; }
	infra/package.sh
	cargo build --bin cutover
	python3 infra/accept --project "$(PROJECT)" --domain "$(DOMAIN)" --repositories "$(REPOSITORIES)" \
		--parent-zone "$(PARENT_ZONE)" $(if $(YES),--yes) $(OPTIONS)

destroy: ## the pipeline, once its targets are torn down: make destroy PROJECT=myproj; what was recorded and built stays
	@[ -n "$(PROJECT)" ] || { echo 'say which: make destroy PROJECT=myproj' >&2; exit 2; }
	infra/deploy.sh destroy --project "$(PROJECT)"
