"""Units as clinicians write them, and their codes in UCUM, the unified code for units of measure (https://ucum.org)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from medlink.document.rules import own_rules

# Where capitals tell two units apart.
_CASED = {"L": "L", "U": "U", "m": "m", "M": "10*6", "F": "[degF]", "C": "Cel", "K": "10*3", "IU": "[iU]"}


class UnitRule(BaseModel):
    """A unit.

    Arguments:
        code: Its UCUM code.
        names: How it is written, in small letters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    names: tuple[str, ...]


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    return {name: rule.code for rule in unit_rules() for name in rule.names}


def unit_rules() -> list[UnitRule]:
    """The units that medlink knows."""
    return own_rules("medlink.attributes", "units.jsonl", UnitRule)


@lru_cache(maxsize=1)
def unit_pattern() -> str:
    """A regular expression for a unit, with its parts after "/" or "per"."""
    names = sorted(_by_name(), key=len, reverse=True)
    single = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in [*names, "f", "c"])
    # "mg/5 mL" and "per 1.73 m2" have a number in the part below.
    part = rf"(?:(?:\d+(?:\.\d+)?\s?)?(?:{single}))(?![a-z])"
    return rf"(?:{single})(?![a-z])(?:\s?(?:/|\bper\b)\s?{part}){{0,2}}"


@lru_cache(maxsize=2048)
def to_ucum(written: str) -> str:
    """The UCUM code of a unit, or "" where it is none that medlink knows.

    Arguments:
        written: The unit as written: ``"mcg/kg/min"``, ``"K/uL"``.
    """
    whole = " ".join(written.split())
    if (code := _code(whole)) is not None:
        return code
    codes = []
    for part in re.split(r"\s?/\s?|\s+per\s+", whole):
        number = re.match(r"(\d+(?:\.\d+)?)\s?(?=\D)(?!\^)", part)
        code = _code(part)
        if code is None and number:
            code = _code(part[number.end() :])
            code = f"({number[1]}.{code})" if code is not None and number[1] != "1" else code
        if code is None:
            return ""
        codes.append(code)
    return "/".join(codes).replace("//", "/")


def _code(written: str) -> str | None:
    return _CASED.get(written) or _by_name().get(written.lower())


def to_pint(value: float, unit: str) -> Any:
    """A value with a UCUM unit as a quantity of `pint`."""
    return value * _registry().from_ucum(unit or "1")


@lru_cache(maxsize=1)
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
