"""The protocol on made-up people, and its scripts."""

import json

import numpy as np
import pytest
import torch
import yaml
from imports import ROOT

from experiments import history_held_out
from har.errors import HarError
from har.evaluation.crossval import HeldOut, deciding_settings, planned, run_trial, run_trials
from har.evaluation.trials import accuracy
from har.params import Params, Recurrent
from har.signals.scaling import Scaling


def params(model=None, train=None, workers=None, **protocol):
    return Params.model_validate(
        {
            "dataset": {"names": ["simulated"]},
            "split": {"val_subjects": 0},
            "model": {"hidden_size": 4, "filters": 4} | (model or {}),
            "train": {"epochs": 2, "keep": "last", "device": "cpu"} | (train or {}),
            "crossval": {"folds": 2} | protocol,
            "workers": {"jobs": 2} | (workers or {}),
        }
    )


def test_each_training_subject_is_held_out_once_and_no_test_subject_ever(windows):
    plan = planned(windows, params(folds=4, seeds=2))
    for seed in (0, 1):
        held_out = np.concatenate([out for (_, each), out in plan.items() if each == seed])
        assert sorted(held_out) == [1, 2, 3, 4]
    assert {part for part, _ in plan} == {f"fold{n}of4" for n in range(4)}


def test_trainings_side_by_side_take_a_thread_each(windows):
    """Whatever the pipeline trains with: stored trials stay what they are."""
    several = params(train={"epochs": 1, "threads": 2})
    assert deciding_settings(several)["train.threads"] == 1
    run_trial(windows, several, "fold0of4", 0, np.array([2]))
    assert torch.get_num_threads() == 1


def test_the_final_fit_is_asked_for_and_holds_out_the_test_subjects(windows):
    plan = planned(windows, params(seeds=0, test_seeds=2))
    assert list(plan) == [("test", 0), ("test", 1)]
    assert plan["test", 0].tolist() == [5, 6]
    with pytest.raises(HarError, match="nothing to train"):
        planned(windows, params(seeds=0, test_seeds=0))


def test_a_trial_learns_from_training_people_alone(windows, monkeypatch):
    from har.evaluation import crossval

    seen = []

    def fit(train, *arguments, val=None, **options):
        seen.append((train, val))
        return real(train, *arguments, val=val, **options)

    real = crossval.fit
    monkeypatch.setattr(crossval, "fit", fit)
    unscaled = Scaling(np.zeros(6, np.float32), np.ones(6, np.float32))
    monkeypatch.setattr(crossval, "fit_scaling", lambda *_: unscaled)
    trial = run_trial(windows, params(train={"epochs": 1}), "fold0of4", 0, np.array([2]))
    ((train, val),) = seen
    assert np.array_equal(train.signals, windows.signals[np.isin(windows.subject, [1, 3, 4])])
    assert val is None
    assert list(trial.confusion) == [2]
    assert np.array(trial.confusion[2]).sum() == (windows.subject == 2).sum()


def test_scaling_does_not_see_the_people_held_out(windows, monkeypatch):
    from har.evaluation import crossval

    seen = []
    fit_scaling = crossval.fit_scaling
    monkeypatch.setattr(
        crossval,
        "fit_scaling",
        lambda signals, method: (seen.append(signals), fit_scaling(signals, method))[1],
    )
    run_trial(windows, params(train={"epochs": 1}), "fold0of4", 0, np.array([2, 3]))
    known = np.isin(windows.subject, [1, 4])
    assert np.array_equal(seen[0], windows.signals[known])


def test_it_learns(windows):
    settings = params(
        train={"epochs": 8, "learning_rate": 0.02}, model={"hidden_size": 16, "filters": 16}
    )
    trial = run_trial(windows, settings, "test", 0, np.array([5, 6]))
    assert accuracy([trial]) > 0.9
    assert trial.parameters > 0 and trial.train_seconds > 0 and trial.model_bytes > 0


def test_settings_that_decide_are_those_of_the_network_trained():
    conv = deciding_settings(params())
    assert "model.filters" in conv and "model.head_size" not in conv
    plain = deciding_settings(params(model={"name": "recurrent"}))
    assert "model.head_size" in plain and "model.filters" not in plain
    for left_out in ("train.seed", "workers.jobs", "crossval.name", "train.device"):
        assert left_out not in conv
    assert conv["train.epochs"] == 2


