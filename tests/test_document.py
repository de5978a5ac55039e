"""Sections, sentences and abbreviations."""

from __future__ import annotations

from itertools import pairwise

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.document.boundaries import sentence_starts
from medlink.document.headings import HeadingFinder, heading_key
from medlink.document.schwartz_hearst import find_definitions
from medlink.document.sections import default_section_rules
from medlink.document.senses import default_abbreviations
from medlink.models import blank_pipeline

NOTE = """DISCHARGE SUMMARY

PRINCIPAL DIAGNOSIS: Pneumonia
HISTORY OF PRESENT ILLNESS:
Mr. X came in with cough. PMH: asthma.

**Family History**
Mother had asthma.

PHYSICAL EXAM
HEENT - Normocephalic.
Lungs: clear. BP: 120/80
1. ASSESSMENT/PLAN: Rest. Allergies: none.
"""
finder = HeadingFinder(default_section_rules())


def headings(text):
    return [(text[h.start : h.end], h.rule.name if h.rule else None) for h in finder.find(text)]


def sentences(text):
    starts = [*sentence_starts(text), len(text)]
    return [text[a:b].strip() for a, b in pairwise(starts)]


def test_short_headings_without_a_colon():
    text = "CC: cough\nPMH HTN\nFH neg for stroke\n\nROS negative except fever"
    assert headings(text) == [
        ("CC", "chief_complaint"),
        ("PMH", "past_medical_history"),
        ("FH", "family_history"),
        ("ROS", "review_of_systems"),
    ]
    assert headings("Woman who came with\nPMH HTN, admitted") == headings("She has a\nFH of asthma") == []


@pytest.mark.parametrize("vitals", ["BP 148/92, HR 80", "T 98.6 HR 72", "HR 80", "Afebrile, VSS"])
def test_vital_signs_without_a_heading_end_a_history(vitals):
    doc = blank_pipeline("medlink_sections")(f"PMH: gout\nAsthma\n{vitals}\nWheezing. Plan: rest\n{vitals}\nHome today")
    assert [(section.name, section.body.text.strip()) for section in doc._.sections] == [
        ("past_medical_history", "gout\nAsthma"),
        ("vital_signs", f"{vitals}\nWheezing."),
        ("plan", f"rest\n{vitals}\nHome today"),
    ]


def test_headings_of_every_shape_are_found():
    assert headings(NOTE) == [
        ("DISCHARGE SUMMARY", None),
        ("PRINCIPAL DIAGNOSIS", "discharge_diagnosis"),
        ("HISTORY OF PRESENT ILLNESS", "history_of_present_illness"),
        ("PMH", "past_medical_history"),
        ("Family History", "family_history"),
        ("PHYSICAL EXAM", "physical_exam"),
        ("HEENT", "head"),
        ("Lungs", "chest"),
        ("ASSESSMENT/PLAN", "assessment_and_plan"),
        ("Allergies", "allergies"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The patient was told: rest.",
        "He has pain in the neck, back and chest: all mild.",
        "Seen at 11:30 in clinic.",
        "BP: 120/80\nHR: 80\nHGB: 9.1",
        "Her history is long. The plan is simple.",
        "HYPERTENSION\nDIABETES\nASTHMA",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text):
    assert headings(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HPI:  ,The patient", "history_of_present_illness"),
        ("hernia.,PROCEDURE PERFORMED: , Repair", "procedures"),
        ("## Past Medical & Surgical History\nAsthma", "past_medical_history"),
        ("Current Medications:\naspirin", "medications"),
        ("IMPRESSION 1. Pneumonia", "impression"),
        ("Reason for Exam: cough", "indication"),
        ("GROSS DESCRIPTION: tissue", "gross_description"),
        ("POST-OPERATIVE DIAGNOSES: none", "postoperative_diagnosis"),
        ("S: feels well", "subjective"),
        ("Reason for call: cough", "reason_for_visit"),
        ("Reasons to call: fever", "return_precautions"),
        ("O/E: afebrile", "physical_exam"),
        ("Ix: CRP 12", "results"),
        ("Mx: fluids", "plan"),
        ("DHx: aspirin", "medications"),
        ("HPC: cough", "history_of_present_illness"),
        ("Active Hospital Problems\nAsthma", "problem_list"),
        ("Resolved Hospital Problems\nSepsis", "past_medical_history"),
        ("Current medical problems:\nGout", "problem_list"),
    ],
)
def test_variants_are_normalised(text, name):
    assert headings(text)[0][1] == name


