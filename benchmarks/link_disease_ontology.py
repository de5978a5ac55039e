"""How often the linker finds the ICD-10-CM category of Disease Ontology names, by stage and score.

Names and exact synonyms of terms with an ICD-10-CM cross-reference, every fourth of them; right is the same
three-character category. Run: .venv/bin/python benchmarks/link_disease_ontology.py ../shared/data/disease-ontology
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

from medlink import Linker


def main(folder: Path) -> None:
    categories: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.glob("*.obo")):
        for stanza in path.read_text("utf-8").split("\n[Term]\n")[1:]:
            codes = re.findall(r"^xref: ICD10CM:(\S+)", stanza, re.MULTILINE)
            names = re.findall(r"^name: (.*)", stanza, re.MULTILINE)
            names += re.findall(r'^synonym: "((?:[^"\\]|\\.)*)" EXACT', stanza, re.MULTILINE)
            for name in names if codes else ():
                categories[name] |= {code[:3] for code in codes}
    names = sorted(categories)[::4]
    counts: dict[tuple[str, float], list[int]] = defaultdict(lambda: [0, 0])
    right = right_linked = linked = 0
    for name, ranked in zip(names, Linker.load("en_medlink_sm").link(names, k=1), strict=True):
        best = next((candidate for candidate in ranked if candidate.terminology == "icd10cm"), None)
        hit = best is not None and best.concept_id[:3] in categories[name]
        right += hit
        if best is not None:
            linked += not best.nil
            right_linked += hit and not best.nil
            bucket = counts[best.stage, int(best.score * 20) / 20]
            bucket[0] += hit
            bucket[1] += 1
    print(f"names {len(names)}  accuracy@1 {right / len(names):.3f}")
    print(f"above the threshold {linked}  of these right {right_linked / linked:.3f}")
    for (stage, score), (hits, total) in sorted(counts.items()):
        print(f"{stage:8} {score:.2f}  {hits:5} of {total:5}  {hits / total:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
