"""Which local files a script imports, directly or through others."""

import ast
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


def _imported(path: Path) -> set[Path]:
    names = set()
    tree = ast.parse(path.read_text())
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if node in for_types:  # not imported when it runs
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` names a module, or something inside the package.
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    names |= {place for name, place in PLACES.items() if f"har.{name}" in names}
    files = _packages_above(path)
    for name in names:
        parts = name.split(".")
        if parts[0] in PACKAGES:
            for length in range(1, len(parts) + 1):
                base = ROOT.joinpath(*parts[:length])
                files |= {p for p in (base / "__init__.py", base.with_suffix(".py")) if p.exists()}
    return files


def _packages_above(path: Path) -> set[Path]:
    inits = (folder / "__init__.py" for folder in path.parents if folder != ROOT)
    return {init for init in inits if init.exists()}