def test_heading_key_folds_what_does_not_matter():
    assert heading_key("Indications of the Procedure") == heading_key("INDICATION FOR PROCEDURE")
    assert heading_key("Pre-operative diagnosis(es)") == heading_key("PREOPERATIVE DIAGNOSES")


def test_systems_go_on_after_what_stands_among_them():
    doc = blank_pipeline("medlink_sections")(
        "REVIEW OF SYSTEMS:\nENT: No cough.\nFEEDING: Good.\nGU: No dysuria.\n"
        "PHYSICAL EXAM:\nVITAL SIGNS: BP 120/80\nLUNGS: Clear.\nSOCIAL HISTORY: None.\nFAMILY HISTORY: None.\n"
    )
    assert [(one.title.text, one.parent) for one in doc._.sections] == [
        ("REVIEW OF SYSTEMS", ""),
        ("ENT", "review_of_systems"),
        ("FEEDING", ""),
        ("GU", "review_of_systems"),
        ("PHYSICAL EXAM", ""),
        ("VITAL SIGNS", ""),
        ("LUNGS", "physical_exam"),
        ("SOCIAL HISTORY", ""),
        ("FAMILY HISTORY", ""),
    ]
    doc = blank_pipeline("medlink_sections")(
        "A/P\n- Ppx: enoxaparin\n- Psych: depression hx\n- Dispo: home\n- GI: rest\n"
    )
    assert [(one.title.text, one.parent) for one in doc._.sections] == [
        ("A/P", ""),
        ("Ppx", ""),
        ("Psych", "assessment_and_plan"),
        ("Dispo", ""),
        ("GI", "assessment_and_plan"),
    ]


def test_an_examination_without_a_heading_is_no_part_of_the_history_before_it():
    doc = blank_pipeline("medlink_sections")("Allergies: sulfa\nGen: frail\nSkin: no rash\nPMH:\nNeuro: stroke")
    assert [(one.name, one.parent) for one in doc._.sections] == [
        ("allergies", ""),
        ("general", "physical_exam"),
        ("skin", "physical_exam"),
        ("past_medical_history", ""),
        ("neurologic", "past_medical_history"),
    ]


def test_a_body_part_begins_an_examination_behind_a_history_and_a_system_does_not():
    doc = blank_pipeline("medlink_sections")("PMH:\nCardiac: CAD\nFHx: mother CAD\nLegs: varicose veins\nVA cc: 20/20")
    assert [(one.name, one.parent) for one in doc._.sections] == [
        ("past_medical_history", ""),
        ("cardiovascular", "past_medical_history"),
        ("family_history", ""),
        ("extremities", "physical_exam"),
        ("physical_exam", ""),
    ]


def test_an_unknown_heading_ends_what_its_own_line_told():
    text = "FH: mother asthma. No CVID.\nSPT: cat 4+\nVaccines: zoster\nTransplant: 2019\n"
    assert headings(text) == [
        ("FH", "family_history"),
        ("SPT", None),
        ("Vaccines", "immunizations"),
        ("Transplant", None),
    ]
    # A relative's line, and one below a heading on a line of its own, go on with it.
    for text in ("FH: Mother: DM\nCancer: aunt (breast)\n", "FAMILY HISTORY:\nCancer: none\n"):
        assert [name for _, name in headings(text)] == ["family_history"]


