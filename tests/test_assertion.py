"""medlink_assertion: in pipelines of its own and of others, with its triggers, FHIR and OMOP values, and its bars."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.assertion.values import Assertion
from medlink.evaluation.assertion import evaluate_corpus, evaluate_marked
from medlink.evaluation.headings import evaluate_headings
from medlink.evaluation.marked import docs_with_mentions, parse_marked, text_files
from medlink.models import blank_pipeline

CORPORA = Path(__file__).resolve().parents[1] / "corpora"


def others_pipeline(*patterns, label="PROBLEM"):
    """A pipeline of spaCy's own components, whose labels are not medlink's."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": pattern} for pattern in patterns])
    nlp.add_pipe("medlink_assertion")
    return nlp


def test_it_works_alone_on_entities_from_elsewhere():
    doc = others_pipeline("fever", "cough", "asthma")("No fever, but he has a cough.\nHistory of asthma.")
    said = {entity.text: entity._.assertion for entity in doc.ents}
    assert said["fever"].status == "absent"
    assert said["cough"].status == "present"
    assert said["asthma"].temporality == "historical"


def test_each_decision_names_its_trigger():
    doc = others_pipeline("stroke")("Her mother had no stroke.")
    assertion = doc.ents[0]._.assertion
    triggers = {trigger.dimension: trigger for trigger in assertion.triggers}
    assert triggers["status"].span.text == "no"
    assert triggers["status"].rule == "no"
    assert triggers["experiencer"].span.text == "mother had"
    assert (assertion.status, assertion.experiencer) == ("absent", "family")


def test_a_dash_denies_what_follows_it_behind_a_plus():
    nlp = others_pipeline("pain", "fever", "rash", "gout")
    text = "+ pain 4/10, better. – fever, rash. Rest.\n- gout\nPlan: + fluids - rash"
    said = [(entity.text, entity._.assertion) for entity in nlp(text).ents]
    assert [(name, one.status) for name, one in said] == [
        ("pain", "present"),
        ("fever", "absent"),
        ("rash", "absent"),
        ("gout", "present"),
        ("rash", "present"),
    ]
    assert said[1][1].triggers[0].span.text == "–"


@pytest.mark.parametrize(
    "line",
    [
        "{Fever|absent} [ ] {cough|present} [x]",
        "{Fever|absent}: ☐ {cough|present}: ☑",
        "[x] {fever|present} [ ] {cough|absent}",
        "Symptoms: [ ] {fever|absent} [x] {cough|present}",
        "{Asthma|absent} or {COPD|absent}    [ ]   [x]",
        "{Asthma|present}: Yes [x] No [ ]",
        "{Asthma|absent} [ ] Yes [x] No",
        "{Asthma|absent} ........ No",
    ],
)
def test_boxes_and_dots_lead_to_answers(line, tmp_path):
    (tmp_path / "line.txt").write_text(line)
    assert not evaluate_marked([tmp_path / "line.txt"], by_line=True).wrong


def test_a_section_decides_where_no_trigger_does():
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CONDITION", "pattern": p} for p in ("asthma", "gout")])
    nlp.add_pipe("medlink_sections")
    nlp.add_pipe("medlink_assertion")
    doc = nlp("FAMILY HISTORY: asthma\nASSESSMENT: gout")
    first, second = (entity._.assertion for entity in doc.ents)
    assert (first.temporality, first.experiencer) == ("historical", "family")
    assert {trigger.span.text for trigger in first.triggers} == {"FAMILY HISTORY:"}
    assert second == Assertion()


def test_sections_are_found_where_their_component_is_missing():
    doc = others_pipeline("asthma", "gout")("FAMILY HISTORY: asthma\n\nROS: denies gout")
    assert doc.ents[0]._.assertion.experiencer == "family"
    assert doc.ents[1]._.assertion.status == "absent"
    assert doc._.sections == []


def test_a_heading_in_running_text_tells_of_its_sentence_only():
    nlp = others_pipeline("lupus", "gout")
    nlp.add_pipe("medlink_sentences", first=True)
    running = nlp("Seen today. FHx: lupus. Options discussed. The gout is better.")
    assert [entity._.assertion.experiencer for entity in running.ents] == ["family", "patient"]
    for text in (
        "FHx: lupus. Possibly gout.",
        "Seen today. FAMILY HISTORY: lupus. Possibly gout.",
        "- FH: lupus. And gout.",
    ):
        assert [entity._.assertion.experiencer for entity in nlp(text).ents] == ["family", "family"], text


