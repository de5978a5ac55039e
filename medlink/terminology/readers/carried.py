"""Source files that a Python package carries, found without importing the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from medlink.errors import MedlinkError


def carried_files(package: str, distribution: str, *patterns: str) -> list[Path]:
    """Find files in an installed package.

    Arguments:
        package: Import name of the package.
        distribution: Name to install it by.
        patterns: Glob patterns below the package's folder; the last match of each by name is taken,
            which is the newest where names hold dates.

    Returns:
        One file for each pattern.

    Raises:
        MedlinkError: The package or a file in it is missing.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MedlinkError(f"the source is missing; run 'pip install {distribution}' or name the source files")
    folder = Path(spec.submodule_search_locations[0])
    files = []
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if not found:
            raise MedlinkError(
                f"{folder}: holds no {pattern}; install another version of {distribution}, or name the source files"
            )
        files.append(found[-1])
    return files
