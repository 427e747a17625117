# `make help` lists the targets.
PYTHON ?= python3
PORT ?= 5000
VENV := .venv
INSTALLED := $(VENV)/.installed
EXTRAS := $(VENV)/.extras
DOCS := $(VENV)/.docs
RIVALS_VENV := .venv-rivals
RIVALS := $(RIVALS_VENV)/.installed
AUDIT_VENV := .venv-audit
VEGA := .dvc/vega/vega.min.js
NODE_PACKAGES := har/live/node_modules/.package-lock.json
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run test faults audit check venv mlflow extras lab notebooks readme docs report release experiments rivals tables benchmark \
	recordings live browser lock clean vega anyone transfer pipelines

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | expand -t 12

run: $(INSTALLED)  ## the whole pipeline: data, training, scores, figures, MLflow run
	python -m stages

test: $(INSTALLED)  ## all tests; those on the real archives where HAR_ARCHIVE_DIR names their folder
	@$(MAKE) --no-print-directory $(NODE_PACKAGES) || \
		echo "The test of the page's accessibility is skipped."
	python -m pytest

faults: $(INSTALLED)  ## faults by the thousand, kills included, into reports/faults.csv; an hour
	python tests/faults/run.py

audit: $(INSTALLED)  ## known vulnerabilities of the installed packages; needs a network
	@$(PYTHON) -m venv $(AUDIT_VENV)  # of its own: it shares packages with the project
	@$(AUDIT_VENV)/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	@$(AUDIT_VENV)/bin/python -c 'import requests; requests.get("https://api.osv.dev", timeout=15)' \
		2> /dev/null || { echo "error: api.osv.dev, which lists them, cannot be reached"; exit 1; }
	$(AUDIT_VENV)/bin/pip-audit --vulnerability-service osv --skip-editable --progress-spinner off \
		--path "$$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

check: $(INSTALLED)  ## formatting, lint and types
	ruff format --check
	ruff check
	mypy

venv: $(INSTALLED)  ## make .venv from requirements.txt; `run` and `test` do it by themselves

mlflow: $(INSTALLED)  ## open the runs in MLflow, on port 5000 or PORT=5001
	@python -m tools.mlflow_ui $(PORT)

live: $(INSTALLED)  ## the page that recognises as it happens, on http://127.0.0.1:8000
	har live

vega: $(VEGA)  ## fetch Vega, with which the pages of `dvc plots` work without network

anyone: $(INSTALLED)  ## the recogniser for any phone, however it is worn: its pipeline in anyone/
	cd anyone && PYTHONPATH=.. python -m stages

transfer: $(RIVALS) $(INSTALLED)  ## score it on data sets that it never saw, beside rivals; hours
	python -m experiments.anyone score
	$(RIVALS_VENV)/bin/python -m experiments.anyone score minirocket
	python -m experiments.anyone_postures
	python -m experiments.anyone_within

pipelines: $(INSTALLED)  ## write anyone/dvc.yaml from dvc.yaml
	python -m tools.anyone

experiments: $(INSTALLED)  ## cross-validate and score the named configurations; hours
	python -m experiments

rivals: $(RIVALS) $(INSTALLED)  ## the same for methods without a recurrent network; an hour or two
	$(RIVALS_VENV)/bin/python -m experiments.rivals
	python -m experiments.table

tables: $(INSTALLED)  ## make the tables in reports/ from the stored trials
	python -m experiments.table
	python -m experiments.errors

extras: $(EXTRAS)  ## install what the notebooks need

lab: $(EXTRAS)  ## open the notebooks in JupyterLab
	jupyter lab notebooks

notebooks: $(EXTRAS)  ## run the notebooks anew, on what the pipeline made
	python -m tools.notebooks

readme: $(INSTALLED)  ## write the results of reports/ into README.md and docs/, figures too
	python -m tools.readme
	python -m tools.figures

docs: readme $(DOCS)  ## build the documentation into build/docs, with no dead link
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "build/docs/index.html; with search: python -m http.server --bind 127.0.0.1 --directory build/docs"

report: $(INSTALLED)  ## write reports/report.html and the model card models/README.md
	python -m tools.report

release: $(INSTALLED)  ## put the committed model of anyone/ into the package, har/released
	cd anyone && PYTHONPATH=.. python -m tools.report && PYTHONPATH=.. python -m tools.release

benchmark: $(INSTALLED)  ## measure the pipeline's speed into benchmarks/results.json
	python -m benchmarks.speed

recordings: $(INSTALLED)  ## test subjects' whole recordings to replay, into data/recordings
	har recordings

browser: $(INSTALLED)  ## the live page as static files in build/browser, recognising by itself
	har browser

lock: $(INSTALLED)  ## resolve pyproject.toml to requirements.txt; LOCK=--upgrade takes newer versions
	pip install --quiet uv
	cp requirements.txt .resolved  # whose versions are kept where they can be
	uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 $(LOCK) \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links \
		--extra live --extra pipeline --extra dev pyproject.toml --output-file .resolved
	# PyTorch's CUDA packages are left to PyTorch: which ones it needs depends on its build.
	{ echo "# Resolved from pyproject.toml by \`make lock\`."; \
		grep -vE '^(#|nvidia-|cuda-|triton)' .resolved; } > requirements.txt
	rm .resolved

clean:  ## remove the environment and caches; data, models, reports and runs stay
	rm -rf $(VENV) $(RIVALS_VENV) $(AUDIT_VENV) .mypy_cache .ruff_cache .pytest_cache build har.egg-info \
		har/live/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet \
		--no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

$(NODE_PACKAGES): har/live/package-lock.json
	@command -v npm > /dev/null || \
		{ echo "error: npm, which comes with Node.js, is needed to fetch axe-core"; exit 1; }
	npm ci --prefix har/live --ignore-scripts --no-audit --no-fund --loglevel=error

$(VEGA):  # the versions that .dvc/plots.html names
	@command -v npm > /dev/null || \
		{ echo "error: npm, which comes with Node.js, is needed to fetch Vega"; exit 1; }
	rm -rf $(@D).partial && mkdir $(@D).partial
	cd $(@D).partial && npm pack --loglevel=error vega@5.20.2 vega-lite@5.2.0 vega-embed@6.18.2
	cd $(@D).partial && for archive in *.tgz; do \
		tar -xzf $$archive --strip-components=2 package/build/$${archive%-*}.min.js; done
	rm -rf $(@D).partial/*.tgz $(@D) && mv $(@D).partial $(@D) && touch $@

$(EXTRAS): notebooks/requirements.txt $(INSTALLED)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet \
		-r notebooks/requirements.txt -c requirements.txt
	@touch $(EXTRAS)

$(DOCS): docs/requirements.txt $(INSTALLED)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet \
		-r docs/requirements.txt -c requirements.txt
	@touch $(DOCS)

# aeon wants other versions of NumPy and pandas than the project has.
$(RIVALS): experiments/requirements.txt
	$(PYTHON) -m venv $(RIVALS_VENV)
	$(RIVALS_VENV)/bin/python -m pip install --disable-pip-version-check --quiet \
		-r experiments/requirements.txt
	@touch $(RIVALS)