def test_the_history_that_a_report_begins_with_ends_with_its_line():
    assert [name for _, name in headings("CT HEAD\nHx: 56F fall, hx stroke.\nNo bleed.")] == ["imaging", "history"]
    assert [name for _, name in headings("hx: fussy x1d")] == ["history"]
    assert [name for _, name in headings("hx: migraine x10 y")] == ["past_medical_history"]
    assert [name for _, name in headings("PMH: asthma.\nNo bleed.")] == ["past_medical_history", None]
    assert [name for _, name in headings("PMH: asthma,\nNo bleed.")] == ["past_medical_history"]


def test_headings_inside_a_line_of_small_letters():
    text = "pmh: gout. psh: none.\nfh: mom mi, dad cad. sh: smoker. zebra: mild: no."
    assert [name for _, name in headings(text)] == [
        "past_medical_history",
        "past_surgical_history",
        "family_history",
        "social_history",
    ]
    assert [name for _, name in headings("FH: mom mi. sh: smoker.")] == ["family_history"]


def test_a_gap_ends_a_list_of_resolved_problems():
    text = "A/P\nResolved Problems:\n\n  * Sepsis\n  * AKI\n\nPneumonia\n- ceftriaxone\n\nPlan:\n\nGout\n\nAsthma\n"
    doc = blank_pipeline("medlink_sections")(text)
    assert [(one.name, one.body.text.split()) for one in doc._.sections] == [
        ("assessment_and_plan", []),
        ("past_medical_history", ["*", "Sepsis", "*", "AKI"]),
        ("", ["Pneumonia", "-", "ceftriaxone"]),
        ("plan", ["Gout", "Asthma"]),
    ]


def test_a_differential_diagnosis_ends_with_its_line():
    for goes_on in ("Differential: gout,\npseudogout\nRest.", "DDx:\n1. Gout.\n2. Sepsis.\n", "DDx: gout.\n- Sepsis\n"):
        assert [name for _, name in headings(goes_on)] == ["differential_diagnosis"]
    for ends in ("Differential: gout, sepsis.\nTake scrapings.", "DDx: gout\n\nRest"):
        assert [name for _, name in headings(ends)] == ["differential_diagnosis", None]


def test_vital_signs_are_a_section_without_a_colon():
    doc = blank_pipeline("medlink_sections")("Allergies: sulfa\nVS T 37.1 HR 88\nVS reviewed.\nVitals 148/72, 97%")
    assert [(one.name, one.body.text.strip()) for one in doc._.sections] == [
        ("allergies", "sulfa"),
        ("vital_signs", "T 37.1 HR 88\nVS reviewed."),
        ("vital_signs", "148/72, 97%"),
    ]


def test_sections_are_spans_with_loinc_codes():
    doc = blank_pipeline("medlink_sections")(NOTE)
    by_title = {section.title.text: section for section in doc._.sections}
    assert by_title["PMH"].loinc == "11348-0"
    assert by_title["PMH"].body.text.strip() == "asthma."
    assert by_title["Lungs"].parent == "physical_exam"
    assert by_title["Lungs"].loinc == "10207-9"
    assert by_title["Family History"].body.text.strip().startswith("Mother")
    mother = next(token for token in doc if token.text == "Mother")
    assert doc[mother.i : mother.i + 1]._.section.name == "family_history"
    assert doc[0:1]._.section.name == ""
    assert blank_pipeline("medlink_sections")("No headings here.")[0:1]._.section is None


def test_every_loinc_code_has_a_right_check_digit():
    codes = {rule.loinc for rule in default_section_rules() if rule.loinc}
    assert len(codes) > 50
    for code in codes:
        digits, check = code.split("-")
        doubled = "".join(str(int(d) * 2) if i % 2 == 0 else d for i, d in enumerate(reversed(digits)))
        assert (10 - sum(map(int, doubled)) % 10) % 10 == int(check), code


