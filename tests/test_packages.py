"""The pipeline packages carry the rules of the library beside them: a package that was not built anew is noticed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import spacy

MODELS = Path(__file__).parents[1] / "models"
PACKAGES = ["en_medlink_sm", "en_medlink_gliner"]


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("component", ["medlink_sections", "medlink_abbreviations", "medlink_assertion"])
def test_the_rules_of_a_package_are_those_of_the_library(package, component, tmp_path):
    spacy.blank("en").add_pipe(component).to_disk(tmp_path / component)
    (data,) = MODELS.glob(f"{package}/{package}/{package}-*")
    for file in (tmp_path / component).iterdir():
        assert file.read_bytes() == (data / component / file.name).read_bytes(), f"python models/build_{package}.py"


@pytest.mark.parametrize(("key", "component"), [("stop_mentions", "medlink_ner"), ("stop_names", "medlink_dictionary")])
def test_what_the_package_passes_over_is_what_the_list_says(key, component):
    listed = (MODELS / f"{key}.txt").read_text("utf-8").splitlines()
    config = import_module("en_medlink_sm").load().config["components"][component]
    assert config[key] == [line for line in listed if line and not line.startswith("#")]
