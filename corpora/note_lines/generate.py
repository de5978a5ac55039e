"""Writes synthetic lines of clinical notes with their mentions annotated, as PubTator files.

Abstracts have no letterheads, vital signs, medication lists or headings, and a model trained on abstracts
alone takes "MRN" for a drug. These lines show it what notes look like. Templates, names and word lists are
written by hand for this project; conditions come in half from clinicians' names of ICD-10-CM codes
(``clinicians_names.jsonl``). Labels: CONDITION, DRUG and ANATOMY are annotated everywhere they occur in a template.

Run ``python corpora/note_lines/generate.py`` to write train.pubtator.txt and dev.pubtator.txt beside this
file. The dev part uses templates, people, drugs and conditions that the training part never does.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

SEED = 20260
TRAIN, DEV = 700, 150
FOLDER = Path(__file__).parent

FIRST = """Harold Mary Jamal Elin Priya Tomas Aiko Grace Oluwaseun Peter Ingrid Carlos Fatima Wei Dolores Vincent
Nadia Samuel Ruth Kofi Helena Marcus Yusuf Beatrice Arjun Colleen Dmitri Esther Felix Gloria Hassan Irene""".split()
LAST = """Vance Okafor Lindqvist Prydderch Adeyemi Novak Tanaka Moreau Silva Whitfield Baptiste Kowalski Rahman
Delgado Osei Petrov Hughes Nakamura Bianchi Mbeki Thornton Ferrari Castellano Odum Winters Abara Lund Macias
Pruitt Yates Zeller Holt""".split()
DRUGS = """furosemide lisinopril metoprolol apixaban atorvastatin metformin amlodipine losartan omeprazole warfarin
heparin insulin aspirin clopidogrel prednisone albuterol levothyroxine gabapentin sertraline tramadol morphine
ceftriaxone vancomycin azithromycin ciprofloxacin amoxicillin penicillin codeine ondansetron lorazepam hydralazine
spironolactone carvedilol pantoprazole tamsulosin oxycodone ibuprofen naproxen acetaminophen digoxin diltiazem
simvastatin rosuvastatin glipizide sitagliptin semaglutide fentanyl propofol ketamine midazolam rocuronium
enoxaparin rivaroxaban ticagrelor nitroglycerin allopurinol colchicine methotrexate hydroxychloroquine adalimumab
infliximab rituximab cisplatin paclitaxel doxorubicin tamoxifen letrozole leucovorin fluorouracil lithium
quetiapine olanzapine haloperidol escitalopram fluoxetine bupropion trazodone melatonin levetiracetam lamotrigine
phenytoin topiramate cephalexin doxycycline metronidazole piperacillin meropenem linezolid fluconazole acyclovir
oseltamivir dexamethasone hydrocortisone potassium_chloride magnesium_sulfate ferrous_sulfate folic_acid
vitamin_D metoprolol_succinate metoprolol_tartrate insulin_glargine insulin_lispro lidocaine saline""".split()
PARTS = """lungs heart abdomen chest neck liver spleen kidney pancreas gallbladder brain skin bladder uterus prostate
thyroid appendix cecum colon stomach esophagus aorta right_upper_lobe left_lower_lobe lumbar_spine cervical_spine
left_kidney right_kidney left_knee right_hip left_shoulder adrenal_glands lymph_nodes right_ankle femur pelvis
mediastinum trachea left_ventricle mitral_valve oropharynx tympanic_membranes conjunctivae extremities""".split()
FINDINGS = """shortness_of_breath chest_pain abdominal_pain fever chills cough nausea vomiting diarrhea constipation
headache dizziness syncope fatigue weakness weight_loss palpitations orthopnea edema leg_swelling rash itching
back_pain joint_pain numbness tingling blurred_vision hearing_loss sore_throat hemoptysis hematuria dysuria
urinary_frequency wheezing hoarseness insomnia anxiety depression seizure tremor confusion night_sweats anorexia
pleural_effusion pneumothorax consolidation atelectasis cardiomegaly ascites hydronephrosis fracture lymphadenopathy
gallstones bowel_obstruction mass pulmonary_nodule hernia hepatomegaly splenomegaly murmur tenderness jaundice
cyanosis clubbing pallor""".split()
ROUTES = ["PO", "IV", "SC", "IM", "SL", "by mouth", "intravenously"]
FREQUENCIES = ["daily", "BID", "twice daily", "TID", "q6h", "q8h PRN", "at bedtime", "every 12 hours", "once", "qhs"]
HEADINGS = """HISTORY OF PRESENT ILLNESS|PAST MEDICAL HISTORY|MEDICATIONS|ALLERGIES|SOCIAL HISTORY|FAMILY HISTORY|REVIEW
OF SYSTEMS|PHYSICAL EXAMINATION|LABORATORY DATA|IMPRESSION|ASSESSMENT AND PLAN|HOSPITAL COURSE|DISCHARGE MEDICATIONS|
FOLLOW-UP|CHIEF COMPLAINT|PROCEDURE|FINDINGS|INDICATION|COMPARISON|TECHNIQUE|CONDITION AT DISCHARGE|DISPOSITION"""

# In a template {d} is a drug, {c} a condition, {f} a finding, {b} a part of the body (upper case starts with a
# capital); {F}/{L} a first/last name, {n} a small and {N} a large number, {t} a date, {dose} {r} {q} of a drug line.
TRAIN_TEMPLATES = r"""
Patient: {F} {L}    MRN: {N}    DOB: {t}
Name: {L}, {F}   Medical record number: {N}   Date of birth: {t}
Admitted: {t}    Discharged: {t}    Attending: Dr. {F} {L}
ATTENDING PHYSICIAN: {F} {L}, MD
Dear Dr {L},
Re: Mrs {F} {L}, born {t}
Mr. {L} is a {n}-year-old man with {c} who presents with {f}.
Ms. {L} is a {n}-year-old woman with a history of {c}, {c} and {c}.
{n}F w/ PMH of {c}, {c} p/w {f} and {f} x {n} days.
{n}M c/o {f}. PMHx: {c}, {c}. Denies {f}, {f}.
Mrs. {L} was seen in clinic on {t} for {c}.
PMH: {c}, {c}, {c}
1. {C}
2. {C}: continue {d}.
3. {C}, on {d} and {d}.
- {d} {dose} {r} {q}
- {D} {dose} {r} {q} for {c}
{D} {dose} {q}, {d} {dose} {q}, {d} {dose} {q}.
MEDICATIONS: {d} {dose} {r} {q}; {d} {dose} {q}.
ALLERGIES: {d} ({f}), {d}. NKDA otherwise.
Allergies: no known drug allergies.
VITALS: BP {n}/{n}  HR {n}  RR {n}  SpO2 {n}% RA  T 36.{s}
Temp 37.{s}, pulse {n}, respirations {n}, blood pressure {n}/{n}, oxygen saturation {n}% on room air.
GENERAL: Well developed, well nourished, in no acute distress.
HEENT: Normocephalic, atraumatic. PERRLA. EOMI.
{B}: clear, no {f}.
{B}: soft, non-tender, non-distended. No {f}.
{B}: regular rate and rhythm, no {f}, rubs or gallops.
EXAM: Anxious. {B} clear. {B} soft, no {f}. No {f}.
NEURO: Alert and oriented x3, cranial nerves II-XII intact.
LABS: Na {n}, K 4.{s}, Cl {n}, creatinine 0.{s}, glucose {n}, WBC {n}, Hgb 1{s}, platelets {n}.
Hgb 10.{s}, platelets {n}, INR 1.{s}, troponin 0.0{s} ng/mL, HbA1c 7.{s}%.
Chest x-ray shows {f} and no {f}.
CT of the {b} showed {f}. No {f} in the {b}.
EXAM: CT {B} AND {B} WITH INTRAVENOUS CONTRAST
INDICATION: {n}-year-old with {f} and {f}.
The {b}, {b} and {b} are normal.
No {f}. No {f}. No evidence of {c}.
Denies {f}, {f} or {f}.
No {f}, {f}, or {f} was reported by Mr. {L}.
Mother had {c}. Father died of {c} at {n}.
FAMILY HISTORY: {C} in the mother, no {c}.
SOCIAL HISTORY: Former smoker, {n} pack-years. Drinks socially. Lives with his wife {F}.
He was treated with intravenous {d} and improved.
She was started on {d} for {c} and {d} was stopped because of {f}.
Given {d} and {d} in the ED; cath lab activated. Cardiology consulted.
PROCEDURE: Laparoscopic repair under general anesthesia with {d} and {d}.
ESTIMATED BLOOD LOSS: {n} mL
COMPLICATIONS: None
The {b} was exposed and retracted. A {n} mm trocar was placed. Skin was closed with 4-0 suture.
ECG: normal sinus rhythm, rate {n}. ST elevation in II, III and aVF.
{H}
{H}:
{H}: {C}.
{H}: {C} and {c}.
IMPRESSION: {C}, likely due to {c}.
PREOPERATIVE DIAGNOSIS: {C}
DISPOSITION: Home with services. Condition stable.
Follow up with Dr. {L} in {n} weeks. Return for {f} or {f}.
Thank you for referring {F} {L} to our clinic. Yours sincerely, {F} {L}
"""
DEV_TEMPLATES = r"""
Pt name {F} {L}; hospital no. {N}; seen {t} by Dr {L}
This {n} y/o gentleman known to have {c} came to us with {f} for the last {n} days.
Past history is notable for {c} and {c}, for which she takes {d}.
On discharge: {d} {dose} {q}, {d} {dose} {r}, hold {d}.
O/E BP {n}/{n}, pulse {n}, afebrile. {B} normal to palpation, no {f}.
Ultrasound of the {b}: {f}, otherwise unremarkable. {B} not seen.
Bloods: Hb {n}, WCC {n}, CRP {n}, U&E normal. No {f} overnight.
He is allergic to {d}, which caused {f}.
Diagnosis on admission {c}; on discharge {c}.
Brother with {c}; no other relatives with {c}.
"""


def _spaced(words: list[str]) -> list[str]:
    return [word.replace("_", " ") for word in words]


def _conditions() -> list[str]:
    text = (FOLDER.parent / "clinicians_names.jsonl").read_text("utf-8")
    records = map(json.loads, text.splitlines())
    # Z codes are circumstances ("former smoker"), no conditions.
    return [name for record in records if record["id"][0] != "Z" for name in record["synonyms"]]


class Writer:
    """Fills templates from one half of the word lists.

    Arguments:
        rng: Source of chance.
        part: 0 for training, 1 for the held-out part.
        templates: The templates.
    """

    def __init__(self, rng: random.Random, part: int, templates: str) -> None:
        self.rng = rng
        self.templates = [line for line in templates.strip().split("\n") if line]

        def take(words: list[str]) -> list[str]:
            words = sorted(set(words))
            random.Random(SEED).shuffle(words)
            border = len(words) * 4 // 5
            return words[border:] if part else words[:border]

        self.lists = {
            "d": take(_spaced(DRUGS)),
            "c": take(_conditions()),
            "f": take(_spaced(FINDINGS)),
            "b": take(_spaced(PARTS)),
        }
        self.first, self.last = take(FIRST), take(LAST)
        self.headings = [" ".join(one.split()) for one in HEADINGS.split("|")]

    def line(self) -> tuple[str, list[tuple[int, int, str]]]:
        """A line and its mentions as (start, end, label)."""
        text, mentions = "", []
        for literal, field in re.findall(r"([^{]*)(?:\{(\w+)\})?", self.rng.choice(self.templates)):
            text += literal
            if not field:
                continue
            if field != "F" and field.lower() in self.lists:
                value = self.rng.choice(self.lists[field.lower()])
                value = value[0].upper() + value[1:] if field.isupper() else value
                label = {"d": "DRUG", "b": "ANATOMY"}.get(field.lower(), "CONDITION")
                mentions.append((len(text), len(text) + len(value), label))
            else:
                value = self._plain(field)
            text += value
        return text, mentions

    def _plain(self, field: str) -> str:
        rng = self.rng
        match field:
            case "F":
                return rng.choice(self.first)
            case "L":
                return rng.choice(self.last)
            case "H":
                return rng.choice(self.headings)
            case "n":
                return str(rng.randint(2, 180))
            case "N":
                return f"{rng.randint(0, 9_999_999):07d}"
            case "s":
                return str(rng.randint(0, 9))
            case "t":
                return f"{rng.randint(1, 12):02d}/{rng.randint(1, 28):02d}/{rng.randint(1930, 2026)}"
            case "dose":
                number = rng.choice([5, 10, 20, 25, 40, 50, 81, 100, 250, 500])
                return f"{number} {rng.choice(['mg', 'mg', 'mcg', 'units', 'mL'])}"
            case "r":
                return rng.choice(ROUTES)
            case "q":
                return rng.choice(FREQUENCIES)
        raise ValueError(f"unknown field {{{field}}}")

    def document(self, doc_id: str) -> str:
        """A document of several lines in PubTator's form."""
        title, title_mentions = self.line()
        body, mentions = "", list(title_mentions)
        for _ in range(self.rng.randint(5, 11)):
            text, found = self.line()
            shift = len(title) + 1 + len(body)
            mentions += [(start + shift, end + shift, label) for start, end, label in found]
            body += text + " "
        body = body.rstrip()
        whole = f"{title}\n{body}"
        rows = [f"{doc_id}\t{s}\t{e}\t{whole[s:e]}\t{label}\t-1" for s, e, label in mentions]
        return "\n".join([f"{doc_id}|t|{title}", f"{doc_id}|a|{body}", *rows]) + "\n\n"


def main() -> None:
    """Write both files."""
    for name, part, count, templates in (("train", 0, TRAIN, TRAIN_TEMPLATES), ("dev", 1, DEV, DEV_TEMPLATES)):
        writer = Writer(random.Random(SEED + part), part, templates)
        text = "".join(writer.document(f"note-lines-{name}-{i:04d}") for i in range(count))
        (FOLDER / f"{name}.pubtator.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
