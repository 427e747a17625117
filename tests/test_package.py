"""The package as somebody installs it: the wheel, its command, and what it imports."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from project import ROOT, tracked

from har.data import phone_files
from har.signals.recordings import ACTIVITIES, UCI_HAR_ACTIVITIES

pytestmark = pytest.mark.xdist_group("package")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = ("torch", "pandas", "sklearn", "mlflow", "dvc", "matplotlib")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the project's own files, offline."""
    folder = tmp_path_factory.mktemp("package")
    for name in tracked():
        if name.startswith("har/") or "/" not in name:
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    # As npm leaves it beside the static files.
    (folder / "source/har/live/node_modules/tool").mkdir(parents=True)
    (folder / "source/har/live/node_modules/tool/setup.py").touch()
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, "."],
        cwd=folder / "source",
        check=True,
    )
    (made,) = folder.glob("har-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel and what it requires without any extra, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "--python", python)
    subprocess.run([*pip, "install", *options, wheel], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    for distribution in needed(PROJECT["dependencies"]):
        for name in top_level(distribution):
            (site_packages / name).symlink_to(distribution.locate_file(name))
    return python.parent


def needed(requirements: list[str]) -> list[metadata.Distribution]:
    """Distributions that requirements without extras lead to, all of them installed here."""
    found: dict[str, metadata.Distribution] = {}
    pending = [Requirement(each) for each in requirements]
    while pending:
        requirement = pending.pop()
        wanted = not requirement.marker or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in found:
            distribution = found[requirement.name] = metadata.distribution(requirement.name)
            pending += map(Requirement, distribution.requires or [])
    return list({each.metadata["Name"]: each for each in found.values()}.values())


def top_level(distribution: metadata.Distribution) -> set[str]:
    """Files and folders of a distribution in site-packages."""
    return {
        path.parts[0]
        for path in distribution.files or []
        if path.parts[0] not in ("..", "__pycache__")
    }


def run(folder: Path, *command: str | Path, **options) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True} | options
    return subprocess.run(list(map(str, command)), timeout=120, **options)


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    """Folder with a recording of half a minute, `walk.csv`."""
    folder = tmp_path_factory.mktemp("elsewhere")
    times = np.arange(1500) / 50
    waves = np.sin(times[:, None] * [7, 9, 11])
    acceleration = [1.0, 0, 0] + 0.1 * waves
    standing = np.full(1500, ACTIVITIES.index("STANDING"))
    phone_files.write(
        folder / "walk.csv",
        times,
        acceleration,
        0.5 * waves,
        standing,
    )
    return folder


def test_the_wheel_holds_the_library_with_its_static_files_and_nothing_else(wheel):
    names = set(ZipFile(wheel).namelist())
    information = {name for name in names if ".dist-info/" in name}
    expected = {
        name
        for name in tracked()
        if name.startswith(("har/live/static/", "har/released/"))
        or (name.startswith("har/") and name.endswith(".py"))
    }
    assert names - information == expected
    assert {"har/live/static/index.html", "har/live/static/app.js"} <= names
    assert {"har/released/bundle.json", "har/released/model.onnx"} <= names
    licences = [name for name in information if name.endswith("licenses/LICENSE")]
    assert len(licences) == 1


def test_the_extras_and_the_version_are_told(wheel):
    with ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith("/METADATA"))
        text = opened.read(name).decode()
    assert set(re.findall(r"^Provides-Extra: (\w+)", text, re.M)) >= {
        "plot",
        "live",
        "pipeline",
        "dev",
    }
    assert f"\nVersion: {PROJECT['version']}\n" in text
    base = re.findall(r"^Requires-Dist: ([\w.-]+)[^;\n]*$", text, re.M)
    assert {"numpy", "onnxruntime", "typer"} <= set(base)
    assert not {"torch", "dvc", "mlflow", "matplotlib", "fastapi"} & set(base)


def test_the_rivals_environment_has_what_their_experiments_import():
    lines = (ROOT / "experiments/requirements.txt").read_text().splitlines()
    of_rivals_alone = ("#", "aeon", "numba")
    there = needed([line for line in lines if not line.startswith(of_rivals_alone)])
    names = {each.metadata["Name"] for each in there} | {PROJECT["name"]}
    others = {
        module: None
        for module, of in metadata.packages_distributions().items()
        if names.isdisjoint(of)
    }
    code = f"import sys; sys.modules |= {others}; import experiments.anyone, experiments.rivals"
    done = run(ROOT, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr


def test_requirements_txt_pins_all_that_the_extras_name():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    extras = PROJECT["optional-dependencies"]
    named = PROJECT["dependencies"] + extras["pipeline"] + extras["live"] + extras["dev"]
    names = {Requirement(each).name.lower().replace(".", "-") for each in named} - {"har"}
    assert names <= pinned
    assert all(re.match(r"#|[\w-]+==", line) for line in lines)  # no options, no addresses


def test_the_command_works_away_from_the_checkout(installed, tmp_path):
    for command in ([installed / "har"], [installed / "python", "-m", "har"]):
        done = run(tmp_path, *command, "--help")
        assert done.returncode == 0, done.stderr
        name = "har" if len(command) == 1 else "python -m har"
        assert f"Usage: {name} [OPTIONS] COMMAND" in done.stdout
        assert "predict" in done.stdout
    done = run(tmp_path, installed / "har", "--version")
    assert done.stdout == f"har {PROJECT['version']}\n"
    done = run(tmp_path, installed / "python", "-c", "import har; print(har.__file__)")
    assert str(installed.parent) in done.stdout


def test_a_recording_is_recognised_right_after_the_installation(installed, walk):
    done = run(walk, installed / "har", "predict", "walk.csv", "--out", "activities.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(walk / "activities.csv")
    assert len(table) > 20
    assert set(table["activity"]) <= set(UCI_HAR_ACTIVITIES)


@pytest.mark.parametrize("command", ["certificate", "live"])
def test_a_command_whose_extra_is_missing_says_which(installed, walk, command):
    done = run(walk, installed / "har", command)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"error: \w+ is not installed; pip install 'har\[live\]' .*", line)


def test_importing_har_takes_no_time_and_imports_nothing_heavy(tmp_path):
    code = f"""
import sys, time
begun = time.perf_counter()
import har
print(time.perf_counter() - begun, *({set(HEAVY) | {"numpy"}} & set(sys.modules)))
"""
    done = run(tmp_path, sys.executable, "-c", code, env=os.environ | {"PYTHONPATH": str(ROOT)})
    seconds, *heavy = done.stdout.split()
    assert heavy == []
    assert float(seconds) < 0.3


def test_predicting_imports_no_pytorch(walk):
    """Even `import torch` inside a function would fail here."""
    code = """
import sys

class Refusing:
    def find_spec(name, path=None, target=None):
        if name in ("torch", "sklearn", "mlflow", "matplotlib"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refusing)
from har.__main__ import main
sys.argv = ["har", "predict", sys.argv[1]]
main()
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = run(walk, sys.executable, "-c", code, "walk.csv", env=environment)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 20
