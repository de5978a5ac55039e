"""Every rule of ConText, every trigger of it, in the sentence that the rule brings."""

from __future__ import annotations

import pytest

from medlink import MedlinkError
from medlink.assertion.rules import ContextRule, default_context_rules
from medlink.assertion.values import DIMENSIONS, VALUES
from medlink.evaluation.marked import docs_with_mentions, parse_marked
from medlink.models import blank_pipeline

RULES = default_context_rules()
SAMPLES = {
    "<number>": "3",
    "<year>": "2009",
    "<relative>": "mother",
    "<month>": "May",
    "<start>": "",
    "<end>": "",
    "<asks>": "?",
    "<asked>": "?",
    "<item>": "3.",
    "<minus>": "-",
    "<ticked>": "[x]",
    "<unticked>": "[]",
    "<mention>": "{a bleed|<says>}",
    "*": "acute",
}


@pytest.fixture(scope="module")
def pipeline():
    return blank_pipeline("medlink_sections", "medlink_sentences", "medlink_assertion")


def written(phrase):
    """A trigger as it stands in a note."""
    words = " ".join(filter(None, (SAMPLES.get(word, word) for word in phrase.split())))
    if not words.startswith("-"):
        words = words.replace(" - ", "-")
    for mark in ("/ ", " /", " )", "( ", "[ ", " ]"):
        # "s / p" is written "s/p"; the boxes "[ ]" and "( )" stay.
        if words not in ("[ ]", "( )", "[ _ ]"):
            words = words.replace(mark, mark.strip())
    return words


def ends_of(rule):
    return {DIMENSIONS[VALUES.index(end) // 3] if end in VALUES else end for end in rule.ends}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_trigger_says_what_its_rule_says(pipeline, rule):
    assert rule.examples, "a rule needs a sentence that shows it"
    wrong = []
    for example in rule.examples:
        for phrase in rule.phrases() or [""]:
            if phrase.startswith("<start>"):
                example = example[example.index("<T>") :]
            says = " ".join(value for _, value in rule.values())
            text, mentions = parse_marked(example.replace("<T>", written(phrase)).replace("<says>", says))
            doc = next(iter(docs_with_mentions(pipeline, [(text, mentions)])))
            assert len(doc.ents) == len(mentions), text
            for entity, mention in zip(doc.ents, mentions, strict=True):
                if rule.onwards and entity.text in SAMPLES["<mention>"]:
                    continue  # it speaks of those behind
                said = entity._.assertion
                pairs = zip(
                    DIMENSIONS, (said.status, said.temporality, said.experiencer), mention.assertion, strict=True
                )
                # A stop rule is shown by the scopes that it ends, whatever else its words mean.
                if any(one != gold for name, one, gold in pairs if not rule.ends or name in ends_of(rule)):
                    wrong.append((text, entity.text, mention.assertion, said.triggers))
    assert not wrong, f"{len(wrong)} of {len(rule.phrases())}: {wrong[:6]}"


def test_rule_names_are_unique():
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "x", "status": "absent"}, "triggers, sections or mentions"),
        ({"name": "x", "triggers": ["no"]}, "a status, a temporality or an experiencer"),
        ({"name": "x", "triggers": ["no"], "status": "gone"}, "present"),
        ({"name": "x", "triggers": ["but"], "direction": "stop"}, "ends"),
        ({"name": "x", "triggers": ["but"], "direction": "stop", "ends": ["colour"]}, "colour"),
        ({"name": "x", "triggers": ["as"], "direction": "pseudo", "status": "absent"}, "says nothing"),
        ({"name": "x", "triggers": ["{a|{b}}"], "status": "absent"}, "cannot hold others"),
        ({"name": "x", "triggers": ["* of"], "status": "absent"}, "begin with a word"),
    ],
)
def test_wrong_rules_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        ContextRule(**values)


def test_choices_are_made():
    rule = ContextRule(name="x", triggers=["no {sign|signs|} of"], status="absent")
    assert rule.phrases() == ["no sign of", "no signs of", "no of"]


def test_a_wrong_rule_file_names_the_line(tmp_path):
    path = tmp_path / "rules.jsonl"
    path.write_text('# ours\n{"name": "x", "triggers": ["nope"], "status": "absent"}\n{"name": "y"}\n')
    with pytest.raises(MedlinkError, match="line 3"):
        blank_pipeline().add_pipe("medlink_assertion", config={"rules": str(path)})
    with pytest.raises(MedlinkError, match="cannot be read"):
        blank_pipeline().add_pipe("medlink_assertion", config={"rules": str(tmp_path / "none.jsonl")})
