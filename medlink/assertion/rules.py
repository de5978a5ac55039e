"""The rules of ConText as data: trigger, direction, scope, terminators, pseudo-triggers, sections."""

from __future__ import annotations

import itertools
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medlink.assertion.values import DIMENSIONS, VALUES, Experiencer, Status, Temporality
from medlink.document.rules import own_rules

_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(r"<[a-z]+>|\*|[^\W_]+(?:'[^\W_]+)?|[^\w\s]|_")


class ContextRule(BaseModel):
    """What some words say of the mentions around them.

    Arguments:
        name: Name of the rule.
        triggers: Its words, in small letters. ``{a|b|}`` is a choice, ``*`` one word, ``<number>`` a number
            in digits or words, ``<year>`` a year, ``<relative>`` a relative, ``<month>`` a month, ``<start>`` and
            ``<end>`` the start and the end of the sentence. ``<mention>`` is a mention: triggers that hold some speak
            of these alone.
        status: What it says of that dimension, or None; likewise ``temporality`` and ``experiencer``.
        direction: ``"forward"`` and ``"backward"``: it speaks of mentions after or before it; ``"both"``;
            ``"pseudo"``: the words look like a trigger and are none; ``"stop"``: the scope of others ends here.
        within: Most words between it and the mention.
        until: Words or phrases that end its scope, besides those of "stop" rules.
        ends: For a "stop" rule, whose scopes it ends: dimensions, or single values as "historical".
        labels: Labels of the mentions that it is for; empty for all.
        sections: Sections whose mentions it speaks of where no trigger decides; such a rule needs no triggers.
        mentions: Words or phrases, one of which a mention must hold for the rule to speak of it; with neither
            triggers nor sections it speaks of all such mentions where no trigger decides.
        beside: Labels of other mentions, one of which must stand with the mention in a list that tells no result, as in
            "CBC, HIV, RPR."; such a rule speaks where no trigger does.
        onwards: Whether triggers that hold mentions speak of those behind them instead: "untreated <mention>: stroke".
        deniable: Whether the words say nothing right behind words that deny: "no c/o pain" has no pain.
        when: Values, one of which must have been decided for the mention; for rules without triggers.
        examples: Sentences for tests: ``<T>`` is the trigger, ``{mention|absent historical}`` what holds then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    triggers: tuple[str, ...] = ()
    status: Status | None = None
    temporality: Temporality | None = None
    experiencer: Experiencer | None = None
    direction: Literal["forward", "backward", "both", "pseudo", "stop"] = "forward"
    within: int | None = Field(default=None, ge=0)
    until: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    onwards: bool = False
    deniable: bool = False
    when: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> ContextRule:
        if not (self.triggers or self.sections or self.mentions):
            raise ValueError("a rule needs triggers, sections or mentions")
        phrases = self.phrases()
        if wrong := [phrase for phrase in phrases if "{" in phrase or "}" in phrase]:
            raise ValueError(f"choices in braces cannot hold others: {wrong[0]!r}")
        if wrong := [phrase for phrase in phrases if not phrase or phrase.startswith(("*", "<mention>"))]:
            raise ValueError(f"a trigger must begin with a word or a class of words, not {wrong[0]!r}")
        if unknown := set(self.ends) - {*DIMENSIONS, *VALUES}:
            raise ValueError(f"'ends' names no dimension or value: {sorted(unknown)[0]!r}")
        says = [name for name in DIMENSIONS if getattr(self, name) is not None]
        if self.direction in ("pseudo", "stop"):
            if says:
                raise ValueError(f"a {self.direction} rule says nothing of {says[0]}")
            if self.direction == "stop" and not self.ends:
                raise ValueError("a stop rule needs 'ends', the dimensions or values whose scopes it ends")
        elif not says:
            raise ValueError("a rule needs a status, a temporality or an experiencer")
        return self

    def values(self) -> list[tuple[str, str]]:
        """The dimensions that it speaks of, with what it says."""
        return [(name, getattr(self, name)) for name in DIMENSIONS if getattr(self, name) is not None]

    def phrases(self) -> list[str]:
        """Its triggers with every choice made."""
        return [phrase for trigger in self.triggers for phrase in _choices(trigger)]


def trigger_tokens(phrase: str) -> tuple[str, ...]:
    """A trigger without choices as the tokens that are looked for."""
    words = phrase.split()
    # Most are plain words, which need no regular expression; there are thousands of them.
    return tuple(words) if "".join(words).isalnum() else tuple(_TOKEN.findall(phrase))


def default_context_rules() -> list[ContextRule]:
    """The rules that medlink brings."""
    return own_rules("medlink.assertion", "context.jsonl", ContextRule)


def _choices(trigger: str) -> list[str]:
    parts = _ALTERNATIVES.split(trigger)
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
    return [" ".join("".join(choice).split()) for choice in itertools.product(*options)]
