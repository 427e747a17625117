"""README.md against the repository."""

import re

from imports import ROOT

from har.params import Params
from tools import readme

TEXT = (ROOT / "README.md").read_text()


def test_the_results_are_those_of_the_reports(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert readme.filled(TEXT) == TEXT, "run `make readme`"


def test_every_linked_file_exists():
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", TEXT)
    assert len(links) > 8
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_setting_it_names_exists():
    sections = "|".join(Params.model_fields)
    named = re.findall(rf"\b((?:{sections})\.(?!py\b|json\b|onnx\b)[a-z_]+)\b", TEXT)
    assert set(named) <= set(Params().flat())


def test_every_target_it_names_exists():
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)`", TEXT)) <= targets
