"""medlink turns clinical text into coded concepts: clinical named-entity recognition and entity linking for spaCy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medlink.errors import MedlinkError
    from medlink.linking.linker import Linker
    from medlink.terminology.store import Terminology
    from medlink.types import Alias, Candidate, Concept, Document, Mention

    __version__: str

# Imported when asked for, so that "import medlink" stays quick.
_WHERE = {
    "Alias": "medlink.types",
    "Candidate": "medlink.types",
    "Concept": "medlink.types",
    "Document": "medlink.types",
    "Linker": "medlink.linking.linker",
    "MedlinkError": "medlink.errors",
    "Mention": "medlink.types",
    "Terminology": "medlink.terminology.store",
}
__all__ = [
    "Alias",
    "Candidate",
    "Concept",
    "Document",
    "Linker",
    "MedlinkError",
    "Mention",
    "Terminology",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("medlink")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'medlink' has no attribute {name!r}")
