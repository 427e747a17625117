"""Where people run the pipeline: folders, checkouts, users and locales of many kinds."""

import getpass
import os
import sys
import tarfile
from unittest import mock

import pytest
from project import ROOT, SMALL, Project

from har.errors import HarError
from stages.__main__ import prepare


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout in a path with blanks and umlauts."""
    folder = tmp_path_factory.mktemp("places")
    return Project.copy(folder / "mein größtes Projekt", folder, SMALL)


def beside(project: Project, name: str) -> Project:
    """A project in another folder, not there yet."""
    other = Project(project.folder.parent / name, project.folder.parent)
    other.environment = project.environment | {"PYTHONPATH": str(other.folder)}
    return other


@pytest.fixture(autouse=True)
def _environment_as_before():
    with mock.patch.dict(os.environ):
        yield


def assert_dvc_runs(project: Project) -> None:
    """The first stage runs there."""
    output = project.dvc("repro", "-f", "settings")
    assert "python -m stages.settings" in output
    assert (project.folder / "data/settings.txt").exists()


def test_a_path_with_blanks_and_umlauts(project):
    assert_dvc_runs(project)
    project.dvc("--cd", "anyone", "repro", "settings", LC_ALL="C")
    assert (project.folder / "anyone/data/settings.txt").exists()


def test_a_worktree(project):
    other = beside(project, "worktree")
    project.run("git", "worktree", "add", "-q", str(other.folder))
    assert_dvc_runs(other)


def test_a_submodule(project):
    above = beside(project, "above")
    above.folder.mkdir()
    above.run("git", "init", "-q")
    source = str(project.folder)
    above.run("git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", source, "below")
    assert_dvc_runs(beside(project, "above/below"))


def test_a_clone_with_the_line_ends_of_windows_has_those_of_git(project):
    other = beside(project, "windows")
    windows = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    project.run("git", "clone", "-q", *windows, str(project.folder), str(other.folder))
    for name in project.run("git", "ls-files", "-z").split("\0")[:-1]:
        content = (other.folder / name).read_bytes()
        assert content == (project.folder / name).read_bytes(), name


def test_sources_without_git(project):
    other = beside(project, "archive")
    project.run("git", "archive", "-o", str(other.folder) + ".tar", "HEAD")
    with tarfile.open(str(other.folder) + ".tar") as archive:
        archive.extractall(other.folder, filter="data")
    lines = other.stage("", fails=True).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert "is in no git repository, which DVC needs: `git init`" in lines[0]
    other.run("git", "init", "-q")
    assert_dvc_runs(other)


def test_dvc_may_be_set_to_work_without_git(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarError, match="git init"):
        prepare()
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    prepare()


def test_a_checkout_that_cannot_be_written_to(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(HarError, match="cannot be written to: copy the project"):
        prepare()


def no_user(*_: object) -> str:
    raise KeyError("getpwuid(): uid not found: 12345")


def test_a_user_without_a_name_runs_under_the_number(monkeypatch, project):
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(getpass, "getuser", no_user)
    monkeypatch.delenv("USER", raising=False)
    prepare()
    assert os.environ["USER"] == str(os.getuid())


def test_a_user_without_a_home_folder(monkeypatch, project):
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", no_user)
    with pytest.raises(HarError, match="export HOME=FOLDER"):
        prepare()


@pytest.mark.parametrize("module", ["stages.settings", "har", "har predict"])
def test_help_in_a_locale_of_ascii_alone(project, module):
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    here = Project(ROOT, project.folder.parent)
    output = here.run(sys.executable, "-m", *module.split(), "--help", **ascii_alone)
    assert "usage" in output.lower()
    assert "Traceback" not in output
