"""Evaluation of components on corpora."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from medlink.errors import MedlinkError
from medlink.evaluation.ner import Scores, score_spans
from medlink.formats.gsc import read_gsc
from medlink.linking.component import MedlinkLinker
from medlink.models import blank_pipeline
from medlink.recognition.dictionary import MedlinkDictionary
from medlink.recognition.mentions import GROUP, mentions_of
from medlink.recognition.ner import MedlinkNer
from medlink.terminology.store import Terminology
from medlink.training.corpus import read_split
from medlink.training.settings import NerSettings

log = logging.getLogger(__name__)

#: The branch of HPO that holds findings; the others hold modes of inheritance, modifiers and the like.
FINDINGS = {"hpo": ["Phenotypic abnormality"]}


def evaluate_ner(nlp: Language, config: Path) -> dict[str, dict[str, Scores]]:
    """Strict scores of ``medlink_ner`` on the development and held-out splits that training settings name.

    Each corpus is scored on the labels that it annotates, over ``doc.spans["medlink"]``.

    Arguments:
        nlp: A pipeline with ``medlink_ner``.
        config: The training settings.

    Returns:
        By corpus, scores by label and over all labels (``"micro"``).

    Raises:
        MedlinkError: The pipeline has no ``medlink_ner``, or a corpus cannot be read.
    """
    finder = nlp.get_pipe("medlink_ner") if "medlink_ner" in nlp.pipe_names else None
    if not isinstance(finder, MedlinkNer):
        raise MedlinkError("the pipeline has no medlink_ner; name another model")
    return score_ner(finder, nlp.vocab, NerSettings.load(config))


def score_ner(finder: MedlinkNer, vocab: Vocab, settings: NerSettings) -> dict[str, dict[str, Scores]]:
    """Strict scores of a token classifier on the development and held-out splits of training settings.

    A corpus of offsets whose texts are not at hand is left out, with a warning.

    Arguments:
        finder: The component.
        vocab: Vocabulary for the documents.
        settings: The training settings.
    """
    results = {}
    splits = [(name, corpus.dev, corpus) for name, corpus in settings.corpora.items() if corpus.dev]
    splits += [
        (f"{name}, held out", corpus.heldout, corpus) for name, corpus in settings.corpora.items() if corpus.heldout
    ]
    for name, split, corpus in splits:
        if corpus.texts and not Path(corpus.texts).is_dir():
            log.warning("%s: left out, its texts are not in %s", name, corpus.texts)
            continue
        passages = list(read_split(corpus, split))
        docs = [Doc(vocab, words=passage.words) for passage in passages]
        gold = [{(label, *span) for label in p.tags for span in p.spans(label)} for p in passages]
        predicted = [
            {(span.label_, span.start, span.end) for span in doc.spans.get(GROUP, ()) if span.label_ in passage.tags}
            for doc, passage in zip(finder.pipe(docs), passages, strict=True)
        ]
        results[name] = score_spans(gold, predicted)
    return results


def evaluate_concepts(nlp: Language, corpus: Path, terminology: str) -> Scores:
    """Concept-level document scores of a whole pipeline, from raw text: each concept counts once a document.

    Arguments:
        nlp: The pipeline.
        corpus: A file in the format of HPO GSC+.
        terminology: Name of one of the terminologies that its linker links to.

    Raises:
        MedlinkError: The pipeline has no such terminology.
    """
    linker = nlp.get_pipe("medlink_linker") if "medlink_linker" in nlp.pipe_names else None
    opened = {one.name: one for one in linker.terminologies} if isinstance(linker, MedlinkLinker) else {}
    if terminology not in opened:
        raise MedlinkError(f"the pipeline does not link to {terminology!r}; it has {', '.join(opened) or 'none'}")
    documents = list(read_gsc(corpus))
    found = []
    for doc in nlp.pipe(document.text for document in documents):
        concepts: set[str] = set()
        for span in mentions_of(doc):
            best: dict[str, str] = {}  # by what was looked up: a mention may name several concepts
            for candidate in span._.concepts:
                if candidate.terminology == terminology:
                    best.setdefault(candidate.query, candidate.concept_id)
            concepts.update(best.values())
        found.append({(concept, 0, 0) for concept in concepts})
    gold = [{(_resolved(opened[terminology], c), 0, 0) for m in d.mentions for c in m.concept_ids} for d in documents]
    return score_spans(gold, found)["micro"]


def _resolved(terminology: Terminology, concept_id: str) -> str:
    row = terminology.row(concept_id)
    return concept_id if row is None else terminology.concept_ids[row]


def evaluate_dictionary(corpus: Path, terminology: str) -> tuple[Scores, int, float]:
    """Concept-level document scores of the dictionary finder: each concept counts once a document.

    Arguments:
        corpus: A file in the format of HPO GSC+.
        terminology: Name or folder of the terminology.

    Returns:
        Scores, documents read and seconds taken for them on one core, tokenisation included.
    """
    opened = Terminology.load(terminology)
    finder = MedlinkDictionary(terminologies=[opened], types=FINDINGS)
    nlp = blank_pipeline()
    documents = list(read_gsc(corpus))
    for document in documents:  # words are stemmed once in a run, however long it is
        finder(nlp(document.text))
    began = time.perf_counter()
    found = [finder(nlp(document.text)) for document in documents]
    seconds = time.perf_counter() - began

    # A concept of a document is a "span" that lies nowhere.
    gold = [{(_resolved(opened, c), 0, 0) for m in document.mentions for c in m.concept_ids} for document in documents]
    predicted = [{(span.kb_id_, 0, 0) for span in doc.spans.get(GROUP, ())} for doc in found]
    return score_spans(gold, predicted)["micro"], len(documents), seconds
