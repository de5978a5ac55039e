"""Where terminologies are found by name: the user's own builds, and those that installed pipeline packages bring."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.terminology.columns import MANIFEST
from medlink.terminology.store import terminology_home

#: Packages name the terminologies of their linker under this group of entry points: ``icd10cm = en_medlink_sm``.
GROUP = "medlink_terminologies"


def installed_terminologies() -> dict[str, Path]:
    """All terminologies by name; the user's own builds hide those of packages."""
    found: dict[str, Path] = {}
    for point in entry_points(group=GROUP):
        spec = find_spec(point.value)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            for manifest in sorted(Path(location).glob(f"*/medlink_linker/terminologies/{point.name}/{MANIFEST}")):
                found.setdefault(point.name, manifest.parent)
    home = terminology_home()
    if home.is_dir():
        for folder in sorted(home.iterdir()):
            if (folder / MANIFEST).is_file() and not folder.name.startswith("."):
                found[folder.name] = folder
    return found


def find_terminology(name_or_path: str | Path) -> Path:
    """The folder of a terminology.

    Arguments:
        name_or_path: Its name, or a folder.

    Raises:
        MedlinkError: There is none of that name.
    """
    path = Path(name_or_path)
    if (path / MANIFEST).is_file():
        return path
    installed = installed_terminologies()
    if str(name_or_path) in installed:
        return installed[str(name_or_path)]
    known = ", ".join(sorted(installed)) or "none"
    raise MedlinkError(
        f"unknown terminology {str(name_or_path)!r} (installed: {known}); build it with "
        f"'medlink terminology build {name_or_path} --format FORMAT SOURCE'"
    )
