"""The names of the UMLS' semantic types."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def semantic_type_name(semantic_type: str) -> str:
    """What a semantic type is called: the name of a TUI ("T047": "Disease or Syndrome"), any other as it is.

    Arguments:
        semantic_type: A TUI, or the type's name.
    """
    return _names().get(semantic_type, semantic_type)


@cache
def _names() -> dict[str, str]:
    lines = (files("medlink.terminology") / "data" / "semantic_types.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)
