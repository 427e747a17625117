"""`dvc.yaml`, `dvc.lock` and `params.yaml` against the code."""

import ast
import subprocess
import sys

import pytest
import yaml
from dvc.fs import LocalFileSystem
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml
from imports import ROOT, dvc_hash, is_code, local_imports, not_covered, not_needed

from har.model import bundle
from har.params import Params, Recurrent

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]

NOT_CACHED = ("reports", "figures")
"""Folders whose files git holds."""


def paths(entries):
    """Names of `deps`, `outs` or `params`, with or without options."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def outputs(stage):
    """What a stage writes, whatever DVC is told that it is."""
    return [path for kind in ("outs", "metrics", "plots") for path in paths(stage.get(kind, []))]


def leaf_settings(entries):
    """Settings of `params`, where a whole section may be named, or the whole file."""
    every = set(Params().flat())
    if "params.yaml" in paths(entries):
        return every
    return {
        name
        for entry in paths(entries)
        for name in every
        if name == entry or name.startswith(f"{entry}.")
    }


def is_docstring(path):
    """Whether a file holds nothing but a docstring."""
    body = ast.parse((ROOT / path).read_text()).body
    return len(body) == 1 and isinstance(body[0], ast.Expr)


def assert_code_is_declared(script, deps):
    """Every imported file is declared by itself or by its folder, and nothing else is.

    An `__init__.py` that decides no result may be left out: a docstring alone, or those of `har`
    (which says where public names are) and `stages` (which says what is wrong with an environment).
    """
    declared = [path for path in paths(deps) if is_code(path)]
    imported = local_imports(ROOT / script)
    imported -= {path for path in imported if is_docstring(path)}
    imported -= {"har/__init__.py", "stages/__init__.py"} - set(declared)
    assert not_covered(imported, declared) == set()
    assert not_needed(imported, declared) == set()


def settings_read(stage):
    """Leaf settings that a script reads: `params.a.b`, or all of `params.a` if passed on."""
    if stage == "settings":  # which is there to read all of them
        return set(Params().flat())
    source = (ROOT / f"stages/{stage}.py").read_text()
    if " fit(" in source:  # is given all of them
        source += (ROOT / "har/learning/training.py").read_text()
    tree = ast.parse(source)
    found, inner = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            section = node.value
            if isinstance(section.value, ast.Name) and section.value.id == "params":
                found.add(f"{section.attr}.{node.attr}")
                inner.add(section)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "params"
            and node not in inner
            and node.attr in Params.model_fields
        ):
            fields = getattr(Params(), node.attr).model_dump()
            found |= {f"{node.attr}.{key}" for key in fields}
    return found


def test_the_stages_in_their_order():
    names = ["settings", "download", "windowing", "normalization", "explore", "train", "package"]
    assert list(STAGES) == [*names, "evaluate", "plots", "track"]
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python -m stages.{name}"
        assert stage["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_imported_file_is_a_dependency(stage):
    assert_code_is_declared(f"stages/{stage}.py", STAGES[stage]["deps"])


@pytest.mark.parametrize("stage", STAGES)
def test_every_setting_that_is_read_is_declared_and_no_other(stage):
    assert leaf_settings(STAGES[stage].get("params", [])) == settings_read(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_that_is_read_or_written_is_declared(stage):
    """The constants of stages/common.py that a script names are its files."""
    scripts = [stage, "mlflow_run"] if stage == "track" else [stage]
    source = "\n".join((ROOT / f"stages/{script}.py").read_text() for script in scripts)
    from stages import common

    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named = {
        getattr(common, name).as_posix()
        for name in ("OWN", "RAW", "WINDOWS", "NORMALIZED", "WEIGHTS", "HISTORY", "METRICS")
        + ("TEST", "PREDICTIONS", "PER_CLASS", "PER_SUBJECT")
        if name in used
    }
    if "read_scores" in used:
        named |= {
            path.as_posix() for path in (common.PREDICTIONS, common.PER_CLASS, common.PER_SUBJECT)
        }
    if "read_history" in used:
        named.add(common.HISTORY.as_posix())
    if "BUNDLE" in used:
        named.add(f"{common.BUNDLE}/{bundle.DESCRIPTION}")
    if any(call in source for call in ("bundle.save(", "bundle.load(", "log_model(")):
        named.add(f"{common.BUNDLE}/{bundle.MODEL}")
    for constant in {"DATA_FIGURES", "MODEL_FIGURES", "FIGURE_NAMES"} & used:
        named |= {f"{common.FIGURES}/{name}.png" for name in getattr(common, constant)}
    named.add(common.SETTINGS.as_posix())  # written by one stage, and awaited by the others
    data = [path for path in paths(STAGES[stage]["deps"]) if not is_code(path)]
    assert sorted(data + outputs(STAGES[stage])) == sorted(named)


def test_dependencies_are_code_or_what_stages_make_or_a_persons_own():
    from stages import common

    made = {path for stage in STAGES.values() for path in outputs(stage)}
    made.add(common.OWN.as_posix())
    for stage in STAGES.values():
        for path in paths(stage["deps"]):
            assert path in made or (is_code(path) and (ROOT / path).exists()), path


def test_params_yaml_and_the_settings_declare_the_same():
    written = yaml.safe_load((ROOT / "params.yaml").read_text())
    keys = {f"{section}.{key}" for section, values in written.items() for key in values}
    assert keys == set(Params().flat()) | set(Params(model=Recurrent()).flat())


def test_every_setting_is_used_by_a_stage():
    declared = {n for stage in STAGES.values() for n in leaf_settings(stage.get("params", []))}
    protocol = {name for name in Params().flat() if name.startswith("crossval.")}
    assert declared | protocol == set(Params().flat())


def test_nothing_keeps_a_stage_from_the_run_cache():
    """DVC's run cache takes no stage with `persist`, or with an uncached output of no kind."""
    for stage in STAGES.values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                options = next(iter(entry.values())) if isinstance(entry, dict) else {}
                assert "persist" not in options
                assert options.get("cache", True) == (kind == "outs")


