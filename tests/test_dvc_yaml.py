"""`dvc.yaml`, `dvc.lock` and `params.yaml` against the code."""

import ast

import pytest
import yaml
from imports import ROOT, dvc_hash, is_code, local_imports, not_covered, not_needed

from har.model import bundle
from har.params import Params, Recurrent

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]


def paths(entries):
    """Names of `deps`, `outs` or `params`, with or without options."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def leaf_settings(entries):
    """Settings of `params`, where a whole section may be named."""
    every = Params().flat()
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
    names = ["download", "windowing", "normalization", "train", "package", "evaluate", "plots"]
    assert list(STAGES) == names
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
    source = (ROOT / f"stages/{stage}.py").read_text()
    from stages import common

    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named = {
        getattr(common, name).as_posix()
        for name in ("OWN", "RAW", "WINDOWS", "NORMALIZED", "WEIGHTS", "HISTORY", "METRICS")
        + ("PREDICTIONS", "PER_CLASS", "PER_SUBJECT")
        if name in used
    }
    if "BUNDLE" in used:
        named.add(f"{common.BUNDLE}/{bundle.DESCRIPTION}")
    if "bundle.save(" in source or "bundle.load(" in source:
        named.add(f"{common.BUNDLE}/{bundle.MODEL}")
    if "read_metrics" in used:
        named.add(common.METRICS.as_posix())
    if stage == "plots":
        named |= {f"{common.FIGURES}/{name}.png" for name in common.FIGURE_NAMES}
    data = [path for path in paths(STAGES[stage]["deps"]) if not is_code(path)]
    assert sorted(data + paths(STAGES[stage]["outs"])) == sorted(named)


def test_dependencies_are_code_or_what_stages_make_or_a_persons_own():
    from stages import common

    made = {common.OWN.as_posix()} | {
        path for stage in STAGES.values() for path in paths(stage["outs"])
    }
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


def test_plots_have_titles_and_axis_labels():
    for entry in PIPELINE["plots"]:
        if isinstance(entry, dict):
            (options,) = entry.values()
            assert {"title", "x_label", "y_label", "template"} <= set(options)


@pytest.mark.skipif(not (ROOT / "dvc.lock").exists(), reason="the pipeline has not run yet")
class TestLock:
    """What is committed belongs together: run `dvc repro` and commit if one of these fails."""

    LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text()) if (ROOT / "dvc.lock").exists() else None

    @pytest.mark.parametrize("stage", STAGES)
    def test_code_and_small_files_are_those_of_the_last_run(self, stage):
        locked = self.LOCK["stages"][stage]
        for entry in locked["deps"] + locked["outs"]:
            path = ROOT / entry["path"]
            if is_code(entry["path"]) or path.parts[-2] in ("reports", "figures"):
                assert dvc_hash(path) == entry["md5"], entry["path"]

    @pytest.mark.parametrize("stage", STAGES)
    def test_settings_are_those_of_the_last_run(self, stage):
        written = yaml.safe_load((ROOT / "params.yaml").read_text())
        locked = self.LOCK["stages"][stage].get("params", {}).get("params.yaml", {})
        assert set(locked) == set(STAGES[stage].get("params", []))
        for name, value in locked.items():
            section, _, key = name.partition(".")
            assert (written[section][key] if key else written[section]) == value, name

    @pytest.mark.parametrize("stage", STAGES)
    def test_dependencies_and_outputs_are_those_of_dvc_yaml(self, stage):
        for kind in ("deps", "outs"):
            locked = {entry["path"] for entry in self.LOCK["stages"][stage][kind]}
            assert locked == set(paths(STAGES[stage][kind]))
