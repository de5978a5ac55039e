"""Speed of sections, sentences and assertion on one core, beside medspaCy's ConText where that is installed.

Both get the same tokenised documents with the same entities: the sentences of ../shared/data/negex, each a document
with the concept that it is annotated for, and the notes of ../shared/data/notes with the concepts of these sentences
as entities. Run ``python benchmarks/context.py``.
"""

from __future__ import annotations

import csv
import gc
import platform
import time
from collections.abc import Callable
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc
from spacy.util import filter_spans

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
OURS = ("medlink_sections", "medlink_sentences", "medlink_assertion")


def best_of(run: Callable[[list[Doc]], None], make: Callable[[], list[Doc]], times: int = 3) -> float:
    """The shortest of several runs, in seconds; documents are made anew for each."""
    seconds = []
    for _ in range(times):
        docs = make()
        gc.collect()
        began = time.perf_counter()
        run(docs)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Print the table."""
    with (SHARED / "negex" / "negation.dev.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    sentences = [row[2] for row in rows]
    notes = [path.read_text("utf-8") for path in sorted((SHARED / "notes").glob("*/*.txt"))]
    nlp = spacy.blank("en")
    matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
    matcher.add("CONDITION", [nlp.make_doc(concept) for concept in {row[1].strip() for row in rows}])
    texts = {"sentences": sentences, "notes": notes}

    def docs_of(name: str) -> list[Doc]:
        docs = []
        for number, text in enumerate(texts[name]):
            doc = nlp.make_doc(text)
            if name == "notes":
                doc.ents = filter_spans(matcher(doc, as_spans=True))
            else:
                concept = rows[number][1].strip()
                start = max(0, text.upper().find(concept.upper()))
                entity = doc.char_span(start, start + len(concept), "CONDITION", alignment_mode="expand")
                doc.ents = [entity] if entity is not None else []
            docs.append(doc)
        return docs

    pipeline = spacy.blank("en")
    components = [pipeline.add_pipe(name) for name in OURS]

    def ours(docs: list[Doc]) -> None:
        for doc in docs:
            for component in components:
                doc = component(doc)

    def split(docs: list[Doc]) -> list[Doc]:
        for doc in docs:
            for component in components[:2]:
                doc = component(doc)
        return docs

    counts = {name: sum(1 for doc in split(docs_of(name)) for _ in doc.sents) for name in texts}
    entities = {name: sum(len(doc.ents) for doc in docs_of(name)) for name in texts}
    print(f"{platform.node()}, Python {platform.python_version()}, spaCy {spacy.__version__}, one core")
    rates: dict[str, float] = {}
    for name in texts:
        seconds = best_of(ours, lambda name=name: docs_of(name))  # type: ignore[misc]
        rates[name] = counts[name] / seconds
        print(
            f"{name}: medlink, sections + sentences + assertion: {rates[name]:,.0f} sentences a second "
            f"({counts[name]:,} sentences, {entities[name]:,} entities)"
        )
    theirs = medspacy_context(nlp)
    if theirs is None:
        print("medspaCy is not installed here: pip install medspacy==1.3.1 to measure it too")
    else:
        for name in texts:

            def run(docs: list[Doc]) -> None:
                for doc in docs:
                    theirs(doc)

            seconds = best_of(run, lambda name=name: split(docs_of(name)), times=1)  # type: ignore[misc]
            rate = counts[name] / seconds
            times = rates[name] / rate
            print(f"{name}: medspaCy ConText alone: {rate:,.0f} sentences a second; medlink is {times:.1f} times that")
    print("characters a second by length of the note:")
    base = "\n\n".join(notes)
    for size in (5_000, 50_000, 500_000, 5_000_000):
        text = (base * (size // len(base) + 1))[:size]
        nlp.max_length = max(nlp.max_length, size + 1)

        def one(text: str = text) -> list[Doc]:
            doc = nlp.make_doc(text)
            doc.ents = filter_spans(matcher(doc, as_spans=True))
            return [doc]

        copies = max(1, 500_000 // size)
        seconds = best_of(ours, lambda: [one()[0] for _ in range(copies)], times=2)  # noqa: B023
        print(f"  {size:>9,}  {size * copies / seconds:>12,.0f}")


def medspacy_context(nlp: Language) -> Callable[[Doc], Doc] | None:
    """medspaCy's ConText with its own rules, or None where it is not installed."""
    try:
        from medspacy.context import ConText
    except ImportError:
        return None
    component: Callable[[Doc], Doc] = ConText(nlp)
    return component


if __name__ == "__main__":
    main()
