"""The tables and comparisons that are made from stored trials, and the rivals' features."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from imports import ROOT

from experiments import __main__ as experiments_main
from experiments import compare, configurations, crossval, errors, rivals, table
from har.errors import HarError
from har.evaluation import trials
from har.evaluation.trials import Trial
from har.signals.recordings import UCI_HAR_ACTIVITIES


def person(correct, wrong):
    made = np.eye(6, dtype=int) * correct
    made[3, 3], made[3, 4] = 20 - wrong, wrong
    return made.tolist()


def stored(folder, name, wrong, parameters=100, seeds=(0,), test=True):
    """A cross-validation in two folds of five people each, and the test subjects."""
    for seed in seeds:
        parts = {"fold0of2": range(5), "fold1of2": range(5, 10)}
        parts |= {"test": range(20, 24)} if test else {}
        for part, people in parts.items():
            trial = Trial(
                name=name,
                part=part,
                seed=seed,
                settings={},
                dataset_digest="abc",
                activities=list(UCI_HAR_ACTIVITIES),
                parameters=parameters,
                train_seconds=10.0 if part == "test" else 8.0,
                predict_ms=0.5,
                model_bytes=1000,
                confusion={n: person(10, wrong + n % 2) for n in people},
            )
            trials.save(folder, trial)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments/trials"


def test_the_tables_hold_what_is_stored(folder, tmp_path):
    stored(folder, "default", 1, seeds=(0, 1))
    stored(folder, "fast", 2)
    stored(folder, "lstm_standard", 6, test=False)
    stored(folder, "no_rotation", 4, test=False)
    stored(folder, "two_folds_default", 4, test=False)
    stored(folder, "two_folds_first_default", 4, test=False)
    stored(folder, "minirocket", 5, parameters=None)
    stored(folder, "my_own", 5)
    stored(folder, "default", 9, seeds=(7,), test=False)
    (folder / "default" / "fold1of2-seed7.json").unlink()  # a seed that has only begun
    stored(folder, "half_done", 5)
    (folder / "half_done" / "fold1of2-seed0.json").unlink()
    table.main()
    experiments = pd.read_csv(tmp_path / "reports/experiments.csv").set_index("name")
    assert list(experiments.index) == [
        "lstm_standard",
        "default",
        "fast",
        "my_own",
    ]
    assert experiments.loc["default", "test_seeds"] == 2
    assert experiments.loc["default", "train_seconds"] == 10
    assert experiments.loc["lstm_standard", "train_seconds"] == 8
    assert np.isnan(experiments.loc["lstm_standard", "test_accuracy"])
    assert experiments.loc["default", "test_accuracy"] == pytest.approx(
        (8 * 70 - 12) / (8 * 70), abs=1e-5
    )
    assert experiments.loc["default", "worst_subject_accuracy"] == pytest.approx(68 / 70, abs=1e-5)
    rivals_table = pd.read_csv(tmp_path / "reports/rivals.csv").set_index("name")
    assert list(rivals_table.index) == ["default", "minirocket"]
    assert {"predict_ms", "model_bytes"} < set(rivals_table.columns)
    behind = rivals_table["cv_behind"]
    assert np.isnan(behind["default"])
    assert behind["minirocket"] == pytest.approx(4 / 70, abs=1e-5)
    ablation = pd.read_csv(tmp_path / "reports/ablation.csv").set_index("name")
    assert list(ablation.against) == ["two_folds_default", "fast"]
    assert list(ablation.index) == ["two_folds_first_default", "no_rotation"]
    assert ablation.loc["two_folds_first_default", "difference"] == 0
    row = ablation.loc["no_rotation"]
    assert row.difference_low <= row.difference <= row.difference_high < 0
    assert (row.people_better, row.people_worse) == (0, 10)
    assert "half_done" not in (tmp_path / "reports/experiments.csv").read_text()


@pytest.mark.usefixtures("folder")
def test_tables_without_trials_say_what_makes_them():
    with pytest.raises(HarError, match=r"holds no finished cross-validation: run `make experim"):
        table.main()


def test_a_comparison_in_words(folder, monkeypatch, capsys):
    stored(folder, "first", 1)
    stored(folder, "second", 3)
    monkeypatch.setattr("sys.argv", ["compare", "first", "second"])
    compare.main()
    told = capsys.readouterr().out
    assert "first 97.86%, second 95.00%: +2.86 points, 95 % interval +2.86 to +2.86" in told
    assert "10 people; better for 10, worse for 0" in told
    assert told.endswith("more than chance\n") and "not more" not in told
    monkeypatch.setattr("sys.argv", ["compare", "first", "first", "--part", "test"])
    compare.main()
    assert "not more than chance" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["compare", "first", "third"])
    with pytest.raises(
        HarError, match=r"third has no finished cv trials; there are trials of first, sec"
    ):
        compare.main()


@pytest.fixture
def small_project(folder, tmp_path, monkeypatch):
    """Two configurations of a simulated data set, the second of which fails."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings["dataset"]["names"] = ["simulated"]
    settings["simulated"]["seconds"] = 4
    settings["model"] |= {"hidden_size": 4, "filters": 4}
    settings["train"] |= {"epochs": 1, "device": "cpu"}
    settings["workers"]["jobs"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    named = {
        "broken": {"settings": {"model.pooling": [16, 16]}},
        "tiny": {"settings": {"windowing.channels": ["gyro"], "crossval.folds": 2}},
    }
    (tmp_path / "named.yaml").write_text(yaml.safe_dump({"own": named}))
    monkeypatch.setattr(configurations, "FILE", tmp_path / "named.yaml")
    monkeypatch.setattr(crossval, "record", lambda *_: None)  # MLflow has tests of its own
    return folder


def test_a_configuration_that_fails_is_run_again_and_a_finished_one_is_not(
    small_project, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.argv", ["experiments", "--test-seeds", "1"])
    with pytest.raises(HarError, match="^broken did not finish"):
        experiments_main.main()
    told = capsys.readouterr()
    assert "broken: model.pooling=[16, 16] needs windows of 256 samples" in told.err
    assert "tiny: 3 trainings, 0 of them stored" in told.out
    stored_files = {path.name: path.stat().st_mtime_ns for path in small_project.glob("tiny/*")}
    assert set(stored_files) == {"fold0of2-seed0.json", "fold1of2-seed0.json", "test-seed0.json"}
    trial = trials.load(small_project / "tiny" / "test-seed0.json")
    assert trial.settings["windowing.channels"] == ["gyro"]
    assert list(pd.read_csv(tmp_path / "reports/experiments.csv").name) == ["tiny"]

    named = tmp_path / "named.yaml"
    named.write_text(named.read_text().replace("- 16", "- 2"))
    (small_project / "tiny" / "test-seed0.json").unlink()  # as if it had been interrupted there
    experiments_main.main()
    told = capsys.readouterr()
    assert "broken: 6 trainings, 0 of them stored" in told.out
    assert "tiny: 3 trainings, 2 of them stored" in told.out
    for name in ("fold0of2-seed0.json", "fold1of2-seed0.json"):
        assert (small_project / "tiny" / name).stat().st_mtime_ns == stored_files[name]


def test_other_settings_under_the_name_of_stored_trials_are_refused(small_project):
    stored(small_project, "tiny", 1)
    params = experiments_main.with_settings({"crossval.name": "tiny", "crossval.folds": 2})
    with pytest.raises(HarError, match="holds trainings with another .*model.hidden_size"):
        crossval.main(params)


def test_configurations_of_another_device_are_not_compared(folder, tmp_path, capsys):
    stored(folder, "fast", 1)
    stored(folder, "no_rotation", 2, test=False)
    stored(folder, "no_shift", 3, test=False)
    for path in folder.glob("no_shift/*"):
        path.write_text(path.read_text().replace('"device":"cpu"', '"device":"cuda"'))
    table.main()
    assert list(pd.read_csv(tmp_path / "reports/ablation.csv").name) == ["no_rotation"]
    assert "not compared, since trained on another device: no_shift" in capsys.readouterr().out


def test_the_readme_networks_differ_in_what_their_names_say():
    read = configurations.read()
    large, small = read["lstm_large"].settings, read["lstm_baseline"].settings
    differing = {key for key in large if large[key] != small[key]}
    assert differing == {"model.hidden_size", "model.num_layers"}
    assert {read[name].claimed for name in ("lstm_baseline", "lstm_standard", "lstm_large")} == {
        0.942,
        0.971,
        0.968,
    }


def test_statistics_of_windows_are_finite_and_know_the_channels():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(5, 128, 9))
    signals[1] = 0.0  # a sensor that is still
    signals[2, :, 4] = np.sin(2 * np.pi * 5 * np.arange(128) / 50)
    features = rivals.statistics(signals)
    assert features.shape == (5, 11 * 9 + 36)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features[:, :9], signals.mean(axis=1))
    strongest = features[2, 9 * 9 + 4]
    assert strongest == pytest.approx(5, abs=0.4)


