"""Codes by the side that a note tells, and at the first encounter."""

import re

import pytest
import spacy

from medlink import Alias, Concept, Linker, Terminology
from medlink.linking.narrowing import at_first_encounter, on_side, side_of, unspecified_below
from medlink.terminology.readers.jsonl import read_synonyms


@pytest.fixture(scope="module")
def nlp():
    return spacy.load("en_medlink_sm")


@pytest.fixture(scope="module")
def icd(nlp):
    return next(one for one in nlp.get_pipe("medlink_linker").terminologies if one.name == "icd10cm")


@pytest.fixture(scope="module")
def linker(icd):
    return Linker.load("en_medlink_sm", [icd])


@pytest.mark.parametrize(
    ("mention", "text", "side"),
    [
        ("ovarian cyst", "L ovarian cyst on CT.", "left"),
        ("right otitis media", "right otitis media", "right"),
        ("pain in the left hip", "pain in the left hip", "left"),
        ("hydroceles", "Bilateral hydroceles.", "bilateral"),
        ("otitis media", "Seen on the left. He has otitis media.", ""),
        ("knee pain", "He left. Knee pain", ""),
        ("knee pain", "side: right\nknee pain", ""),
        ("ovarian cyst", None, ""),
        ("knee pain", "rt. knee pain", "right"),
        ("RTC tear", "RTC tear", ""),
    ],
)
def test_the_side_is_read_in_the_mention_and_right_before_it(mention, text, side):
    context = None
    if text is not None:
        start = text.lower().index(mention.lower())
        context = (text, start, start + len(mention))
    assert side_of(mention, context) == side


@pytest.mark.parametrize(
    ("code", "side", "other"),
    [
        ("N83.209", "left", "N83.202"),
        ("H66.90", "right", "H66.91"),
        ("H66.90", "bilateral", "H66.93"),
        ("G56.00", "bilateral", "G56.03"),
        ("S52.509A", "left", "S52.502A"),
        ("S50.1", "left", "S50.12"),
        ("S93.409A", "bilateral", None),  # ICD-10-CM has no code for both
        ("N43.3", "left", None),
        ("M25.562", "left", None),
        ("G81.90", "left", "G81.94"),  # the left side is taken for the one that is not dominant
        ("G83.10", "right", "G83.11"),
        ("Q53.9", "bilateral", None),  # a category, which cannot be billed
        ("I21.9", "right", None),
    ],
)
def test_the_code_of_a_side_stands_beside_that_of_an_unspecified_one(icd, code, side, other):
    found = on_side(icd.row(code), side, icd)
    assert (icd.concept_ids[found] if found is not None else None) == other


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("S99.911", "S99.911A"),
        ("S52.502", "S52.502A"),
        ("M84.311", "M84.311A"),
        ("S50.1", "S50.10XA"),
        ("I21", None),
        ("S99.911A", None),
    ],
)
def test_an_injury_is_coded_as_at_the_first_encounter(icd, code, first):
    found = at_first_encounter(icd.row(code), icd)
    assert (icd.concept_ids[found] if found is not None else None) == first


@pytest.mark.parametrize(
    ("category", "code"),
    [
        ("J43", "J43.9"),
        ("M65.9", "M65.90"),
        ("C70", "C70.9"),
        ("M25.56", "M25.569"),
        ("H33.1", "H33.109"),  # by way of H33.10
        ("Q60", "Q60"),  # the kidney that is lacking and the small one are both left unspecified
        ("R39.19", "R39.198"),  # of the same name
        ("Z28.3", "Z28.3"),
        ("F10.9", "F10.90"),  # F10.99 is with a disorder
        ("L53", "L53"),
        ("L97.30", "L97.309"),
        ("J96.9", "J96.90"),
        ("J43.9", "J43.9"),
        ("K85.9", "K85.90"),  # without necrosis or infection
        ("J45.90", "J45.909"),  # uncomplicated
        ("E11.64", "E11.649"),
        ("K85.1", "K85.10"),
        ("G43.0", "G43.009"),
        ("M06", "M06"),  # M06.0, without rheumatoid factor, is no other one
        ("E16", "E16"),  # E16.0 is drug-induced
        ("S06.36", "S06.36"),  # whether consciousness was lost may be unknown
    ],
)
def test_what_a_category_says_has_the_unspecified_code_below_it(icd, category, code):
    assert icd.concept_ids[unspecified_below(icd.row(category), icd)] == code


def test_a_concept_that_is_no_category_keeps_its_place():
    concepts = [
        Concept("HP:0000478", "Abnormality of the eye"),
        Concept("HP:0012370", "Abnormal eye", parents=("HP:0000478",)),
        Concept("HP:0012379", "Abnormality of the eye, unspecified", parents=("HP:0000478",)),
    ]
    phenotypes = Terminology.from_records("hpo", concepts)
    row = phenotypes.row("HP:0000478")
    assert unspecified_below(row, phenotypes) == row


def test_no_name_of_clinicians_takes_a_side_that_it_does_not_tell(icd):
    side = re.compile(r"\b(left|right)\b", re.IGNORECASE)
    names = [(code, name) for code, names in read_synonyms("icd10cm").items() for name in names if code[0] in "CLMNS"]
    sided = [(code, name) for code, name in names if side.search(icd.concept_name(icd.row(code)))]
    assert sided
    assert not [one for one in sided if not side.search(one[1]) and one[1] not in ("RLE cellulitis", "LLE cellulitis")]