def test_users_rules_win(tmp_path):
    path = tmp_path / "sections.jsonl"
    path.write_text('{"name": "sleep", "headings": ["sleep history", "pmh"]}\n')
    nlp = blank_pipeline()
    nlp.add_pipe("medlink_sections", config={"rules": str(path)})
    assert [s.name for s in nlp("SLEEP HISTORY: snores\nPMH: none")._.sections] == ["sleep", "sleep"]
    path.write_text('{"name": "ours", "headings": ["Chief Complaint"]}\n')
    nlp = blank_pipeline()
    nlp.add_pipe("medlink_sections", config={"rules": str(path)})
    assert [s.name for s in nlp("Chief complaint: cough")._.sections] == ["ours"]
    path.write_text('{"name": "sleep", "heading": ["x"]}\n')
    with pytest.raises(MedlinkError, match="line 1"):
        blank_pipeline().add_pipe("medlink_sections", config={"rules": str(path)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith saw her at 3.5 hrs. She left.", ["Dr. Smith saw her at 3.5 hrs.", "She left."]),
        ("Aspirin 81 mg p.o. q.d. Follow up soon.", ["Aspirin 81 mg p.o. q.d.", "Follow up soon."]),
        ("He takes 5 mg b.i.d. with food.", ["He takes 5 mg b.i.d. with food."]),
        ("J. Doe, M.D. agrees. No. 3 tube.", ["J. Doe, M.D. agrees.", "No. 3 tube."]),
        ("A man came in with\nchest pain.\nHe left.", ["A man came in with\nchest pain.", "He left."]),
        ("- Fever\n- Cough\n", ["- Fever", "- Cough"]),
        ("HTN\nDM2\nCKD stage 3", ["HTN", "DM2", "CKD stage 3"]),
        ("Plan: 1. Aspirin. 2. Rest.", ["Plan: 1. Aspirin.", "2. Rest."]),
        ("Na  140   K  4.0\nCl  100   CO2  24", ["Na  140   K  4.0", "Cl  100   CO2  24"]),
        ("Her sister has MS. Wound clean.", ["Her sister has MS.", "Wound clean."]),
        ("Seen with MS. SMITH today.", ["Seen with MS. SMITH today."]),
        ("Temp 98.6. BP 120/80.", ["Temp 98.6.", "BP 120/80."]),
        ("Pain resolved.She denies fever.", ["Pain resolved.", "She denies fever."]),
        ("Umbilical hernia.,ANESTHESIA: General.", ["Umbilical hernia.,", "ANESTHESIA: General."]),
        ("? PE on CT. Any pain? Yes.", ["? PE on CT.", "Any pain? Yes."]),
        ("Rash? no Cough? yes\nPE? No fever.", ["Rash? no", "Cough? yes", "PE?", "No fever."]),
        ("Fever: no  Chills: yes", ["Fever: no", "Chills: yes"]),
        ("Asthma ..... No\nGout ..... Yes", ["Asthma ..... No", "Gout ..... Yes"]),
        ("Fever? [ ]  Cough? [x]", ["Fever? [ ]", "Cough? [x]"]),
        ("Cancer: N   Stroke: Y  Gout: N", ["Cancer: N", "Stroke: Y", "Gout: N"]),
        ("Diabetes: No\nSeizures: Yes (once)\nGout: No", ["Diabetes: No", "Seizures: Yes (once)", "Gout: No"]),
        ("Ever a stroke? N\nA clot? Yes - 2015", ["Ever a stroke? N", "A clot? Yes", "- 2015"]),
        ("First.\n\nsecond", ["First.", "second"]),
        ("pt has cough. no fever. return if worse.", ["pt has cough.", "no fever.", "return if worse."]),
        ("Cr 3.1. hyperNa 151. pRBC given", ["Cr 3.1.", "hyperNa 151.", "pRBC given"]),
        ("c. difficile found. poss. gout. wk 2. home", ["c. difficile found.", "poss. gout.", "wk 2.", "home"]),
        ("he was ... better. 1. rest", ["he was ... better.", "1. rest"]),
        ("A\n\x0b", ["A"]),
        ("", [""]),
    ],
)
def test_sentences_of_notes(text, expected):
    assert sentences(text) == expected


