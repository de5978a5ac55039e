"""The lists of conditions are what their generator writes, and no held-out condition was trained."""

import re
from pathlib import Path

import pytest
from conftest import scripts

from medlink.training.settings import GlinerSettings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "corpora" / "condition_kinds"
_MARK = re.compile(r"\{([^{}|]+)\|([A-Z]+)\}")


@pytest.fixture(scope="module")
def generate():
    with scripts(FOLDER, "generate") as (module,):
        yield module


@pytest.mark.parametrize("part", ["train", "heldout"])
def test_the_lists_are_what_the_generator_writes(generate, part):
    assert (FOLDER / f"{part}.txt").read_text("utf-8").splitlines() == generate.write(part)


def test_held_out_conditions_are_of_other_categories(generate):
    categories = {part: {code[:3] for code, _ in generate.read_names(part)} for part in ("train", "heldout")}
    assert not categories["train"] & categories["heldout"]
    assert len(categories["heldout"]) > 60


def test_every_kind_is_held_out_as_well_and_has_a_phrase(generate):
    kinds = {kind.key for kind in generate.read_kinds()}
    phrases = GlinerSettings.load(ROOT / "configs" / "gliner.cfg").phrases
    assert kinds <= phrases.keys()
    names = [name for of in phrases.values() for name in of]
    assert all(name == name.lower() for name in names)
    marked = {part: set(_MARK.findall((FOLDER / f"{part}.txt").read_text("utf-8"))) for part in ("train", "heldout")}
    marked = {part: {key for _, key in of} for part, of in marked.items()}
    assert marked["train"] == kinds
    assert len(marked["heldout"]) >= len(kinds) - 2


def test_what_may_be_of_a_kind_is_in_no_line_of_it_without_a_mark(generate):
    infection = next(kind for kind in generate.read_kinds() if kind.key == "INFECTION")
    assert infection.holds("A41.9")
    assert not infection.excludes("A41.9", "sepsis")
    assert not infection.excludes("J18.9", "pneumonia"), "it is an infection, though of another chapter"
    assert not infection.excludes("K57.92", "diverticulitis")
    assert infection.excludes("I48.91", "atrial fibrillation")
    for line in (FOLDER / "train.txt").read_text("utf-8").splitlines():
        keys = {key for _, key in _MARK.findall(line)}
        assert len(keys) == 1, line
        if keys == {"INFECTION"}:
            assert not infection.words.search(_MARK.sub("", line)), line
