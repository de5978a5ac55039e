# One target for each thing that a contributor does; "make demo" and "make test" need Python 3.11 and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
TRAIN_BIN := .venv-train/bin
PIP := -m pip install --quiet --disable-pip-version-check
PACKAGE_FILES := setup.cfg pyproject.toml models/en_medlink_sm/setup.cfg models/en_medlink_gliner/setup.cfg \
	$(wildcard models/*/*/*/config.cfg models/*/*/*/*/rules.jsonl)

.PHONY: demo test test-quick test-train lint docs bench evaluate evaluate-linking clean

demo: .venv/installed
	$(BIN)/medlink annotate examples/notes/*.txt --format html -o demo.html
	$(BIN)/medlink annotate examples/notes/oncology_note.txt
	@echo "All example notes, annotated: demo.html"

test: lint docs .venv/installed-test
	$(BIN)/python -m pytest tests --ignore tests/training
	$(MAKE) test-train

test-quick: .venv/installed-test
	$(BIN)/python -m pytest tests --ignore tests/training -m "not slow"

# Training needs PyTorch, which the runtime must do without: it is tested in an environment of its own.
test-train: .venv-train/installed
	$(TRAIN_BIN)/python -m pytest tests/training

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: .venv/installed-test
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/context.py
	$(BIN)/python benchmarks/linking.py
	$(BIN)/python benchmarks/bulk.py

# The figures of the model cards, the terminologies and the dictionary finder, measured again. The classifier has read the
# development splits in its last step: it is measured on the notes that no training saw.
evaluate: .venv/installed-test
	$(BIN)/medlink evaluate ner configs/ner-release.cfg
	$(BIN)/medlink evaluate gliner configs/gliner.cfg
	$(BIN)/medlink evaluate concepts ../shared/data/hpo-gsc/dev.tsv
	$(BIN)/medlink evaluate names icd10cm
	$(BIN)/medlink evaluate names hpo --scope exact
	$(BIN)/medlink evaluate assertion corpora/assertion/heldout.txt
	$(BIN)/medlink evaluate assertion corpora/marked_notes/heldout
	$(BIN)/medlink evaluate assertion corpora/clinical_notes/heldout
	$(BIN)/medlink evaluate assertion ../shared/data/negex/negation.dev.tsv
	$(BIN)/medlink evaluate assertion ../shared/data/negex/context.dev.tsv
	$(BIN)/medlink evaluate attributes corpora/attributes/lines.tsv
	$(BIN)/medlink evaluate headings corpora/headings/gold.tsv ../shared/data/notes
	$(MAKE) evaluate-linking

# MEDIC is built into a folder of its own, so that no terminology of the user's is touched. The priors count the development
# splits: each is left out where it is measured.
evaluate-linking: export MEDLINK_HOME := build/evaluate
evaluate-linking: .venv/installed-test
	rm -rf build/evaluate
	$(BIN)/medlink terminology build medic --format medic ../shared/data/medic/medic_06Jul2012.txt
	$(BIN)/medlink evaluate link ../shared/data/ncbi-disease/dev.pubtator.txt -t medic --leave-out \
		--seen ../shared/data/ncbi-disease/train.pubtator.txt
	$(BIN)/medlink evaluate link ../shared/data/bc5cdr/dev.pubtator.txt -t medic --label Disease --leave-out \
		--seen ../shared/data/bc5cdr/train.pubtator.txt
	$(BIN)/medlink evaluate link corpora/nil/heldout.txt -t medic --nil
	$(BIN)/medlink evaluate link ../shared/data/disease-ontology -t icd10cm --crosswalk ICD10CM
	$(BIN)/medlink evaluate link ../shared/data/disease-ontology -t icd10cm --crosswalk ICD10CM --category 3
	$(BIN)/medlink evaluate link corpora/clinical_notes/heldout -t icd10cm

clean:
	rm -rf .venv .venv-train build site

.venv/installed: $(PACKAGE_FILES)
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) -e . ./models/en_medlink_sm ./models/en_medlink_gliner
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python $(PIP) -e ".[test,docs,sources]"
	touch $@

.venv-train/installed: setup.cfg pyproject.toml
	test -d .venv-train || $(PYTHON) -m venv .venv-train
	$(TRAIN_BIN)/python $(PIP) torch==2.13.0
	$(TRAIN_BIN)/python $(PIP) -e ".[train,test]"
	touch $@
