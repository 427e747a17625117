"""The notebooks, run as a reader runs them, on a small project's outputs."""

import base64
import json
import re
import subprocess
import sys
import types

import pytest
from imports import ROOT
from project import SMALL, Project

nbformat = pytest.importorskip("nbformat", reason="`make extras` installs what the notebooks need")
pytest.importorskip("nbclient", reason="`make extras` installs what the notebooks need")
pytest.importorskip("captum", reason="`make extras` installs what the notebooks need")

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
PICTURES = {"01": 9, "02": 6, "03": 4, "04": 5}


def read(path):
    return nbformat.read(path, as_version=4)


def outputs(notebook):
    return [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]


def pictures(notebook):
    found = [
        out.data["image/png"] for out in outputs(notebook) if "image/png" in out.get("data", {})
    ]
    assert all(base64.b64decode(each).startswith(b"\x89PNG") for each in found)
    return len(found)


def printed(notebook):
    return "".join(out.text for out in outputs(notebook) if out.output_type == "stream")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The project before anything has run."""
    folder = tmp_path_factory.mktemp("empty")
    return Project.copy(folder / "project", folder, SMALL)


def test_there_are_four():
    parts = ("01_EDA", "02_Preprocessing", "03_Model_Training", "04_Evaluation")
    assert [f"{name}.ipynb" for name in parts] == NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_from_top_to_bottom(finished, tmp_path, name):
    subprocess.run(["cp", "-a", str(finished.folder), str(tmp_path / "project")], check=True)
    project = Project(tmp_path / "project", tmp_path)
    path = project.folder / "notebooks" / name
    project.run(sys.executable, "-m", "tools.notebooks", f"notebooks/{name}")
    notebook = read(path)
    assert "simulated" in printed(notebook)
    assert "uci_har" not in printed(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert pictures(notebook) >= PICTURES[name[:2]]
    # Nothing but the notebook itself has changed.
    assert project.run("git", "status", "--porcelain").split() == ["M", f"notebooks/{name}"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_before_the_data_is_there_it_says_which_command_makes_it(empty, name):
    output = empty.run(sys.executable, "-m", "tools.notebooks", f"notebooks/{name}", fails=True)
    last = output.splitlines()[-1]
    assert last.startswith(f"error: notebooks/{name}: HarError: ")
    assert "is not there: run the pipeline" in last
    assert empty.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_is_in_git_shows_the_real_data(name):
    path = ROOT / "notebooks" / name
    assert path.stat().st_size < 1_000_000
    notebook = read(path)
    nbformat.validate(notebook)
    assert "uci_har" in printed(notebook)
    assert pictures(notebook) >= PICTURES[name[:2]]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [out for out in outputs(notebook) if out.output_type == "error"]
    assert not re.search(r"(/home|/root|/tmp|/work|/Users)/", json.dumps(notebook.cells))


def test_the_first_cell_fetches_the_project_on_colab(empty, tmp_path, monkeypatch):
    """Colab is a module of this name; the rest of the cell is as it is there."""
    first = next(
        cell for cell in read(ROOT / "notebooks/01_EDA.ipynb").cells if cell.cell_type == "code"
    )
    source = first.source.replace("%cd project", "import os; os.chdir('project')")
    for name, value in empty.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    exec(source, {})
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(SystemExit, match="Write the address of the repository into REPOSITORY"):
        exec(source, {})
    here = source.replace('REPOSITORY = ""', f'REPOSITORY = "file://{empty.folder}"')
    assert here != source
    exec(here, {})
    assert (tmp_path / "project/data/windows.npz").exists()
