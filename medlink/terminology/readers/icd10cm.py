"""ICD-10-CM: the official tabular list (XML) and the list of all codes, as ``simple-icd-10-cm`` carries them.

The tabular list spells out seventh characters only once, above the codes that take them; the code list
holds every code, seventh characters included, without points. Source: U.S. National Center for Health
Statistics, ICD-10-CM Official Guidelines, section I.A (conventions of parentheses, brackets, NOS).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medlink.document.schwartz_hearst import find_definitions
from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.terminology.readers import Source
from medlink.terminology.readers.carried import carried_files
from medlink.terminology.readers.jsonl import read_synonyms
from medlink.terminology.words import verbatim_key
from medlink.types import Alias, Concept

# Notes kept for the coder: element of the XML and name of the property.
_NOTES = {
    "includes": "includes",
    "excludes1": "excludes1",
    "excludes2": "excludes2",
    "codeFirst": "code_first",
    "useAdditionalCode": "use_additional_code",
    "codeAlso": "code_also",
    "notes": "notes",
    "sevenChrNote": "seventh_character_note",
}
_PARENTHESES = re.compile(r"\s*\([^()]*\)")
_BRACKETS = re.compile(r"\s*\[([^\[\]]*)\]")
# "Fracture, unspecified side", but not "Opioid use, unspecified with intoxication".
_UNSPECIFIED = re.compile(r",? (?:NOS|unspecified)$|, unspecified(?: (?!with\b)\w+){0,2}$", re.IGNORECASE)
_NAME = re.compile(r"[A-Z][a-zé-ÿ]+")
_MALIGNANT = "Malignant neoplasm of "
# What such a code includes bears the name of the condition as such: N08 is a "Glomerulonephritis" of another disease.
_OF_ANOTHER_DISEASE = re.compile(r"classified elsewhere| in ", re.IGNORECASE)
_CODES_IN_NOTE = re.compile(r"\s*\([A-Z0-9.\-, ]+\)$")


@dataclass(slots=True)
class _Entry:
    code: str
    description: str
    parent: str
    inclusion: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    seventh: dict[str, str] = field(default_factory=dict)


def read_icd10cm(files: Sequence[Path] = ()) -> Source:
    """Read ICD-10-CM.

    Concepts are chapters ("9"), sections ("I20-I25") and codes with their points ("I21.9"). The 98,505
    lines of the code list of April 2026 name 98,466 of them: 39 sections hold one category of the same
    name and are listed twice. Properties: ``kind`` (chapter, section, category, code), ``billable``, the
    notes named in the tabular list, and ``seventh_characters`` where codes below take one.

    Arguments:
        files: The tabular XML and the code list, in this order; without them those of the package
            ``simple-icd-10-cm``.

    Returns:
        The concepts and the release.

    Raises:
        MedlinkError: A file is missing or broken, or a listed code has no place in the tabular list.
    """
    if not files:
        files = carried_files("simple_icd_10_cm", "simple-icd-10-cm", "data/icd10c*tabular*.xml", "data/code-list*.txt")
    if len(files) != 2:
        raise MedlinkError("ICD-10-CM needs two files: the tabular XML and the code list, in this order")
    tabular, code_list = map(Path, files)
    try:
        root = ElementTree.fromstring(read_text(tabular))
    except ElementTree.ParseError as error:
        raise MedlinkError(f"{tabular}: not well-formed XML ({error}); download the tabular list again") from None
    entries = {entry.code: entry for entry in _entries(root)}
    if not entries:
        raise MedlinkError(f"{tabular}: holds no chapters; is it the ICD-10-CM tabular list?")
    listed = read_text(code_list).split()
    release = re.sub(r"^icd10c\w*[-_]tabular[-_]?", "", tabular.stem)
    synonyms = read_synonyms("icd10cm")
    return Source(_concepts(entries, listed, code_list, synonyms), release, (tabular, code_list))


def _entries(root: ElementTree.Element) -> Iterator[_Entry]:
    for chapter in root.findall("chapter"):
        name = _text(chapter, "name")
        # The chapter's own description ends in its range of codes: "… (A00-B99)".
        yield _entry(chapter, name, _CODES_IN_NOTE.sub("", _text(chapter, "desc")), "")
        for section in chapter.findall("section"):
            identifier = section.get("id", "")
            categories = section.findall("diag")
            if [_text(diag, "name") for diag in categories] == [identifier]:
                # A section of one category ("C7A") bears its name: the category alone stands for both.
                yield from _codes(categories[0], name)
                continue
            yield _entry(section, identifier, _CODES_IN_NOTE.sub("", _text(section, "desc")), name)
            for diag in categories:
                yield from _codes(diag, identifier)


def _codes(diag: ElementTree.Element, parent: str) -> Iterator[_Entry]:
    code = _text(diag, "name")
    yield _entry(diag, code, _text(diag, "desc"), parent)
    for child in diag.findall("diag"):
        yield from _codes(child, code)


def _entry(element: ElementTree.Element, code: str, description: str, parent: str) -> _Entry:
    notes = {}
    for tag, name in _NOTES.items():
        found = [" ".join((note.text or "").split()) for note in element.findall(f"{tag}/note")]
        if found:
            notes[name] = found
    return _Entry(
        code=code,
        description=description,
        parent=parent,
        inclusion=[" ".join((note.text or "").split()) for note in element.findall("inclusionTerm/note")],
        notes=notes,
        seventh={e.get("char", ""): (e.text or "").strip() for e in element.findall("sevenChrDef/extension")},
    )


def _text(element: ElementTree.Element, tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _concepts(
    entries: dict[str, _Entry], listed: list[str], code_list: Path, synonyms: dict[str, list[str]]
) -> Iterator[Concept]:
    by_plain = {code.replace(".", "") if "-" not in code else code: code for code in entries}
    codes: dict[str, str] = {}  # code to its parent
    for plain in listed:
        if plain in by_plain:
            code = by_plain[plain]
            codes[code] = entries[code].parent
        else:
            base = _seventh_base(plain, by_plain)
            if base is None or plain[6] not in _seventh_characters(base, entries):
                raise MedlinkError(
                    f"{code_list}: {plain} has no place in the tabular list; use files of the same release"
                )
            codes[f"{plain[:3]}.{plain[3:]}"] = base
    parents = set(codes.values())
    own_names = _own_names(entries)
    chosen = {verbatim_key(name): code for code, names in synonyms.items() for name in names}
    for code, parent in codes.items():
        entry = entries.get(code)
        ours = [Alias(name, "exact") for name in synonyms.get(code, ())]
        billable = code not in parents and len(code) >= 3 and "-" not in code
        if entry is None:
            meaning = _seventh_characters(parent, entries)[code[-1]]
            names = [f"{entries[parent].description}, {meaning}"]
            yield Concept(
                concept_id=code,
                name=names[0],
                aliases=tuple(ours),
                types=(_domain(code),),
                parents=(parent,),
                properties={"kind": "code", "billable": billable, "seventh_character": meaning},
            )
            continue
        aliases = [Alias(name, "inclusion") for name in _included(entry, own_names)]
        aliases += [Alias(_CODES_IN_NOTE.sub("", name), "includes") for name in entry.notes.get("includes", ())]
        known = [entry.description, *(alias.text for alias in aliases)]
        aliases += [Alias(name, "derived") for text in known for name in _derived(text)]
        # Several codes may list a name; where clinicians mean one of them by it, those not above it lose it.
        aliases = [
            alias for alias in aliases if _is_at_or_above(code, chosen.get(verbatim_key(alias.text), code), codes)
        ]
        properties: dict[str, object] = {"kind": _kind(code, entry), "billable": billable, **entry.notes}
        if entry.seventh:
            properties["seventh_characters"] = entry.seventh
        yield Concept(
            concept_id=code,
            name=entry.description,
            aliases=(*ours, *aliases),
            types=(_domain(code),),
            parents=(parent,) if parent else (),
            properties=properties,
        )


def _is_at_or_above(code: str, other: str, parents: dict[str, str]) -> bool:
    while other and other != code:
        other = parents.get(other, "")
    return other == code


def _own_names(entries: dict[str, _Entry]) -> dict[str, set[str]]:
    """By name in lower case, the codes that it is the description of, in whatever form."""
    codes: dict[str, set[str]] = {}
    for code, entry in entries.items():
        for name in (entry.description, *_derived(entry.description)):
            codes.setdefault(name.lower(), set()).add(code)
    return codes


def _included(entry: _Entry, own_names: dict[str, set[str]]) -> list[str]:
    """The inclusion terms of a code, without those that name another one and hold for this one in its context only."""
    if not _OF_ANOTHER_DISEASE.search(entry.description):
        return entry.inclusion
    return [name for name in entry.inclusion if own_names.get(name.lower(), set()) <= {entry.code}]


def _seventh_base(plain: str, by_plain: dict[str, str]) -> str | None:
    """The code that a seventh character was added to: "S0000XA" to "S00.00" (X fills up to six)."""
    if len(plain) != 7:
        return None
    base = plain[:6]
    while base not in by_plain and base.endswith("X"):
        base = base[:-1]
    return by_plain.get(base)


def _seventh_characters(code: str, entries: dict[str, _Entry]) -> dict[str, str]:
    """The seventh characters that hold for a code: its own or those of the nearest code above."""
    entry: _Entry | None = entries[code]
    while entry is not None and not entry.seventh:
        entry = entries.get(entry.parent)
    return entry.seventh if entry else {}


def _derived(text: str) -> Iterator[str]:
    """Names that the conventions of ICD-10-CM make equal to this one.

    Parentheses hold words that may be present or absent, brackets hold a synonym or abbreviation, and
    "NOS" and "unspecified" say that nothing more is known.
    """
    bare = _BRACKETS.sub("", _PARENTHESES.sub("", text)).strip()
    forms = {text, bare}
    for match in _BRACKETS.finditer(text):
        before, within, rest = text[: match.start()], match[1], text[match.end() :].strip(" ,")
        # An abbreviation stands for the words before it that it abbreviates, any other synonym for all of them:
        # "Screening for human immunodeficiency virus [HIV]", "Thyrotoxicosis [hyperthyroidism]".
        definition = next(find_definitions(f"{before} ({within})"), None)
        if definition is not None and definition.short == within:
            within = f"{before[: definition.long_start]}{within}"
        elif not rest and _NAME.fullmatch(within):
            continue  # who described it, "Osteochondrosis of carpal scaphoid [Burns]"
        forms.add(_PARENTHESES.sub("", f"{within} {rest}".strip()))
    forms |= {_UNSPECIFIED.sub("", form).strip() for form in tuple(forms)}
    forms |= {form.removeprefix("Unspecified ") for form in forms}
    forms |= {f"Cancer of {form.removeprefix(_MALIGNANT)}" for form in forms if form.startswith(_MALIGNANT)}
    yield from sorted(form for form in forms if form and form != text)


def _kind(code: str, entry: _Entry) -> str:
    if not entry.parent:
        return "chapter"
    if code[0].isdigit() or "-" in code:
        return "section"
    return "category" if len(code) == 3 else "code"


def _domain(code: str) -> str:
    """Semantic type: external causes (V-Y), health status factors (Z), chapters and sections are no conditions."""
    if code[0].isdigit() or "-" in code:
        return "Chapter or section"
    if code[0] in "VWXY":
        return "External cause"
    if code[0] == "Z":
        return "Health status factor"
    return "Condition"