def test_mentions_that_overlap_are_decided_too():
    nlp = blank_pipeline("medlink_assertion")
    doc = nlp.make_doc("Denies left knee pain.")
    doc.spans["medlink"] = [spacy.tokens.Span(doc, 1, 4, "CONDITION"), spacy.tokens.Span(doc, 3, 4, "CONDITION")]
    doc = nlp(doc)
    assert [span._.assertion.status for span in doc.spans["medlink"]] == ["absent", "absent"]


def test_a_mention_too_long_hides_no_trigger_from_another():
    nlp = blank_pipeline("medlink_assertion")
    doc = nlp.make_doc("He has no fever today.")
    doc.spans["medlink"] = [spacy.tokens.Span(doc, 2, 4, "CONDITION"), spacy.tokens.Span(doc, 3, 4, "CONDITION")]
    assert nlp(doc).spans["medlink"][1]._.assertion.status == "absent"


def test_without_the_component_everything_is_the_default():
    doc = spacy.blank("en")("No fever.")
    assert doc[1:2]._.assertion == Assertion()


@pytest.mark.parametrize(
    ("values", "fhir", "omop"),
    [
        ((), ("confirmed", "active"), ("Y", "Present")),
        (("absent",), ("refuted", None), ("N", "Present")),
        (("possible",), ("provisional", "active"), ("N", "Present")),
        (("present", "historical"), ("confirmed", "inactive"), ("Y", "Past")),
        (("present", "hypothetical"), ("unconfirmed", None), ("N", "Future")),
        (("present", "historical", "family"), (None, None), ("N", "Past")),
    ],
)
def test_fhir_and_omop_values(values, fhir, omop):
    assertion = Assertion(*values)
    assert (assertion.verification_status, assertion.clinical_status) == fhir
    assert (assertion.term_exists, assertion.term_temporal) == omop
    assert assertion.term_modifiers.startswith(f"negation={'true' if 'absent' in values else 'false'};")


def test_users_rules_win_by_name_and_add_up(tmp_path):
    path = tmp_path / "rules.jsonl"
    path.write_text(
        '{"name": "ours", "triggers": ["zilch"], "status": "absent"}\n'
        '{"name": "denies", "triggers": ["denies"], "status": "possible"}\n'
    )
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CONDITION", "pattern": "fever"}])
    nlp.add_pipe("medlink_assertion", config={"rules": str(path)})
    assert nlp("Zilch fever.").ents[0]._.assertion.status == "absent"
    assert nlp("Denies fever.").ents[0]._.assertion.status == "possible"
    assert nlp("No fever.").ents[0]._.assertion.status == "absent"


def test_it_survives_disk_bytes_and_saved_documents(tmp_path):
    nlp = others_pipeline("fever")
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path)("Denies fever.").ents[0]._.assertion.status == "absent"
    blank = blank_pipeline("medlink_assertion")
    restored = blank_pipeline("medlink_assertion").from_bytes(blank.to_bytes())
    assert restored.get_pipe("medlink_assertion").rules == blank.get_pipe("medlink_assertion").rules
    doc = nlp("Denies fever.")
    copy = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert copy.ents[0]._.assertion.triggers[0].span.text == "Denies"


def test_several_processes_give_the_same():
    nlp = others_pipeline("fever")
    docs = list(nlp.pipe(["No fever.", "Has fever."] * 4, n_process=2, batch_size=2))
    assert [doc.ents[0]._.assertion.status for doc in docs] == ["absent", "present"] * 4


@given(st.text(alphabet=st.sampled_from("no fevr?-+.,:;()\n[]xİ's1 "), max_size=80))
def test_any_text_around_a_mention(text):
    nlp = ANY
    doc = nlp(f"{text} fever {text}")
    for entity in doc.ents:
        for trigger in entity._.assertion.triggers:
            assert trigger.span.text
            assert not (trigger.span.start < entity.end and entity.start < trigger.span.end)


ANY = others_pipeline("fever")


