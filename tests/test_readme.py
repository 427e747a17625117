"""README.md and docs/ against the repository."""

import re
import tomllib

import pytest
import typer.main
import yaml
from imports import ROOT

import har
from har.__main__ import app
from har.params import Params
from tools import figures, readme

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_WORDS = 1200


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request):
    return request.param


def code_of(text):
    """What a text sets as code: blocks and spans."""
    blocks = re.findall(r"```.*?```", text, re.S)
    return "\n".join([*blocks, *re.findall(r"`[^`]+`", re.sub(r"```.*?```", "", text, flags=re.S))])


def test_the_results_are_those_of_the_reports(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path, text in readme.texts().items():
        assert path.read_text() == text, f"{path}: run `make readme`"


def test_the_figures_are_those_of_the_reports(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    figures.main()
    drawn = sorted(tmp_path.glob("*.svg"))
    assert [path.name for path in drawn] == sorted(
        path.name for path in (ROOT / "docs/images").glob("*.svg")
    )
    for path in drawn:
        committed = ROOT / "docs/images" / path.name
        assert path.read_bytes() == committed.read_bytes(), f"{path.name}: run `make readme`"


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= MOST_WORDS


def test_the_results_come_between_their_marks():
    text = f"above\n{readme.BEGIN}\nold\n{readme.END}\nbelow"
    assert readme.with_results(text, "new\n") == text.replace("old", "new")
    with pytest.raises(har.HarError, match="lacks the marks"):
        readme.with_results("no marks", "new\n")


def test_every_linked_file_exists(page):
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_every_linked_heading_exists(page):
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        target = page.parent / link if link else page
        headings = re.findall(r"^#+ (.*)", target.read_text(), re.M)
        assert anchor in {
            re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings
        }


def test_every_file_named_as_code_exists(page):
    for path in re.findall(
        r"`((?:har|stages|experiments|tools|notebooks)/[\w/.]*)`", page.read_text()
    ):
        assert (ROOT / path).exists(), path


def test_every_setting_it_names_exists(page):
    sections = "|".join(Params.model_fields)
    code = re.sub(r"\b\w+\.(py|json|onnx|csv|yaml)\b", "", code_of(page.read_text()))
    named = re.findall(rf"(?<![\w./])((?:{sections})\.[a-z_]+)\b", code)
    assert set(named) <= set(Params().flat())


def test_every_target_it_names_exists(page):
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    for named in re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", code_of(page.read_text()), re.M):
        assert set(named.split()) <= targets


def test_every_command_it_names_exists_with_its_options(page):
    commands = typer.main.get_command(app).commands
    for name, rest in re.findall(
        r"(?:^|`|\| |-m )har ([a-z]+)([^`#\n]*)", code_of(page.read_text()), re.M
    ):
        assert name in commands
        options = {
            option
            for each in commands[name].params
            for option in (*each.opts, *each.secondary_opts)
        }
        assert set(re.findall(r"--[a-z-]+", rest)) <= {"--help", *options}


@pytest.mark.parametrize("page", ["README.md", "docs/recordings.md", "docs/live.md"])
def test_every_option_it_names_is_one_of_a_command(page):
    commands = typer.main.get_command(app).commands.values()
    options = {
        option
        for command in commands
        for each in command.params
        for option in (*each.opts, *each.secondary_opts)
    }
    named = set(re.findall(r"`(--[a-z-]+)", (ROOT / page).read_text()))
    assert named
    assert named <= options


def test_every_extra_it_names_exists(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"\.\[([a-z,]+)\]", code_of(page.read_text()))
    assert set(",".join(named).split(",")) - {""} <= set(project["optional-dependencies"])


def test_every_public_name_has_its_place_in_the_reference():
    pages = "\n".join(path.read_text() for path in (ROOT / "docs/api").glob("*.md"))
    modules = set(re.findall(r"^::: ([\w.]+)$", pages, re.M))
    assert {place.rpartition(".")[0] for place in har.PLACES.values()} <= modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists(), module


def test_the_ruff_before_a_commit_is_that_of_the_checks():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert (
        f"ruff=={repository['rev'].removeprefix('v')}\n" in (ROOT / "requirements.txt").read_text()
    )


def test_the_citation_says_what_is_needed():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == (ROOT / "LICENSE").read_text().split()[0]
