"""Which part of `har` may import which: arrows point one way."""

import ast
import json
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from imports import (
    ROOT,
    dvc_hash,
    imported_names,
    is_code,
    module_file,
    not_covered,
    not_needed,
)

ORDER = (
    "errors",
    "files",
    "yaml",
    "signals",
    "params",
    "parallel",
    "data",
    "learning",
    "model",
    "evaluation",
    "recognition",
    "live",
    "commands",
    "__main__",
)
"""The parts of `har`; each may import those before it, unless ALLOWED says less or more."""

MLFLOW = ("tracking", "mlflow_model")
"""The modules that know MLflow."""

ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "yaml": {"errors"},
    "signals": {"errors"},
    "params": {"errors", "yaml", "signals"},
    "data": {"errors", "files", "signals", "params", "parallel"},
    "tracking": {"errors", "files"},
    # The script that MLflow keeps with a model, and what describes the model to it.
    "mlflow_model": {"model"},
}
"""Parts of which more is known than their place in ORDER. No part imports `tracking` or
`mlflow_model`."""

FILES = sorted(path for path in (ROOT / "har").rglob("*.py") if "node_modules" not in path.parts)
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}


def part(module: str) -> str:
    """`har.signals.filters` belongs to `signals`, `har.errors` is `errors`."""
    return module.split(".")[1]


def imported_modules(module: str) -> set[str]:
    """Modules of `har` that a module names in its imports, those for types included."""
    found = set()
    for name in imported_names(MODULES[module], for_types=True):
        if name.split(".")[0] == "har":
            while name not in MODULES:
                name = name.rpartition(".")[0]
            found.add(name)
    return found - {module}


# `har` itself gives names of all parts; they are imported when they are used.
ARROWS = {module: imported_modules(module) for module in MODULES if module != "har"}


def test_the_parts_are_these():
    assert {part(module) for module in ARROWS} == {*ORDER, *MLFLOW}


@pytest.mark.parametrize("name", [*ORDER, *MLFLOW])
def test_a_part_imports_only_those_before_it(name):
    allowed = ALLOWED.get(name, set(ORDER[: ORDER.index(name)]) if name in ORDER else set())
    for module, imported in ARROWS.items():
        if part(module) == name:
            assert "har" not in imported, f"{module} imports the names of `har` itself"
            beyond = {each for each in imported if part(each) not in allowed | {name}}
            assert beyond == set(), module


def test_there_is_no_circle():
    # A package's __init__ that gives its modules' names does not count as their user.
    assert list(TopologicalSorter(ARROWS).static_order())  # raises CycleError


def test_the_library_knows_nothing_of_what_stands_on_it():
    for module, path in MODULES.items():
        first = {name.split(".")[0] for name in imported_names(path, for_types=True)}
        assert not first & {"stages", "experiments", "tools", "benchmarks", "tests", "dvc"}, module


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name)
def test_what_a_notebook_imports_of_the_project_is_there(path):
    """Without running it, which takes more packages and time."""
    cells = [each for each in json.loads(path.read_text())["cells"] if each["cell_type"] == "code"]
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    code = "\n".join("pass" if line.strip() == "%cd project" else line for line in lines)
    code = "\n".join(line for line in code.splitlines() if not line.startswith("%"))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "har",
            "stages",
        ):
            module = import_module(node.module)
            for name in (alias.name for alias in node.names):
                assert hasattr(module, name) or import_module(f"{node.module}.{name}")


def test_only_two_modules_know_mlflow():
    users = {
        module
        for module, path in MODULES.items()
        if any(n.split(".")[0] == "mlflow" for n in imported_names(path, for_types=True))
    }
    assert users == {f"har.{name}" for name in MLFLOW}


class TestHelper:
    """The functions that this file and the tests of dvc.yaml rely on."""

    def test_imports_are_found_wherever_they_are(self, tmp_path):
        path = tmp_path / "script.py"
        path.write_text(
            "from typing import TYPE_CHECKING\nimport har.files\n"
            "if TYPE_CHECKING:\n    from har.data import windows\n"
            "def f():\n    from har.errors import HarError\n"
        )
        names = {"typing.TYPE_CHECKING", "har.files", "har.errors.HarError"}
        assert imported_names(path, for_types=False) == names
        assert imported_names(path, for_types=True) == names | {"har.data.windows"}
        assert module_file("har.data") == ROOT / "har/data/__init__.py"
        assert module_file("har.files") == ROOT / "har/files.py"
        assert module_file("har.nothing") is None

    def test_files_and_folders_cover_what_is_imported(self):
        imported = {"har/errors.py", "har/signals/filters.py", "har/signals_of/others.py"}
        assert not_covered(imported, ["har/errors.py", "har/signals"]) == {
            "har/signals_of/others.py"
        }
        assert not_covered(imported, ["har"]) == set()
        assert is_code("har/signals") and is_code("har/errors.py")
        assert not is_code("data/raw") and not is_code("experiments/trials")
        assert not_needed(
            imported, ["har/errors.py", "har/signals", "har/data", "har/file.py"]
        ) == {
            "har/data",
            "har/file.py",
        }

    def test_the_hash_is_the_one_that_dvc_gives(self, tmp_path: Path):
        """Compared with dvc.lock once, DVC 3.67.1; `__pycache__` is in .dvcignore."""
        code = tmp_path / "signals"
        for name, text in (
            ("a.py", "x=1\n"),
            ("sub/b.py", "y=2\n"),
            ("__pycache__/a.pyc", "z"),
            ("sub/__pycache__/b.pyc", "z"),
        ):
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            (code / name).write_text(text)
        assert dvc_hash(code) == "cab493b09e54b9f828641c88bc04ab17.dir"
        assert dvc_hash(code / "a.py") == "f968f33f844c98de1d3b4fe70f2e1a0f"