@pytest.mark.parametrize(
    ("text", "mention", "code"),
    [
        ("CT shows a left ovarian cyst.", "ovarian cyst", "N83.202"),
        ("Closed fracture of the left distal radius.", "fracture", "S52.502A"),
        ("She has had pain in her back since Monday.", "pain", "M54.9"),
        ("He sustained an injury to his right ankle.", "injury", "S99.911A"),
        ("Bilateral carpal tunnel syndrome.", "carpal tunnel syndrome", "G56.03"),
        ("Osteoarthritis, left knee.", "osteoarthritis", "M17.12"),
        ("She has osteoarthritis of both knees.", "osteoarthritis", "M17.9"),
        ("Fracture of the right fifth metatarsal.", "fracture", "S92.351A"),
        ("She has left pelvic pain.", "pelvic pain", "R10.22"),
        ("Chronic otitis media.", "otitis media", "H66.90"),
        ("Non-displaced fracture of the right fifth metatarsal.", "fracture", "S92.354A"),
    ],
)
def test_the_pipeline_gives_the_code_of_the_side_and_of_the_body_part(nlp, text, mention, code):
    doc = nlp(text)
    found = {
        span.kb_id_ for span in doc.spans["medlink"] if span.label_ == "CONDITION" and mention in span.text.lower()
    }
    assert code in found


def test_a_mention_is_linked_alone_where_it_is_no_name_with_its_body_part(nlp):
    (span,) = [one for one in nlp("There is psoriasis on the elbows.").ents if one.label_ == "CONDITION"]
    assert span.kb_id_ == "L40.9"


def test_the_linker_alone_reads_the_side_too_and_says_what_it_had_found(linker):
    context = ("Assessment: right otitis media.", 18, 30)
    found = linker.link(["otitis media"], [context])[0][0]
    assert (found.concept_id, found.via) == ("H66.91", "H66.90")
    assert found.name == "Otitis media, unspecified, right ear"
    assert linker.link(["otitis media"])[0][0].concept_id == "H66.90"


@pytest.mark.parametrize(
    ("mention", "code"),
    [
        ("left fifth metatarsal fracture", "S92.352A"),
        ("displaced fracture of the left fifth metatarsal", "S92.352A"),
        ("nondisplaced fracture of the left fifth metatarsal", "S92.355A"),
        ("undisplaced left fifth metatarsal fracture", "S92.355A"),
        ("open fracture of the left distal radius", "S52.502B"),
        ("open left fifth metatarsal fracture", "S92.352B"),
        ("open-book pelvic fracture", "S32.810A"),
        ("open nondisplaced left fifth metatarsal fracture", "S92.355B"),
    ],
)
def test_a_fracture_is_closed_and_displaced_unless_the_note_tells_otherwise(linker, mention, code):
    context = (f"{mention}.", 0, len(mention))
    assert linker.link([mention], [context])[0][0].concept_id == code


@pytest.mark.parametrize(
    "text",
    ["Open reduction of the left distal radius fracture.", "Open skull fracture and left distal radius fracture."],
)
def test_what_was_open_may_be_something_else(linker, text):
    start = text.index("distal")
    found = linker.link(["distal radius fracture"], [(text, start, start + 22)])[0][0]
    assert found.concept_id == "S52.502A"


@pytest.mark.parametrize(
    ("mention", "code"),
    [
        ("Malignant neoplasm of upper-outer quadrant of left breast", "C50.412"),
        ("malignant neoplasm of breast", "C50.919"),
        ("male breast cancer", "C50.929"),
        ("R hemiplegia", "G81.91"),
    ],
)
def test_breasts_are_of_women_and_right_hands_dominant_where_nothing_is_told(linker, mention, code):
    (found,) = linker.link([mention], [(mention, 0, len(mention))])
    assert found[0].concept_id == code


@pytest.mark.parametrize(
    ("text", "mention", "code", "found"),
    [
        ("T1DM admitted with DKA.", "DKA", "E10.10", "E11.10"),
        ("T2DM admitted with DKA.", "DKA", "E11.10", ""),
        ("Admitted with DKA; brother has T1DM.", "DKA", "E11.10", ""),
        ("Type 1 diabetic with diabetic neuropathy.", "diabetic neuropathy", "E10.40", "E11.40"),
        # Type 1 has no such code.
        ("T1DM, HHS.", "HHS", "E11.00", ""),
    ],
)
def test_the_type_of_diabetes_is_that_of_the_note(linker, text, mention, code, found):
    start = text.index(mention)
    best = linker.link([mention], [(text, start, start + len(mention))])[0][0]
    assert (best.concept_id, best.via) == (code, found)


def test_a_name_alone_tells_of_no_encounter(linker):
    name = "injury of the right ankle"
    assert linker.link([name])[0][0].concept_id == "S99.911"
    assert linker.link([name], [(name, 0, len(name))])[0][0].concept_id == "S99.911A"


def test_a_concept_stands_once_among_the_candidates():
    concepts = [
        Concept("1", "Cyst of unspecified ovary", aliases=(Alias("ovarian cyst", "exact"),)),
        Concept("2", "Cyst of left ovary"),
    ]
    linker = Linker([Terminology.from_records("own", concepts)], threshold=0)
    found = linker.link(["ovarian cyst"], [("left ovarian cyst", 5, 17)])[0]
    assert [one.concept_id for one in found] == ["2"]
