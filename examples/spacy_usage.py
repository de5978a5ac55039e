"""medlink in a script or notebook. Run: .venv/bin/python examples/spacy_usage.py (cells are marked by # %%)."""

# %% Load the pipeline. Nothing is downloaded.
import spacy

nlp = spacy.load("en_medlink_sm")
print(nlp.pipe_names)

# %% Annotate a note. The offsets are characters of the text as given.
note = """71-year-old woman with COPD and type 2 diabetes, admitted with a heart attack.
Started on aspirin and ticagrelor. No pulmonary edema on chest x-ray."""
doc = nlp(note)
for ent in doc.ents:
    assert note[ent.start_char : ent.end_char] == ent.text
    print(f"{ent.start_char:4} {ent.end_char:4}  {ent.label_:10} {ent.kb_id_:8} {ent.text}")

# %% Why does a mention link to a concept? Each candidate says which name matched and at which stage.
attack = next(ent for ent in doc.ents if ent.text == "heart attack")
for candidate in attack._.concepts:
    print(
        candidate.terminology,
        candidate.concept_id,
        candidate.name,
        "|",
        candidate.alias,
        candidate.stage,
        candidate.score,
    )

# %% What does the note say of a mention, and by which words? Doses, sides and dates are in ent._.attributes.
for ent in doc.ents:
    said = ent._.assertion
    words = [trigger.span.text for trigger in said.triggers]
    print(ent.text, "|", said.status, said.temporality, said.experiencer, words, "|", ent._.attributes)

# %% What a code means to a coder.
from medlink import Terminology  # noqa: E402

icd = Terminology.load("icd10cm")
print(icd.get("I21.9").parents, icd.get("I21.9").properties)
print(icd.get("I21").properties["excludes2"])

# %% Many notes: batches are formed across documents.
from pathlib import Path  # noqa: E402

paths = sorted((Path(__file__).parent / "notes").glob("*.txt"))
for path, doc in zip(paths, nlp.pipe(path.read_text("utf-8") for path in paths), strict=True):
    conditions = {ent.kb_id_ for ent in doc.ents if ent.label_ == "CONDITION" and ent.kb_id_}
    print(path.stem, len(doc.ents), "mentions,", len(conditions), "different ICD-10-CM codes")

# %% A dictionary of one's own in any spaCy pipeline, in three lines.
from medlink import Alias, Concept  # noqa: E402

mine = Terminology.from_records("mine", [Concept("L1", "Alder disease", (Alias("alder syndrome", "exact"),))])
plain = spacy.blank("en")
plain.add_pipe("medlink_dictionary").set_terminologies([mine])
print([(ent.text, ent.kb_id_) for ent in plain("Seen for Alder syndrome.").ents])
