"""Which local files a script imports, directly or through others."""

import ast
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from har import PLACES

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("har", "stages", "experiments")


def local_imports(script: Path) -> set[str]:
    """Paths relative to the project of `script` and every local module that it needs."""
    found: set[Path] = set()
    pending = [script]
    while pending:
        path = pending.pop()
        if path in found:
            continue
        found.add(path)
        pending += [one for one in _imported(path) if one not in found]
    return {path.relative_to(ROOT).as_posix() for path in found}


def imported_names(path: Path, for_types: bool) -> set[str]:
    """Dotted names of the modules that a file imports, and of what it takes from them.

    Args:
        path: A Python file.
        for_types: Whether what only a type checker imports counts.
    """
    tree = ast.parse(path.read_text())
    left_out = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
        if not for_types
    }
    names = set()
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            # `from package import module` names a module, or something inside the package.
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_file(name: str) -> Path | None:
    """File of a local module, or None if `name` is none: a package's is its `__init__.py`."""
    base = ROOT.joinpath(*name.split("."))
    return next((p for p in (base / "__init__.py", base.with_suffix(".py")) if p.exists()), None)


def _imported(path: Path) -> set[Path]:
    names = imported_names(path, for_types=False)
    names |= {place for name, place in PLACES.items() if f"har.{name}" in names}
    files = {init for folder in path.parents if (init := folder / "__init__.py").exists()}
    for name in names:
        parts = name.split(".")
        if parts[0] in PACKAGES:
            above = (module_file(".".join(parts[:length])) for length in range(1, len(parts) + 1))
            files |= {file for file in above if file}
    return files


def is_code(path: str) -> bool:
    """Whether a dependency is a Python file or a package."""
    return path.endswith(".py") or (ROOT / path / "__init__.py").exists()


def not_covered(imported: Iterable[str], declared: Iterable[str]) -> set[str]:
    """Imported files that are neither declared nor below a declared folder."""
    declared = set(declared)
    return {path for path in imported if not any(_covers(each, path) for each in declared)}


def not_needed(imported: Iterable[str], declared: Iterable[str]) -> set[str]:
    """Declared files and folders that hold nothing imported."""
    imported = set(imported)
    return {each for each in declared if not any(_covers(each, path) for path in imported)}


def _covers(declared: str, path: str) -> bool:
    return path == declared or path.startswith(f"{declared}/")


def dvc_hash(path: Path) -> str:
    """What DVC writes into dvc.lock as the hash of a file or a folder."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    entries = [{"md5": dvc_hash(p), "relpath": p.relative_to(path).as_posix()} for p in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"
