"""Rule files: JSON Lines, a rule a line, the ones that medlink brings and those of the user."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from medlink.errors import MedlinkError

RuleT = TypeVar("RuleT", bound=BaseModel)


def read_rules(path: str | Path, kind: type[RuleT]) -> list[RuleT]:
    """Read a file of rules.

    Arguments:
        path: JSON Lines, in UTF-8. Empty lines and lines that start with ``#`` are passed over.
        kind: What a line holds.

    Raises:
        MedlinkError: The file cannot be read, or a line is not such a rule.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MedlinkError(
            f"{path}: cannot be read as a rule file ({error}); give a JSON Lines file in UTF-8"
        ) from None
    return _parse(text, str(path), kind)


def own_rules(package: str, name: str, kind: type[RuleT]) -> list[RuleT]:
    """Read rules that medlink brings.

    Arguments:
        package: Package that has the file in its ``data`` folder.
        name: Name of the file.
        kind: What a line holds.
    """
    return _parse((files(package) / "data" / name).read_text("utf-8"), name, kind)


def dump_rules(rules: Sequence[BaseModel]) -> str:
    """Rules as the text of a rule file."""
    return "".join(rule.model_dump_json(exclude_defaults=True) + "\n" for rule in rules)


def parse_rules(text: str, kind: type[RuleT]) -> list[RuleT]:
    """The rules in the text of a rule file that :func:`dump_rules` made."""
    return _parse(text, "rules", kind)


def _parse(text: str, source: str, kind: type[RuleT]) -> list[RuleT]:
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            rules.append(kind.model_validate(json.loads(line), strict=False))
        except json.JSONDecodeError as error:
            raise MedlinkError(f"{source}, line {number}: not JSON ({error.msg}); write one rule a line") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "rule"
            raise MedlinkError(f"{source}, line {number}: {where}: {first['msg']}; see docs/context.md") from None
    return rules