@pytest.fixture(scope="module")
def dask_cluster():
    """A Dask scheduler with two worker processes; its address."""
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


def test_a_dask_cluster_gives_what_local_processes_give(windows, dask_cluster):
    results = {}
    for backend, address in (("loky", ""), ("dask", dask_cluster)):
        settings = params(workers={"backend": backend, "address": address})
        plan = planned(windows, settings)
        results[backend] = {
            trial.part: trial.confusion for trial in run_trials(windows, settings, plan)
        }
    assert results["dask"].keys() == {"fold0of2", "fold1of2"}
    assert results["dask"] == results["loky"]


def test_calibration_puts_the_people_held_out_together(windows):
    """Two networks that are right but unsure, each of two people: a temperature below 1."""
    from experiments.calibrate import calibrated

    training = windows.of("train")
    held_out = []
    for people in ([4, 1], [2, 3]):
        chosen = training.select(np.isin(training.subject, people))
        probabilities = np.full((len(chosen), 6), 0.08)
        probabilities[np.arange(len(chosen)), chosen.label] = 0.6
        probabilities[:3] = np.roll(probabilities[:3], 1, axis=1)  # three lone errors
        held_out.append(HeldOut(None, chosen, probabilities, 0.0, 0.0))
    report = calibrated(training, held_out)
    assert report["temperature"] < 0.7
    assert report["ece"] < 0.05 < report["ece_before"]
    assert report["loss"] < report["loss_before"]
    assert report["accuracy"] == pytest.approx(1 - 6 / len(training), abs=1e-6)


def with_settings(sections, settings):
    """The parameters of these sections, with settings given by dotted name in their place."""
    for name, value in settings.items():
        section, key = name.split(".")
        sections.setdefault(section, {})[key] = value
    return Params.model_validate(sections)


def test_configurations_are_settings_that_exist():
    from experiments import configurations

    known = Params().flat() | Params(model=Recurrent()).flat()
    read = configurations.read()
    assert {"lstm_baseline", "lstm_standard", "lstm_large", "bilstm", "gru_standard"} <= set(read)
    for name, configuration in read.items():
        assert set(configuration.settings) <= set(known), name
        sections = {"split": {"val_subjects": 0}, "train": {"keep": "last"}}
        with_settings(sections, configuration.settings)


def test_what_is_committed_is_of_one_kind():
    from har.evaluation import trials

    for name, chosen in trials.load_all(ROOT / "experiments/trials").items():
        settings = {json.dumps(trial.settings, sort_keys=True) for trial in chosen}
        assert len(settings) == 1, name
        assert len({trial.dataset_digest for trial in chosen}) == 1, name
        assert len({(trial.part, trial.seed) for trial in chosen}) == len(chosen), name
        assert {trial.name for trial in chosen} == {name}


def test_what_is_committed_has_the_settings_that_its_name_stands_for():
    from experiments import configurations
    from har.evaluation import trials

    stored = trials.load_all(ROOT / "experiments/trials")
    for name, configuration in configurations.read().items():
        default = yaml.safe_load((ROOT / "params.yaml").read_text())
        params = with_settings(default, configuration.settings)
        wanted = json.loads(json.dumps(deciding_settings(params)))
        for trial in stored.get(name, []):
            assert trial.settings == wanted, name


def test_the_ablations_were_never_scored_on_the_test_subjects():
    from experiments import configurations, table

    for name, configuration in configurations.read().items():
        if configuration.group in table.AGAINST:
            assert not list((ROOT / "experiments/trials" / name).glob("test-*.json")), name


def test_curves_are_of_people_held_out_and_of_the_training_that_leaves_them_out(windows):
    table = history_held_out.curves(windows, params(), "fold0of4", np.array([2]))
    assert list(table) == [
        *("fold", "epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy"),
        "learning_rate",
    ]
    assert table.fold.tolist() == ["fold0of4"] * 2 and table.epoch.tolist() == [1, 2]
    # The last row is what a trial of the same fold and seed is scored by.
    trial = run_trial(windows, params(), "fold0of4", 0, np.array([2]))
    assert table.val_accuracy.iloc[-1] == pytest.approx(accuracy([trial]))