def test_offsets_hold_where_small_letters_are_longer():
    doc = ANY("İİİ İ denies fever")
    assert doc.ents[0]._.assertion.triggers[0].span.text == "denies"


def test_marks_are_read():
    text, mentions = parse_marked("Mother had {MI|historical family}, takes {aspirin|DRUG} for {gout|M10.9}.")
    assert text == "Mother had MI, takes aspirin for gout."
    assert [(text[m.start : m.end], m.label, m.assertion, m.code) for m in mentions] == [
        ("MI", "CONDITION", ("present", "historical", "family"), ""),
        ("aspirin", "DRUG", ("present", "current", "patient"), ""),
        ("gout", "CONDITION", ("present", "current", "patient"), "M10.9"),
    ]
    with pytest.raises(MedlinkError, match="'gone' is no label"):
        parse_marked("{x|gone}")


@pytest.mark.parametrize("half", ["dev", "heldout"])
def test_hard_sentences(half):
    scores = evaluate_marked([CORPORA / "assertion" / f"{half}.txt"], by_line=True)
    assert scores.mentions > 250
    assert scores.right["status"] / scores.mentions >= 0.95
    assert scores.right["all"] / scores.mentions >= 0.90


@pytest.mark.parametrize("half", ["dev", "heldout"])
def test_marked_notes(half):
    scores = evaluate_marked(text_files(CORPORA / "marked_notes" / half), by_line=False)
    assert scores.mentions > 180
    assert scores.right["all"] / scores.mentions >= 0.93


def test_negation_in_terse_notes_and_lists():
    assert evaluate_marked(text_files(CORPORA / "clinical_notes" / "heldout"), by_line=False).f1("absent")[2] >= 0.91


def test_a_negation_does_not_reach_the_next_line_of_a_list():
    lines = [f"{bed} sepsis day {bed}, ceftriaxone and fluids, CT no {{abscess|absent}}\n" for bed in range(401, 409)]
    nlp = blank_pipeline("medlink_sections", "medlink_sentences", "medlink_assertion")
    notes = ["".join(lines) + "409 {syncope}, orthostatics", "".join(lines).lower() + "409 {syncope}, orthostatics"]
    for text, mentions in map(parse_marked, notes):
        doc = next(iter(docs_with_mentions(nlp, [(text, mentions)])))
        assert [entity._.assertion.status for entity in doc.ents] == ["absent"] * 8 + ["present"]


def test_negation_and_history_on_the_corpora(shared_data):
    assert evaluate_corpus(shared_data / "negex" / "negation.dev.tsv").f1("absent")[2] >= 0.97
    scores = evaluate_corpus(shared_data / "negex" / "context.dev.tsv")
    assert scores.f1("absent")[2] >= 0.96
    assert scores.f1("historical")[2] >= 0.75


def test_headings_of_notes(shared_data):
    from medlink.document.headings import HeadingFinder
    from medlink.document.sections import default_section_rules

    finder = HeadingFinder(default_section_rules())
    scores = evaluate_headings(finder, CORPORA / "headings" / "gold.tsv", shared_data / "notes")
    assert scores.gold == 468
    assert scores.recall >= 0.95
    assert scores.false_share <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    "note",
    [
        "HPI: Denies fever. History of asthma and DM.\nMother had MS. Lungs: clear, no cough\n",
        "no fever, history of asthma and cough MS ",  # a text without sentences
    ],
)
def test_time_grows_with_the_length_and_not_faster(note):
    nlp = spacy.blank("en")
    nlp.max_length = 10**8
    components = [nlp.add_pipe(f"medlink_{name}") for name in ("sections", "sentences", "abbreviations", "assertion")]
    components.append(nlp.add_pipe("medlink_attributes"))

    def per_character(size):
        best = float("inf")
        for _ in range(3):
            doc = nlp.make_doc(note * (size // len(note)))
            doc.ents = [
                spacy.tokens.Span(doc, token.i, token.i + 1, "CONDITION")
                for token in doc
                if token.text in ("fever", "asthma", "cough")
            ]
            began = time.perf_counter()
            for component in components:
                doc = component(doc)
            best = min(best, time.perf_counter() - began)
        return best / size

    assert per_character(300_000) < 2 * per_character(10_000)
