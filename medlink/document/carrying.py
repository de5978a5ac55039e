"""What components that work by rules have in common: carrying their rules along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel
from spacy.util import SimpleFrozenList, from_disk, to_disk

from medlink.document.rules import dump_rules, parse_rules, read_rules

RuleT = TypeVar("RuleT", bound=BaseModel)
_Carrier = TypeVar("_Carrier", bound="RuleCarrier")  # type: ignore[type-arg]
_FILE = "rules.jsonl"


class RuleCarrier(Generic[RuleT]):
    """A component with rules: those that medlink brings, and further ones of the user's behind them.

    Arguments:
        name: Name in the pipeline.
        brought: The rules that medlink brings.
        further: A file of the user's rules, or None.
    """

    #: What a line of a rule file holds.
    rule_kind: ClassVar[type[BaseModel]]

    def __init__(self, name: str, brought: Sequence[RuleT], further: str | Path | None) -> None:
        self.name = name
        self._set_rules([*brought, *(self._read(further) if further is not None else ())])

    def _set_rules(self, rules: Sequence[RuleT]) -> None:
        self.rules = list(rules)
        self._changed()

    def _changed(self) -> None:
        """Called when the rules have changed."""

    def _read(self, path: str | Path) -> list[RuleT]:
        return read_rules(path, self.rule_kind)  # type: ignore[arg-type]

    def _write(self, path: Path) -> None:
        path.write_text(dump_rules(self.rules), "utf-8")

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """The rules as bytes."""
        return dump_rules(self.rules).encode()

    def from_bytes(self: _Carrier, data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> _Carrier:
        """Read what :meth:`to_bytes` made."""
        self._set_rules(parse_rules(data.decode(), self.rule_kind))
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Write the rules into a folder."""
        to_disk(path, {_FILE: self._write}, exclude)

    def from_disk(self: _Carrier, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> _Carrier:
        """Read what :meth:`to_disk` wrote."""
        from_disk(path, {_FILE: lambda file: self._set_rules(self._read(file))}, exclude)
        return self
