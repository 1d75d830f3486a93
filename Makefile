# The commands of the project. Everything runs on the installed wheel, in .venv.
PYTHON ?= python3
# A CPU build of torch, so that nobody downloads CUDA for demo and tests. Override for another: make demo TORCH='torch'
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml README.md $(shell find wmenv envs agents judgers alignment -type f -not -name '*.pyc' -not -path '*/__pycache__/*' 2>/dev/null)
export PYTHONSAFEPATH = 1
export OMP_NUM_THREADS = 1
PYTEST := $(BIN)/python -m pytest --import-mode=importlib --durations=20
# A process a core, a file at a time. Speed ratios are measured one by one, in a quiet process.
AT_ONCE := -n logical --maxprocesses 4 --dist loadfile --benchmark-disable

.PHONY: demo test test-slow test-long test-floor test-wheel lint gpu-check docs docs-numbers alignment-table alignment-critic alignment-sweep critic critic-taught-by critic-permuted critic-scenes ppo-table scenes-picture clean

demo: $(VENV)/generating  ## The main job on the embedded default: a table and an HTML report
	$(BIN)/wmenv demo --out wmenv-demo --force

test: $(VENV)/tested  ## The fast tests, on the wheel
	$(PYTEST) $(AT_ONCE) -m "not slow" tests

test-slow: $(VENV)/tested  ## Full samples, kill tests, speed ratios
	$(PYTEST) $(AT_ONCE) -m "slow and not long" --ignore tests/benchmarks tests
	$(PYTEST) -m slow tests/benchmarks

test-long: $(VENV)/tested  ## What takes minutes each: trainings, dear numbers of the docs, smoke runs of all studies
	$(PYTEST) $(AT_ONCE) -m long tests

lint: $(VENV)/linted  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV) && bin/python -m mypy --config-file ../pyproject.toml -p wmenv | tee mypy.log
	test $$(sed -n 's/.* in \([0-9]*\) source files/\1/p' $(VENV)/mypy.log) -ge $$(find wmenv envs agents judgers alignment -name '*.py' | wc -l)  # none left out

FLOORS := numpy==1.26.4 gymnasium==1.1.0 pydantic==2.7.4 rich==13.7.1 cyclopts==4.0.0 jinja2==3.1.0 av==14.0.0 numba==0.60.0 mujoco==4.0.0
test-floor:  ## The fast tests on the oldest versions that pyproject.toml admits, without the extras
	$(PYTHON) -m venv .venv-floor
	.venv-floor/bin/pip install -q --disable-pip-version-check $(FLOORS) pytest hypothesis pytest-benchmark scikit-learn scipy krippendorff .
	rm -rf build *.egg-info
	.venv-floor/bin/python -m pytest --import-mode=importlib -m "not slow" \
	  --allow-skip "could not import *" tests

