"""Mentions of several finders on one document: what is kept of each, and which become entities."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from medlink.models import blank_pipeline
from medlink.recognition.mentions import GROUP, add_mentions, cut_at_line_ends, in_compound, trim


def document(words="chest pain and low potassium"):
    return spacy.blank("en")(words)


def test_every_finder_of_a_mention_is_kept_with_its_score():
    doc = document()
    add_mentions(doc, [Span(doc, 0, 2, "CONDITION"), Span(doc, 3, 5, "CONDITION")], "ner", [0.9, 0.6])
    add_mentions(doc, [Span(doc, 0, 2, "CONDITION"), Span(doc, 4, 5, "DRUG")], "dictionary")
    assert [(span.text, span.label_, span._.finders) for span in doc.spans[GROUP]] == [
        ("chest pain", "CONDITION", {"dictionary": 1.0, "ner": 0.9}),
        ("low potassium", "CONDITION", {"ner": 0.6}),
        ("potassium", "DRUG", {"dictionary": 1.0}),
    ]
    assert [ent.text for ent in doc.ents] == ["chest pain", "low potassium"]
    add_mentions(doc, [Span(doc, 0, 2, "CONDITION")], "ner", [0.3])
    assert doc.spans[GROUP][0]._.finders["ner"] == 0.9


def test_of_two_mentions_as_long_the_one_that_more_finders_found_is_the_entity():
    doc = document("potassium")
    add_mentions(doc, [Span(doc, 0, 1, "DRUG"), Span(doc, 0, 1, "MEASUREMENT")], "ner", [0.9, 0.5])
    assert [ent.label_ for ent in doc.ents] == ["DRUG"]
    add_mentions(doc, [Span(doc, 0, 1, "MEASUREMENT")], "gliner", [0.6])
    assert [ent.label_ for ent in doc.ents] == ["MEASUREMENT"]


def test_labels_of_users_come_after_those_of_medlink():
    doc = document("potassium")
    add_mentions(doc, [Span(doc, 0, 1, "ALLERGEN"), Span(doc, 0, 1, "ANATOMY")], "own")
    assert [ent.label_ for ent in doc.ents] == ["ANATOMY"]


def test_spans_that_medlink_did_not_find_have_no_finder():
    doc = document()
    assert Span(doc, 0, 1)._.finders == {}


def test_finders_survive_the_way_to_disk():
    doc = document()
    add_mentions(doc, [Span(doc, 0, 2, "CONDITION")], "ner", [0.9])
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (again,) = DocBin().from_bytes(data).get_docs(doc.vocab)
    assert again.spans[GROUP][0]._.finders == {"ner": 0.9}


def test_the_words_of_headings_are_no_mentions_but_body_parts():
    nlp = blank_pipeline("medlink_sections")
    doc = nlp("PHYSICAL EXAM\n\nPsychiatric: Depression.\nAbdomen: Soft, no pain.\n\nPAIN ASSESSMENT: None.")
    words = {"Psychiatric": "CONDITION", "Depression": "CONDITION", "Abdomen": "ANATOMY", "pain": "CONDITION"}
    words |= {"PAIN": "CONDITION"}
    add_mentions(doc, [Span(doc, t.i, t.i + 1, words[t.text]) for t in doc if t.text in words], "ner")
    assert [span.text for span in doc.spans[GROUP]] == ["Depression", "Abdomen", "pain"]


@pytest.mark.parametrize("text", ["Mr. Parkinson", "Mrs Crohn", "Dr. J. Graves", "Ms. A B Bell"])
def test_the_name_of_a_person_is_no_mention(text):
    doc = blank_pipeline()(f"Seen by {text} for it.")
    last = [token.i for token in doc if token.text == text.split()[-1]]
    add_mentions(doc, [Span(doc, last[0], last[0] + 1, "CONDITION")])
    assert not doc.ents


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("PATIENT: DOE, JOHN  MRN 12", 0),
        ("Pt: DOE, Ann B", 0),
        ("Patient Name: DOE", 0),
        ("Attending: DOE MD", 0),
        ("Patient: DOE, COPD, worse", 1),
        ("PT: DOE better", 1),
        ("Patient: DOE, Asthma stable", 1),
        ("Symptom name: DOE", 1),
    ],
)
def test_a_name_in_its_field_is_no_mention(text, kept):
    doc = blank_pipeline()(text)
    (at,) = (token.i for token in doc if token.text == "DOE")
    add_mentions(doc, [Span(doc, at, at + 1, "CONDITION")])
    assert len(doc.ents) == kept


@pytest.mark.parametrize("text", ["Parkinson", "per Dr. anemia", "Hepatitis A. Gout"])
def test_what_stands_behind_no_title_is_one(text):
    doc = blank_pipeline()(text)
    add_mentions(doc, [Span(doc, len(doc) - 1, len(doc), "CONDITION")])
    assert len(doc.ents) == 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Chronic viral hepatitis C ( HCC )", False),
        ("Carcinoma of breast , left ( CMS / HCC )", False),
        ("Hepatocellular carcinoma ( HCC )", True),
        ("HCC on imaging", True),
        ("liver mass ( HCC on biopsy )", True),
    ],
)
def test_the_sign_of_a_risk_category_is_no_carcinoma(text, kept):
    doc = Doc(spacy.blank("en").vocab, text.split())
    at = text.split().index("HCC")
    add_mentions(doc, [Span(doc, at, at + 1, "CONDITION")], "ner")
    assert len(doc.ents) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("sats 91% OA", False),
        ("Hypoxic to 84% on RA", False),
        ("SpO2 98 on RA", False),
        ("100% OA", False),
        ("MTX for RA", True),
        ("ESR 112 RA", True),
        ("age 34 with RA", True),
    ],
)
def test_the_air_behind_a_saturation_is_no_arthritis(text, kept):
    doc = blank_pipeline()(text)
    add_mentions(doc, [Span(doc, len(doc) - 1, len(doc), "CONDITION")], "ner")
    assert len(doc.ents) == kept


@pytest.mark.parametrize(
    ("text", "kept"), [("HOH w aids", False), ("HIV/AIDS", True), ("hiv/aids", True), ("AIDS", True)]
)
def test_what_helps_to_hear_is_no_disease(text, kept):
    doc = blank_pipeline()(text)
    add_mentions(doc, [doc.char_span(len(text) - 4, len(text), "CONDITION", alignment_mode="expand")], "ner")
    assert len(doc.ents) == kept


def test_a_mention_begins_with_the_acute_that_other_words_part_from_it():
    doc = blank_pipeline()("Acute non-recurrent maxillary sinusitis; acute sinusitis; severe sinusitis")
    whole = [trim(Span(doc, at - more, at + 1, "CONDITION")) for at, more in ((5, 1), (8, 0), (11, 0))]
    assert [span.text for span in whole] == ["Acute non-recurrent maxillary sinusitis", "sinusitis", "sinusitis"]


@pytest.mark.parametrize(
    ("text", "first", "last", "whole"),
    [
        ("Borderline diabetes", 1, 2, "Borderline diabetes"),
        ("a CF carrier", 1, 2, "CF carrier"),
        ("carrier of cystic fibrosis", 2, 4, "carrier of cystic fibrosis"),
        ("not cancer", 0, 2, "cancer"),
        ("No fever", 0, 2, "fever"),
        ("not eating", 0, 2, "not eating"),
        ("NO toxicity", 0, 2, "NO toxicity"),
    ],
)
def test_a_mention_holds_what_makes_something_else_of_it_and_no_denial(text, first, last, whole):
    assert trim(Span(blank_pipeline()(text), first, last, "CONDITION")).text == whole


def test_an_examination_that_heads_its_findings_is_a_mention():
    doc = blank_pipeline("medlink_sections")("PHYSICAL EXAM\n\nAbdomen: soft.\n\nEKG: LBBB.\n\nPROCEDURES: none.\n")
    words = {"EKG", "PROCEDURES"}
    add_mentions(doc, [Span(doc, t.i, t.i + 1, "PROCEDURE") for t in doc if t.text in words], "ner")
    assert [span.text for span in doc.spans[GROUP]] == ["EKG"]


def test_a_condition_that_is_the_heading_of_its_own_plan_is_a_mention():
    nlp = blank_pipeline("medlink_sections")
    doc = nlp("ASSESSMENT AND PLAN:\n\nHYPERTENSION:\nContinue lisinopril.\n\nGOUT:\nStart allopurinol.\n")
    words = {"HYPERTENSION", "GOUT"}
    add_mentions(doc, [Span(doc, t.i, t.i + 1, "CONDITION") for t in doc if t.text in words], "ner")
    assert [span.text for span in doc.spans[GROUP]] == ["HYPERTENSION", "GOUT"]


def test_a_list_gives_way_to_its_members():
    doc = document("denies hepatitis , gout and breast or ovarian cancer")
    gout, cancer = Span(doc, 3, 4, "CONDITION"), Span(doc, 5, 9, "CONDITION")
    add_mentions(doc, [Span(doc, 1, 9, "CONDITION"), Span(doc, 1, 2, "CONDITION"), cancer], "ner")
    assert [ent.text for ent in doc.ents] == ["hepatitis , gout and breast or ovarian cancer"]
    add_mentions(doc, [Span(doc, 3, 4, "DRUG")], "other")
    assert len(doc.ents) == 1  # a member must have the same label
    add_mentions(doc, [gout], "dictionary")
    assert [ent.text for ent in doc.ents] == ["hepatitis", "gout", "breast or ovarian cancer"]
    assert [span.text for span in doc.spans[GROUP] if span.label_ == "CONDITION"] == [ent.text for ent in doc.ents]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["MRI", "of", "the"], ["MRI"]),
        (["erosion", "into"], ["erosion"]),
        (["chest", "pain", "\n\n", "of", "the"], ["chest pain"]),
        (["chest", "\n\n", "pain", "\n"], ["chest", "pain"]),
        (["weight", "loss", "\n", "Gastrointestinal"], ["weight loss", "Gastrointestinal"]),
        (["skin", "\n", "-", "erythema"], ["skin", "erythema"]),
        (["WAS"], ["WAS"]),
        (["hemophilia", "A"], ["hemophilia A"]),
        (["of", "the"], []),
        (["loss", "of", "the", "leg"], ["loss of the leg"]),
        (["stress", "fracture", "of", "the", "left"], ["stress fracture"]),
        (["The", "left", "knee"], ["left knee"]),
        (["a", "cough"], ["cough"]),
        (["Known", "COPD"], ["COPD"]),
        (["Suspected", "bone", "metastases"], ["bone metastases"]),
        (["A", "fever"], ["A fever"]),
        (["renal", "failure", "\n", "4", "."], ["renal failure"]),
        (["a", "fib"], ["a fib"]),
        (["the"], []),
        (["as"], []),
        (["AS"], ["AS"]),
        (["incl", "bleeding"], ["bleeding"]),
        (["pt", "vomiting"], ["vomiting"]),
        (["history", "of", "SDH"], ["SDH"]),
        (["poss", "aspiration"], ["aspiration"]),
        (["microalbuminuria", "-", "controlled"], ["microalbuminuria"]),
        (["seizures", "-", "N"], ["seizures"]),
        (["STOP", "-", "CKD"], ["CKD"]),
        (["Baseline", "dementia"], ["dementia"]),
        (["pt"], []),
        (['"'], []),
        (["sepsis", "POA"], ["sepsis"]),
    ],
)
def test_what_models_find_is_cut_at_line_ends_and_trimmed(words, expected):
    following = [*words[1:], ""]
    spaces = [bool(one.strip() and other.strip()) for one, other in zip(words, following, strict=True)]
    doc = Doc(spacy.blank("en").vocab, words=words, spaces=spaces)
    spans = cut_at_line_ends(doc, 0, len(doc), "CONDITION")
    assert [one.text for span in spans if (one := trim(span)) is not None] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Admitted overnight from the clinic with chest\npain.", ["chest\npain"]),
        ("ADMITTED OVERNIGHT FROM THE CLINIC WITH CHEST\nPAIN.", ["CHEST\nPAIN"]),
        ("Admitted overnight from the clinic with chest\nPain.", ["chest", "Pain"]),
        ("Admitted overnight from the clinic with chest\n\npain.", ["chest", "pain"]),
        ("Admitted overnight from the clinic with chest\n- pain.", ["chest", "pain"]),
        ("Admitted overnight from the clinic with chest\n3. pain.", ["chest", "pain"]),
        ("With chest\npain.", ["chest\npain"]),
        ("WITH CHEST\nPAIN.", ["CHEST", "PAIN"]),
    ],
)
def test_a_mention_goes_over_the_end_of_a_line_only_where_it_was_full(text, expected):
    doc = spacy.blank("en")(text)
    start = next(i for i, token in enumerate(doc) if token.lower_ == "chest")
    assert [span.text for span in cut_at_line_ends(doc, start, len(doc) - 1, "CONDITION")] == expected


@pytest.mark.parametrize(
    ("text", "found", "kept"),
    [
        ("no s/s of infection", "s/s of infection", "infection"),
        ("s/s DVT", "s/s DVT", "DVT"),
        ("cannabis use d/o", "cannabis use", "cannabis use d/o"),
        ("radial a-line in place", "a-line", "a-line"),
    ],
)
def test_signs_and_disorders_in_shorthand(text, found, kept):
    doc = blank_pipeline()(text)
    start = text.index(found)
    assert trim(doc.char_span(start, start + len(found), label="CONDITION")).text == kept


@pytest.mark.parametrize(
    ("text", "part", "inside"),
    [
        ("non-alcoholic cirrhosis", "alcoholic cirrhosis", True),
        ("non alcoholic cirrhosis", "alcoholic cirrhosis", True),
        ("non-alcoholic cirrhosis", "cirrhosis", False),
        ("non-alcoholic cirrhosis", "non-alcoholic cirrhosis", False),
        ("anti-hypertensives held", "hypertensives", True),
        ("non-displaced fracture", "non", True),
        ("psycho-oncology", "psycho", True),
        ("cancer-associated", "cancer", False),
        ("extra\u2010pulmonary tuberculosis", "pulmonary tuberculosis", True),
        ("flu-like symptoms", "flu", True),
        ("post MI", "MI", False),
        ("HIV-associated nephropathy", "nephropathy", False),
        ("fever-free", "fever", False),
        ("asthma - like his father", "asthma", False),
    ],
)
def test_a_part_of_a_compound_is_no_mention(text, part, inside):
    doc = blank_pipeline()(text)
    start = text.index(part)
    span = doc.char_span(start, start + len(part), label="CONDITION")
    assert in_compound(doc, span.start, span.end) == inside
    assert (trim(span) is None) == inside