def test_errors_by_person_and_pair():
    rows = [
        (1, 0, "SITTING", "STANDING"),
        (1, 0, "SITTING", "STANDING"),
        (1, 0, "SITTING", "SITTING"),
        (1, 0, "SITTING", "STANDING"),
        (1, 1, "SITTING", "STANDING"),
        (1, 2, "WALKING", "WALKING"),
        (2, 3, "WALKING", "LAYING"),
    ]
    predictions = pd.DataFrame(rows, columns=["subject", "bout", "actual", "predicted"])
    for activity in UCI_HAR_ACTIVITIES:
        predictions[activity] = np.where(predictions["predicted"] == activity, 0.8, 0.04)
    at_home = np.array([UCI_HAR_ACTIVITIES[each] for each in (3, 4, 3, 3, 3, 0)] + [""])
    table = errors.confusions(predictions, at_home)
    assert table["subject"].tolist() == [1, 2]
    first = table.iloc[0]
    assert (first.windows, first.of, first.bouts, first.longest) == (4, 5, 2, 2)
    assert first.probability == pytest.approx(0.8)
    assert table["clear"].tolist() == [0.75, 0.0]
    none = errors.confusions(predictions.assign(predicted=predictions["actual"]), at_home)
    assert len(none) == 0
    assert list(none.columns) == list(table.columns)


