"""Speed of linking over MEDIC: building the index and mentions a second, beside scispaCy's candidate generator.

Both get the same dictionary and the same stream: all disease mentions of BC5CDR's development split, duplicates
included, alone as scispaCy's generator reads them, and with their documents as contexts. What looking names up settles
is searched for as well where 25 candidates are wanted for each mention. Needs ../shared/data; scispaCy is measured
where it is installed (its index takes ten minutes). Run ``python benchmarks/linking.py``.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from medlink import Linker, Terminology
from medlink.evaluation.linking import GoldMention, leave_out, read_gold
from medlink.linking.component import load_link_model
from medlink.linking.vectors import build_vectors, vectors_folder
from medlink.terminology.build import build_terminology
from medlink.terminology.readers import READERS

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
K = 25


def right(gold: list[GoldMention], answers: list[list[str]], terminology: Terminology) -> float:
    """Share of the mentions with a concept whose first answer is right."""
    pairs = []
    for one, answer in zip(gold, answers, strict=True):
        ids = {terminology.concept_ids[row] for id_ in one.concept_ids if (row := terminology.row(id_)) is not None}
        if ids:
            pairs.append(bool(answer) and answer[0] in ids)
    return sum(pairs) / len(pairs)


def ours(gold: list[GoldMention], folder: Path, table: Table) -> Terminology:
    """Measure medlink."""
    model = load_link_model("en_medlink_sm")
    assert model is not None
    began = time.perf_counter()
    source = READERS["medic"].read([SHARED / "medic" / "medic_06Jul2012.txt"])
    build_terminology(folder / "medic", "medic", source.concepts)
    terminology = Terminology(folder / "medic")
    build_vectors(vectors_folder(terminology, model.encoder), terminology, model.encoder)
    index = time.perf_counter() - began
    texts, contexts = [one.text for one in gold], [one.context for one in gold]
    for name, rerank, thorough, read in (
        ("medlink, retrieval, mentions alone", False, False, None),
        ("medlink, retrieval", False, False, contexts),
        ("medlink, retrieval of 25 for each", False, True, contexts),
        ("medlink, reranking", True, False, contexts),
        ("medlink, reranking of 25 for each", True, True, contexts),
    ):
        # The shipped priors count the split that is linked here.
        linker = leave_out(Linker.load("en_medlink_sm", [terminology], rerank=rerank), gold)
        linker.link(texts[:5], read and read[:5], k=K, thorough=thorough)
        began = time.perf_counter()
        answers = linker.link(texts, read, k=K, thorough=thorough)
        seconds = time.perf_counter() - began
        share = right(gold, [[c.concept_id for c in candidates] for candidates in answers], terminology)
        table.add_row(name, f"{index:.0f}", f"{len(gold) / seconds:,.0f}", f"{share:.3f}")
    return terminology


def scispacy(gold: list[GoldMention], folder: Path, terminology: Terminology, table: Table) -> None:
    """Measure scispaCy's candidate generator."""
    from scispacy import candidate_generation
    from scispacy.linking_utils import KnowledgeBase

    # It refuses to build an index with newer versions of scipy, for the sake of a file that is not written here.
    candidate_generation.scipy_supports_sparse_float16 = lambda: True

    source = folder / "medic.jsonl"
    with source.open("w") as file:
        for concept in terminology:
            record = {"concept_id": concept.concept_id, "canonical_name": concept.name, "types": []}
            file.write(json.dumps(record | {"aliases": list(concept.synonyms)}) + "\n")
    began = time.perf_counter()
    knowledge = KnowledgeBase(str(source))
    aliases, vectorizer, index = candidate_generation.create_tfidf_ann_index(None, knowledge)
    built = time.perf_counter() - began
    generator = candidate_generation.CandidateGenerator(index, vectorizer, aliases, knowledge)
    texts = [one.text for one in gold]
    generator(texts[:5], K)
    began = time.perf_counter()
    answers = generator(texts, K)
    seconds = time.perf_counter() - began
    best = [
        [max(candidates, key=lambda candidate: max(candidate.similarities)).concept_id] if candidates else []
        for candidates in answers
    ]
    table.add_row(
        "scispaCy, candidates", f"{built:.0f}", f"{len(gold) / seconds:,.0f}", f"{right(gold, best, terminology):.3f}"
    )


def main() -> None:
    """Print the table."""
    gold = read_gold(SHARED / "bc5cdr" / "dev.pubtator.txt", ["Disease"])
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    table = Table("linker", "index, s", "mentions a second", "accuracy@1", title=f"{len(gold):,} mentions on {machine}")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MEDLINK_HOME"] = scratch  # where the linker looks for vectors
        terminology = ours(gold, Path(scratch), table)
        try:
            scispacy(gold, Path(scratch), terminology, table)
        except ImportError:
            table.add_row("scispaCy", "not installed", "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