def test_plots_have_titles_and_axis_labels_and_none_is_drawn_twice():
    drawn = [entry for stage in STAGES.values() for entry in stage.get("plots", [])]
    assert not set(paths(drawn)) & set(paths(PIPELINE["plots"]))
    for entry in drawn + PIPELINE["plots"]:
        ((name, options),) = entry.items()
        if not name.endswith(".png"):
            assert {"title", "x_label", "y_label", "template"} <= set(options)


@pytest.mark.parametrize("name", ["dvc.yaml", "params.yaml"])
def test_dvc_writes_these_files_as_they_are(name, tmp_path):
    """`dvc freeze` and `dvc exp run -S` change what they are to change, and not the layout."""
    before = (ROOT / name).read_text()
    file = tmp_path / name
    file.write_text(before)
    if name == "dvc.yaml":
        with modify_yaml(file, fs=LocalFileSystem()):
            pass
    else:
        seed = Params.read(file).train.seed
        apply_overrides(file, [f"train.seed={seed}"])
    assert file.read_text() == before


def test_pytorch_is_imported_by_two_stages_only():
    """Each experiment waits for what its stages import, and PyTorch takes two seconds."""
    light = [f"stages.{name}" for name in STAGES if name not in ("train", "package")]
    heavy = ("torch", "mlflow", "seaborn", "sklearn")
    code = f"import sys, {', '.join(light)}; print(*set({heavy}) & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_scores_of_test_people_are_no_metric():
    """`dvc exp show` and `dvc metrics diff` are there to choose by."""
    metrics = [path for stage in STAGES.values() for path in paths(stage.get("metrics", []))]
    assert metrics == ["reports/metrics.json"] and "metrics" not in PIPELINE


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("folder", [ROOT, ROOT / "anyone"], ids=["benchmark", "anyone"])
class TestLock:
    """What is committed belongs together: if not, `dvc repro` or `make anyone`, and commit."""

    def locked(self, folder, stage):
        return yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]

    def written(self, folder, stage):
        return yaml.safe_load((folder / "dvc.yaml").read_text())["stages"][stage]

    def test_code_and_small_files_are_those_of_the_last_run(self, folder, stage):
        locked = self.locked(folder, stage)
        for entry in locked["deps"] + locked.get("outs", []):
            path = folder / entry["path"]
            if is_code(entry["path"].removeprefix("../")) or path.parts[-2] in NOT_CACHED:
                assert dvc_hash(path) == entry["md5"], entry["path"]

    def test_settings_are_those_of_the_last_run(self, folder, stage):
        written = yaml.safe_load((folder / "params.yaml").read_text())
        locked = self.locked(folder, stage).get("params", {}).get("params.yaml", {})
        if stage == "settings":
            assert locked == written
            return
        assert set(locked) == set(STAGES[stage].get("params", []))
        for name, value in locked.items():
            section, _, key = name.partition(".")
            assert (written[section][key] if key else written[section]) == value, name

    def test_dependencies_and_outputs_are_those_of_dvc_yaml(self, folder, stage):
        locked, written = self.locked(folder, stage), self.written(folder, stage)
        assert {entry["path"] for entry in locked["deps"]} == set(paths(written["deps"]))
        assert {entry["path"] for entry in locked.get("outs", [])} == set(outputs(written))


def test_the_pipeline_for_anyones_phone_is_this_one_with_other_settings():
    from tools import anyone

    made = anyone.below(yaml.safe_load((ROOT / "dvc.yaml").read_text()))
    assert yaml.safe_load((ROOT / anyone.BELOW).read_text()) == made, "run `make pipelines`"
    for stage in made["stages"].values():
        for path in stage["deps"]:
            assert not path.startswith("../") or (ROOT / "anyone" / path).is_file()
    Params.read(ROOT / "anyone/params.yaml")
