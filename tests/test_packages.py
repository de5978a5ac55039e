"""The pipeline packages carry the rules of the library beside them: a package that was not built anew is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from medlink.assertion.rules import default_context_rules
from medlink.document.sections import default_section_rules
from medlink.document.senses import default_abbreviations

MODELS = Path(__file__).parents[1] / "models"


@pytest.mark.parametrize("package", ["en_medlink_sm", "en_medlink_gliner"])
def test_the_package_holds_the_rules_that_medlink_brings(package):
    nlp = spacy.load(package)
    assert nlp.get_pipe("medlink_assertion").rules == default_context_rules()
    assert nlp.get_pipe("medlink_sections").finder.rules == default_section_rules()
    assert nlp.get_pipe("medlink_abbreviations").finder.rules == default_abbreviations().rules


@pytest.mark.parametrize(("key", "component"), [("stop_mentions", "medlink_ner"), ("stop_names", "medlink_dictionary")])
def test_what_the_package_passes_over_is_what_the_list_says(key, component):
    listed = (MODELS / f"{key}.txt").read_text("utf-8").splitlines()
    config = spacy.load("en_medlink_sm").config["components"][component]
    assert config[key] == [line for line in listed if line and not line.startswith("#")]