def test_lines_of_a_list_are_sentences_of_their_own_however_long():
    lines = [
        "401 chest pain, trops flat x3, echo EF 60, no wall motion abnormality, home today",
        "402 pyelonephritis, ceftriaxone day 3, CT no renal abscess and no hydronephrosis",
        "403 syncope, orthostatics positive, tele sinus",
        "Bed by the window: fell overnight, no head strike, neuro checks every hour until noon",
        "Cellulitis of the shin, margins marked, cefazolin, ultrasound shows no collection",
        "Gout of the first toe, colchicine twice daily, uric acid 9.2, renal function as before",
        "Awaiting placement",
    ]
    assert sentences("\n".join(lines)) == lines
    small = ["port no blood return, dye study", *(line.lower()[: 20 + 9 * i] for i, line in enumerate(lines[:6]))]
    assert sentences("\n".join(small)) == [line.strip() for line in small]


def test_an_answer_ends_its_line_where_lines_are_not_wrapped():
    lines = [
        "PMR: shoulder and hip girdle stiffness, ESR 78, prednisone 15, jaw claudication no",
        "Psoriatic arthritis with dactylitis of the third toe, nail pitting, secukinumab started",
        "Skin rash, itching and bruising denied; mole change denied",
        "Psych low mood, poor sleep, sees the counselor every second week at the center",
        "Lupus: malar rash and mouth ulcers, proteinuria none, hydroxychloroquine 200 twice daily",
        "Gout of the first toe, colchicine twice daily, uric acid 9.2, tophi not",
        "Ankle swelling after a sprain, brace, may walk",
    ]
    assert sentences("\n".join(lines)) == lines


def test_wrapped_lines_go_on_with_a_capital():
    text = (
        "She has had a cough for three weeks and was seen by her own doctor, who found no evidence of\n"
        "COPD or of tuberculosis and gave her an inhaler that she has hardly used since then because\n"
        "her hands shake. She denies that she has ever had night sweats, weight loss, haemoptysis or\n"
        "TB contacts, and she has not been abroad in the last ten years except for a week in southern\n"
        "France. Her chest film, which we looked at together, shows neither a mass nor an effusion or\n"
        "HRCT changes that would need another look. She will come back in the spring to be seen again."
    )
    assert [sentence.count("\n") for sentence in sentences(text)] == [2, 2, 1, 0]


@given(st.text(alphabet=st.sampled_from("aB3 .,:;?!\n\t-()\r🙂é"), max_size=200))
def test_sentences_cover_the_text_and_begin_with_no_space(text):
    starts = sentence_starts(text)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert all(start == 0 or not text[start].isspace() for start in starts)


@given(st.text(max_size=200))
def test_the_components_take_any_text(text):
    doc = PIPELINE(text)
    assert "".join(sentence.text_with_ws for sentence in doc.sents) == doc.text
    for section in doc._.sections:
        assert section.title.end <= section.body.start <= section.body.end
    for use in doc._.abbreviations:
        assert use.span.text


PIPELINE = blank_pipeline("medlink_sections", "medlink_sentences", "medlink_abbreviations")


def test_a_sentence_without_end_is_cut_at_a_gap():
    text = "fever " * 2000
    starts = sentence_starts(text)
    assert len(starts) == 12
    assert all(text[start:].startswith("fever") for start in starts)


def test_sentences_keep_entities_and_need_no_sections():
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "X", "pattern": "fever"}])
    nlp.add_pipe("medlink_sentences")
    doc = nlp("No fever. He has fever.")
    assert [sentence.text for sentence in doc.sents] == ["No fever.", "He has fever."]
    assert [entity.text for entity in doc.ents] == ["fever", "fever"]
    assert list(nlp("").sents) == []


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("with atrial fibrillation (AF) today", "AF", "atrial fibrillation"),
        ("AF (atrial fibrillation) noted", "AF", "atrial fibrillation"),
        ("chronic lymphocytic leukemia (CLL, Rai 2)", "CLL", "chronic lymphocytic leukemia"),
        ("heat shock transcription factor (HSF)", "HSF", "heat shock transcription factor"),
        ("non-small cell lung cancer (NSCLC)", "NSCLC", "non-small cell lung cancer"),
        ("an attenuated adenomatous polyposis coli (AAPC)", "AAPC", "attenuated adenomatous polyposis coli"),
    ],
)
def test_definitions_are_found(text, short, long):
    found = list(find_definitions(text))
    assert [(one.short, one.long) for one in found] == [(short, long)]
    assert text[found[0].short_start :].startswith(short)
    assert text[found[0].long_start :].startswith(long)


