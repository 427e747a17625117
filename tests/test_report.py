"""The report and the model card, made of a small project's outputs."""

import base64
import json
import platform
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from imports import ROOT
from live import CHROMIUM
from project import Project

from har.model import bundle
from har.signals.recordings import UCI_HAR_ACTIVITIES
from tools import rendering
from tools.report import CARD, scores_with_intervals


def report(project, fails=False):
    return project.run(sys.executable, "-m", "tools.report", fails=fails)


class Page(HTMLParser):
    """What a browser and a screen reader are given."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def made(finished, tmp_path_factory):
    """A copy of the finished project with report and card."""
    folder = tmp_path_factory.mktemp("report")
    subprocess.run(["cp", "-a", str(finished.folder), str(folder / "project")], check=True)
    project = Project(folder / "project", folder)
    report(project)
    return project


def test_the_report_stands_alone_and_can_be_read_by_all(made):
    text = made.read("reports/report.html")
    page = Page(text)
    assert not re.findall(r"https?:|//[a-z]", re.sub(r"base64,[^\"]*", "", text))
    outside = [a for tag, a in page.tags for key in ("src", "href") if not _inside(a.get(key))]
    assert outside == []
    assert page.of("html") == [{"lang": "en"}]
    assert "width=device-width" in str(page.of("meta"))
    assert "prefers-color-scheme: dark" in text
    pictures = page.of("img")
    assert len(pictures) == 8
    for picture in pictures:
        assert picture["alt"]
        assert base64.b64decode(picture["src"].split(",")[1]).startswith(b"\x89PNG")
    named = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"].removeprefix("#") for a in page.of("a")} <= named
    assert all(a.get("scope") for a in page.of("th"))


def _inside(address):
    return address is None or address.startswith(("#", "data:image/png;base64,"))


def test_the_report_says_what_the_outputs_say_and_what_they_were_made_of(made):
    page = Page(made.read("reports/report.html"))
    metrics = json.loads(made.read("reports/test.json"))
    description = json.loads(made.read("models/bundle.json"))
    assert "Simulated recordings." in page.text
    assert f"recognises\n{metrics['test']['accuracy']:.1%}" in page.text
    for row in pd.read_csv(made.folder / "reports/per_subject.csv").itertuples():
        assert f"{row.subject}{row.accuracy:.1%}{row.windows}" in page.text
    for known in (
        description["training"]["dataset_digest"],
        bundle.digest(made.folder / "models"),
        made.run("git", "rev-parse", "HEAD").strip(),
        "model.hidden_size8",
        "none: `dvc repro` in the workspace",
    ):
        assert known in page.text, known


def test_an_interval_of_a_mean_is_said_to_be_one(made):
    text = " ".join(Page(made.read("reports/report.html")).text.split())
    people = len(pd.read_csv(made.folder / "reports/per_subject.csv"))
    word = rendering.number_in_words(people)
    assert re.search(rf"on average over {word} such people [\d.]+% to [\d.]+% can be", text)
    assert rendering.number_in_words(9) == "nine" and rendering.number_in_words(13) == "13"


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM} to open the report with")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_can_be_used_on_a_phone_and_in_the_dark(made, scheme):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
        page.goto((made.folder / "reports/report.html").as_uri())
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360
        # Pictures are scrolled, so that their letters can be read.
        wide = page.locator("figure img").first.bounding_box()["width"]
        assert wide > 600
        turned = page.evaluate(
            "() => getComputedStyle(document.querySelector('figure img')).filter"
        )
        assert (turned != "none") == (scheme == "dark")
        browser.close()


def test_versions_are_said_to_be_those_that_wrote_the_report(made):
    """Another machine may have trained the model: PyTorch's version here says nothing of it."""
    text = Page(made.read("reports/report.html")).text
    (written_with,) = re.findall(r"Report written with(.*)", text)
    assert f"Python {platform.python_version()}, numpy {np.__version__}" in written_with
    assert "torch" not in text.split("Identity of the run")[-1]
    assert "environment in which this report was written" in text


def test_the_card_tells_units_people_and_scores(made):
    card = made.read("models/README.md")
    assert "Trained on simulated recordings." in card
    description = json.loads(made.read("models/bundle.json"))
    assert ", ".join(map(str, description["training"]["train_subjects"])) in card
    for channel, unit in zip(description["signals"], description["units"], strict=True):
        assert f"`{channel}` ({unit})" in card
    people = pd.read_csv(made.folder / "reports/per_subject.csv")
    assert f"| person | {' | '.join(map(str, people.subject))} |" in card
    assert f"| accuracy | {' | '.join(f'{each:.1%}' for each in people.accuracy)} |" in card
    assert "nan" not in card
    # In git, unlike the model beside it; and making it again makes the same.
    ignored = made.run("git", "check-ignore", "models/README.md", fails=True)
    assert ignored == ""
    made.run("git", "check-ignore", "models/weights.safetensors", "reports/report.html")
    report(made)
    assert made.read("models/README.md") == card


@pytest.mark.parametrize(
    "path", ["reports/metrics.json", "reports/test.json", "models/weights.safetensors"]
)
def test_outputs_of_several_runs_are_no_report(made, path):
    file, before = made.folder / path, (made.folder / path).read_bytes()
    file.write_bytes(before + b" ")
    output = report(made, fails=True)
    file.write_bytes(before)
    assert f"error: {path} is not what the last run made: run `dvc repro`" in output


@pytest.mark.parametrize(
    "path",
    ["reports/metrics.json", "reports/test.json", "models/bundle.json", "data/normalized.npz"],
)
def test_what_is_missing_is_said_with_the_command_that_makes_it(made, path):
    (made.folder / path).rename(made.folder / "away")
    before = made.read("reports/report.html")
    try:
        output = report(made, fails=True)
    finally:
        (made.folder / "away").rename(made.folder / path)
    assert re.match(rf"error: {path}.*`dvc repro", output)
    assert "Traceback" not in output
    assert made.read("reports/report.html") == before


def test_intervals_are_over_people():
    """Ten people alike leave nothing to chance; one of ten who differs does."""
    rows = [
        {"subject": person, "actual": activity, "predicted": activity}
        for person in range(10)
        for activity in UCI_HAR_ACTIVITIES
    ]
    alike = scores_with_intervals(pd.DataFrame(rows))
    assert {(row["value"], row["low"], row["high"]) for row in alike} == {(1.0, 1.0, 1.0)}
    for row in rows[:6]:
        row["predicted"] = "LAYING"
    accuracy, macro, *by_activity = scores_with_intervals(pd.DataFrame(rows))
    assert accuracy["value"] == pytest.approx(55 / 60)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"] == 1.0
    assert len(by_activity) == 6
    assert macro["value"] == pytest.approx(np.mean([row["value"] for row in by_activity]))


def test_the_card_in_git_is_that_of_the_reports():
    card = (ROOT / CARD).read_text()
    people = pd.read_csv(ROOT / "reports/per_subject.csv")
    scores = " | ".join(f"{accuracy:.1%}" for accuracy in people["accuracy"])
    assert f"| accuracy | {scores} |" in card, "run `make report`"