test-wheel:  ## The wheel alone, in an empty environment: demo, and the examples that need no extra
	rm -rf .venv-wheel build dist *.egg-info
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip wheel -q --disable-pip-version-check --no-deps -w dist .
	rm -rf build *.egg-info
	.venv-wheel/bin/pip install -q --disable-pip-version-check dist/*.whl
	.venv-wheel/bin/wmenv demo --out .venv-wheel/demo
	test -s .venv-wheel/demo/report.html
	for one in gym_loop evaluate_folder write_an_agent write_a_judger write_a_suite; do .venv-wheel/bin/python examples/$$one.py || exit 1; done

gpu-check: $(VENV)/tested  ## Every GPU check; writes docs/gpu.json and its table. Set TORCH to a CUDA build
	$(PYTEST) -m gpu tests/gpu --figures docs/gpu.json
	$(BIN)/wmenv study gpu --docs docs

docs-numbers: $(VENV)/generating  ## Print every number of the docs anew into its marked block
	$(BIN)/wmenv study all --docs docs README.md

alignment-table alignment-critic alignment-sweep: $(VENV)/generating  ## A study of alignment and its block in the docs
	$(BIN)/wmenv study $@ --real --out study-$@-real
	cp study-$@-real/study.json docs/studies/$@.json
	$(BIN)/wmenv study $@ --docs docs

docs: $(VENV)/documented  ## The documentation site in build-docs/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

ppo-table: $(VENV)/tested  ## docs/ppo.json: PPO and its control, five seeds each; a quarter of an hour of CPU time
	$(BIN)/python -m wmenv.studies.ppo study-ppo.json  # goes on where it was stopped
	cp study-ppo.json docs/ppo.json
	$(BIN)/wmenv study ppo --docs docs

CRITERIA = $(foreach one,velocity continuity radius count colour,--criterion $(one))
critic-taught-by: $(VENV)/generating  ## Clips of generators: flow at three ages, and what knows no physics
	test -e flows/young/card.json || $(BIN)/wmenv train flow --law uniform_motion --steps 150 --out flows/young --resume
	test -e flows/older/card.json || $(BIN)/wmenv train flow --law uniform_motion --steps 800 --out flows/older --resume
	$(BIN)/wmenv evaluate PhyWorld-uniform_motion --agent flow --agent flow:flows/older --agent flow:flows/young \
	  --agent nearest-neighbour --agent copy-last --split id --split ood_high_v --episodes 60 \
	  --set size=32 --set frames=16 --keep-clips all --out run-others --resume

critic: critic-taught-by  ## The critic that ships: held against a third law and two other generators
	$(BIN)/wmenv judge train --on planted:PhyWorld-uniform_motion,clips=4000 --on planted:PhyWorld-collision,clips=4000 \
	  --on planted:PhyWorld-parabola,clips=1000 --on run-others $(CRITERIA) --hold-domain parabola \
	  --hold-generator re-encoded --hold-generator nearest-neighbour --disguise blurred --disguise re-encoded \
	  --kind windows --size 32 --alter noise,mirror --steps 2000 --every 500 --out critic-discs --resume

critic-permuted: critic-taught-by  ## Its control, five seeds: targets dealt out at random, a short training
	for seed in 0 1 2 3 4; do $(BIN)/wmenv judge train --on planted:PhyWorld-uniform_motion,clips=2000 \
	  --on planted:PhyWorld-collision,clips=2000 --on run-others --exam planted:PhyWorld-parabola,clips=300 $(CRITERIA) \
	  --kind windows --size 32 --alter noise,mirror --steps 500 --every 250 --permute --seed $$seed \
	  --out critic-permuted/$$seed --resume || exit 1; done
	$(BIN)/python -m wmenv.studies.teaching.controls critic-permuted/*/card.json

EXAM_SCENES = $(shell $(BIN)/python -c "from wmenv.studies.scene_exam import HELD; print(*(f'--scene {k}' for k in HELD))")
critic-scenes: $(VENV)/generating  ## The same network on scenes, which are too much for it: shipped ones taught, others examined
	$(BIN)/wmenv data violations --out critic-taught --seeds 1000-1007 --sizes 8 --alternatives 0 --pixels 64
	$(BIN)/wmenv data violations --out critic-exam $(EXAM_SCENES) --seeds 100-101 --sizes 8 --alternatives 1
	$(BIN)/wmenv judge train --on critic-taught --exam critic-exam --hold-domain animation --width 32 --alter mirror,hues,noise --out critic-scenes --resume

scenes-picture: $(VENV)/installed  ## docs/scenes.png: the first frames of all scenes
	$(BIN)/python -m wmenv.worlds.scenes.picture docs/scenes.png

clean:
	rm -rf $(VENV) .venv-floor .venv-wheel build build-docs dist *.egg-info wmenv-demo

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	touch $@

# Stale modules survive in build/, hence rm.
$(VENV)/installed: $(VENV)/created $(SOURCES)
	rm -rf build dist *.egg-info
	$(BIN)/pip install -q --disable-pip-version-check --upgrade-strategy only-if-needed .
	rm -rf build *.egg-info
	$(BIN)/wmenv doctor --warm
	touch $@

$(VENV)/generating: $(VENV)/installed
	$(BIN)/pip install -q --disable-pip-version-check $(TORCH)
	$(BIN)/pip install -q --disable-pip-version-check ".[gen]"
	rm -rf build *.egg-info
	touch $@

$(VENV)/tested: $(VENV)/generating
	$(BIN)/pip install -q --disable-pip-version-check ".[test]"
	rm -rf build *.egg-info
	touch $@

$(VENV)/linted: $(VENV)/tested
	$(BIN)/pip install -q --disable-pip-version-check ".[lint]"
	rm -rf build *.egg-info
	touch $@

$(VENV)/documented: $(VENV)/generating
	$(BIN)/pip install -q --disable-pip-version-check ".[docs,align]"
	rm -rf build *.egg-info
	touch $@

# The README's picture, from the demo's report.
docs/report.png: wmenv-demo/report.html
	chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
	  --disable-component-update --disable-sync --hide-scrollbars --force-device-scale-factor=0.8 \
	  --user-data-dir=$$(mktemp -d) --virtual-time-budget=4000 --window-size=1100,2130 \
	  --screenshot=$(abspath $@) file://$(abspath $<)

wmenv-demo/report.html: demo