@pytest.mark.parametrize(
    "text", ["He is well (see below).", "Pain (5/10) today.", "The dose (20 mg) was given.", "(AF)"]
)
def test_other_brackets_define_nothing(text):
    assert list(find_definitions(text)) == []


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("MS diagnosed by her neurologist, on interferon.", "MS", "multiple sclerosis"),
        ("Echo: moderate MS and MR with a diastolic murmur.", "MS", "mitral stenosis"),
        ("Given MS 4 mg IV for pain.", "MS", "morphine sulfate"),
        ("CTA chest negative for PE.", "PE", "pulmonary embolism"),
        ("Takes methotrexate for RA.", "RA", "rheumatoid arthritis"),
        ("SpO2 97% on RA.", "RA", "room air"),
        ("CP radiating to the arm, troponin sent.", "CP", "chest pain"),
        ("Child with CP, spastic quadriplegia, g-tube.", "CP", "cerebral palsy"),
        ("DM on insulin.", "DM", "diabetes mellitus"),
        ("Severe AS with a gradient of 50, planned TAVR.", "AS", "aortic stenosis"),
        ("AS with sacroiliitis, HLA-B27 positive.", "AS", "ankylosing spondylitis"),
        ("MI with elevated troponin.", "MI", "myocardial infarction"),
        ("PT/INR 2.1 seconds prolonged, on warfarin, INR high.", "PT", "prothrombin time"),
        ("PT and OT consulted for gait.", "PT", "physical therapy"),
        ("Breast CA with mets, on chemo.", "CA", "cancer"),
        ("Mg and CA low, phos 2.1 mg/dL.", "CA", "calcium"),
        ("Abdomen soft, BS present.", "BS", "bowel sounds"),
        ("BS 240 fasting, insulin given.", "BS", "blood sugar"),
        ("ALL other systems reviewed.", "ALL", "all"),
        ("He was HIT by a car.", "HIT", "hit"),
        ("Recurrent UTIs.", "UTIs", "urinary tract infection"),
        ("admitted with dka and utis. seen by dr. no", "dka", "diabetic ketoacidosis"),
        ("admitted with dka and utis. seen by dr. no", "utis", "urinary tract infection"),
        ("Chf worse, no pe on CT.", "Chf", "congestive heart failure"),
        ("GBS negative, membranes ruptured at 39 weeks.", "GBS", "group B Streptococcus"),
        ("GBS treated with IVIG, ascending weakness.", "GBS", "Guillain-Barre syndrome"),
        ("SLE: lids normal, cornea clear OU.", "SLE", "slit lamp examination"),
        ("Dressing CDI, drain out.", "CDI", "clean, dry and intact"),
        ("CDI on oral vancomycin.", "CDI", "Clostridioides difficile infection"),
        ("MSSA bacteremia with IE of the valve.", "IE", "infective endocarditis"),
        ("IDH on HD, UF cut.", "IDH", "intradialytic hypotension"),
        ("IDH mutant glioma.", "IDH", "isocitrate dehydrogenase"),
        ("Abd soft, CVA NT, bladder not palpable.", "CVA", "costovertebral angle"),
        ("Prior CVA with residual weakness.", "CVA", "cerebrovascular accident"),
        ("HbSS, ACS on exchange transfusion.", "ACS", "acute chest syndrome"),
        ("Ruled out for ACS.", "ACS", "acute coronary syndrome"),
        ("HCM - mammogram due, pap next year.", "HCM", "health care maintenance"),
        ("HCM with LVOT gradient.", "HCM", "hypertrophic cardiomyopathy"),
        ("Infant, AF sunken, sutures open.", "AF", "anterior fontanelle"),
        ("AF on apixaban. Abdomen flat.", "AF", "atrial fibrillation"),
        ("SLE on hydroxychloroquine.", "SLE", "systemic lupus erythematosus"),
        ("DOL 7 HUS: no IVH, no PVL.", "HUS", "head ultrasound"),
        ("PVD with new floaters OD, no retinal tear.", "PVD", "posterior vitreous detachment"),
        ("RHD 34 yo M with a hand laceration.", "RHD", "right hand dominant"),
        ("Lives in an ALF, staff report a fall.", "ALF", "assisted living facility"),
        ("Last BO 5 days ago.", "BO", "bowels opened"),
        ("ASPIRIN 81 MG PO DAILY", "MG", "milligram"),
        ("Breast cancer on letrozole, AI arthralgias.", "AI", "aromatase inhibitor"),
        ("DOE, needs DME: walker ordered for discharge.", "DME", "durable medical equipment"),
    ],
)
def test_abbreviations_take_the_sense_that_the_context_tells(text, short, long):
    uses = {text[use.start : use.end]: use for use in default_abbreviations().find(text)}
    assert uses[short].long == long