def test_what_a_persons_own_windows_say_comes_from_another_bout(windows):
    """Of a person whose two bouts of sitting are alike, and whose one of standing is like them."""
    own = windows.select(windows.subject == 1)
    kinds = [own.select(own.label == label).select(np.arange(2)) for label in (3, 3, 0)]
    signals = np.concatenate([kinds[0].signals, kinds[1].signals + 1e-3, kinds[0].signals + 1e-2])
    made = replace(
        own.select(np.arange(6)),
        signals=signals,
        label=np.array([3, 3, 3, 3, 4, 4]),
        bout=np.array([0, 0, 1, 1, 2, 2]),
    )
    assert errors.alike_at_home(made).tolist() == ["SITTING"] * 6
    alone = made.select(made.bout == 2)
    assert errors.alike_at_home(alone).tolist() == ["", ""]


def test_errors_of_people_held_out_are_means_over_the_seeds(folder):
    stored(folder, "default", 0, seeds=(0,))  # one sitting window wrong of every odd person
    stored(folder, "default", 2, seeds=(1,))
    chosen = trials.of_part(trials.load_all(folder)["default"], "cv")
    table = errors.confusions_held_out(chosen)
    assert table["subject"].tolist() == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]
    assert table["windows"].tolist() == [2.0] * 5 + [1.0] * 5
    assert set(zip(table["actual"], table["predicted"], table["of"], strict=True)) == {
        ("SITTING", "STANDING", 20)
    }
    assert len(errors.confusions_held_out([])) == 0