def test_an_abbreviation_without_context_is_left_open():
    use = default_abbreviations().find("MS.")[0]
    assert use.long == ""
    assert use.alternatives[0] == "multiple sclerosis"
    assert [one.long for one in default_abbreviations().find("ASD, ARF and RTA.")] == ["", "", ""]
    # Another place of the document settles it.
    both = default_abbreviations().find("MS. " + "Stable overall. " * 30 + "MS treated with interferon by neurology.")
    assert {one.long for one in both} == {"multiple sclerosis"}


def test_a_definition_in_the_document_wins():
    doc = PIPELINE("History of Marfan syndrome (MS). The MS is stable.")
    assert {(use.long, use.source) for use in doc._.abbreviations} == {("Marfan syndrome", "document")}


def test_a_heading_is_no_abbreviation():
    doc = PIPELINE("PE: lungs clear.\nCT showed a PE in the left lung, anticoagulated.")
    assert [use.span.start_char for use in doc._.abbreviations if use.span.text == "PE"] == [32 - 2 - 1]


@pytest.mark.parametrize("name", ["medlink_sections", "medlink_sentences", "medlink_abbreviations"])
def test_components_survive_disk_and_bytes(name, tmp_path):
    nlp = blank_pipeline(name)
    nlp.to_disk(tmp_path)
    text = "PMH: asthma. MS with optic neuritis."
    loaded = spacy.load(tmp_path)
    restored = blank_pipeline(name).from_bytes(nlp.to_bytes())
    for other in (loaded, restored):
        expected, found = nlp(text), other(text)
        assert [s.name for s in expected._.sections] == [s.name for s in found._.sections]
        assert [a.long for a in expected._.abbreviations] == [a.long for a in found._.abbreviations]
        assert [t.is_sent_start for t in expected] == [t.is_sent_start for t in found]


def test_what_is_found_survives_a_saved_document():
    nlp = blank_pipeline("medlink_sections", "medlink_abbreviations")
    doc = nlp("PMH: DM on insulin.")
    copy = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert [s.name for s in copy._.sections] == ["past_medical_history"]
    assert [a.long for a in copy._.abbreviations] == [a.long for a in doc._.abbreviations] == ["diabetes mellitus"]


def test_an_abbreviation_may_take_the_initials_in_another_order():
    assert [(d.short, d.long) for d in find_definitions("Myotonic dystrophy (DM) is inherited.")] == [
        ("DM", "Myotonic dystrophy")
    ]
    # A degree behind a name, and words without the letters, are no definitions.
    assert list(find_definitions("Seen by Dr David Miller (MD).")) == []
    assert list(find_definitions("Renal failure (DM) was seen.")) == []
