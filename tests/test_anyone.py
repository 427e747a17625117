"""The experiment on data sets never seen, on made-up windows."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_bundle import MEASURED, made_windows

from experiments import anyone, anyone_trials, anyone_within
from har.errors import HarError
from har.evaluation.transfer import AS_RECORDED
from har.signals.recordings import ACTIVITIES


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Small windows of four data sets, and settings with which training takes no time."""
    windows, scaling = made_windows(MEASURED, 64)
    windows = replace(windows, signals=scaling.undo(windows.signals))
    # Four times the same: the index of a copy is that of its data set.
    copy = np.repeat(np.arange(len(anyone.TARGETS)), len(windows))
    windows = windows.select(np.tile(np.arange(len(windows)), len(anyone.TARGETS)))
    dataset = np.array(anyone.TARGETS)[copy]
    whole = replace(
        windows,
        dataset=dataset,
        subject=windows.subject + 100 * copy,
        bout=windows.bout + 1000 * copy,
        split=np.where((windows.subject == 0) & (dataset == "hapt"), "test", windows.split),
        activities=np.array(ACTIVITIES),
    )
    monkeypatch.setattr(anyone, "all_windows", lambda: whole)
    settings = anyone.SETTINGS.read_text()
    for before, after in {
        "size: 128": "size: 64",
        "epochs: 15": "epochs: 1",
        "drawn: 20000": "drawn: 64",
        "filters: 64": "filters: 4",
        "hidden_size: 64": "hidden_size: 4",
    }.items():
        assert before in settings
        settings = settings.replace(before, after)
    for name, path in {
        "SETTINGS": "params.yaml",
        "CHOICE": "choice.csv",
        "TABLE": "anyone.csv",
        "ROBUSTNESS": "robustness.csv",
    }.items():
        monkeypatch.setattr(anyone, name, tmp_path / path)
    monkeypatch.setattr(anyone_trials, "TRIALS", tmp_path / "transfer")
    anyone.SETTINGS.write_text(settings)
    monkeypatch.setattr(anyone, "LEARNT_FROM", {"random_forest": 50})
    monkeypatch.setattr(anyone, "EVERY", 20)
    return whole


def main(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["anyone", *arguments, "--jobs", "1"])
    anyone.main()


def test_each_data_set_is_left_out_once_and_what_is_stored_is_kept(made, monkeypatch, capsys):
    main(monkeypatch, "score", "chosen", "random_forest", "--seeds", "1")
    table = pd.read_csv(anyone.TABLE)
    assert set(table.method) == {"chosen", "random_forest"}
    assert set(table.target) == set(anyone.TARGETS)
    hapt = table[(table.target == "hapt") & (table.method == "chosen")].iloc[0]
    assert hapt.windows == (made.dataset == "hapt").sum()  # its test people too
    assert (table.merged >= table.restricted).all()
    assert (table.restricted >= table.open).all()
    robustness = pd.read_csv(anyone.ROBUSTNESS)
    assert {"turned by any angle", "20 Hz", "facing the worst of 11 directions"} <= set(
        robustness.condition
    )
    assert "calibration" in capsys.readouterr().out
    monkeypatch.setattr(anyone, "run", None)  # nothing is left to run
    main(monkeypatch, "score", "chosen", "random_forest", "--seeds", "1")
    assert "8 trainings, 8 of them stored" in capsys.readouterr().out


def test_a_choice_never_looks_at_its_target_nor_at_official_test_people(made, monkeypatch):
    main(monkeypatch, "choose", "short")
    trials = anyone_trials.load_all()
    assert len(trials) == 6
    for trial in trials:
        assert not set(trial.sources) & set(trial.scores)
    of_hapt = next(trial for trial in trials if "hapt" in trial.scores)
    seen = {group.subject for group in of_hapt.scores["hapt"][AS_RECORDED]}
    testing = set(made.subject[(made.dataset == "hapt") & (made.split == "test")].tolist())
    assert testing
    assert not seen & testing
    before = pd.read_csv(anyone.CHOICE).iloc[0]
    # Another outcome on a data set changes the choice for the others, not the one for itself.
    for trial in trials:
        if "usc_had" in trial.scores:
            content = json.loads(trial.path.read_text())
            content["scores"]["usc_had"] = content["scores"]["usc_had"] | {
                AS_RECORDED: [
                    group | {"merged": (5 * np.eye(5, k=1, dtype=int)).tolist()}
                    for group in content["scores"]["usc_had"][AS_RECORDED]
                ]
            }
            trial.path.write_text(json.dumps(content))
    main(monkeypatch, "tables")
    after = pd.read_csv(anyone.CHOICE).iloc[0]
    assert after.usc_had == before.usc_had
    assert after.hapt != before.hapt


@pytest.mark.usefixtures("made")
def test_a_trial_of_other_settings_or_damaged_is_refused(monkeypatch):
    main(monkeypatch, "score", "chosen", "--seeds", "1")
    path = next(anyone_trials.TRIALS.glob("chosen/*.json"))
    whole = path.read_text()
    path.write_text(whole[:-100])
    with pytest.raises(HarError, match="is damaged: delete it"):
        main(monkeypatch, "score", "chosen", "--seeds", "1")
    path.write_text(whole)
    settings = anyone.SETTINGS.read_text()
    anyone.SETTINGS.write_text(settings.replace("dropout: 0.3", "dropout: 0.4"))
    with pytest.raises(HarError, match="is of other settings: delete"):
        main(monkeypatch, "score", "chosen", "--seeds", "1")


def test_an_unknown_candidate_is_named():
    with pytest.raises(HarError, match="has no unheard_of; it has chosen"):
        anyone.settings_of("unheard_of")


def test_within_a_data_set_each_group_of_people_is_left_out_once(made, tmp_path, monkeypatch):
    monkeypatch.setattr(anyone_within, "all_windows", lambda: made)
    monkeypatch.setattr(anyone_within, "GROUPS", 2)
    monkeypatch.setattr(anyone_within, "TRIALS", tmp_path / "within")
    monkeypatch.setattr(anyone_within, "TABLE", tmp_path / "within.csv")
    monkeypatch.setattr("sys.argv", ["within", "hapt", "usc_had", "--jobs", "1"])
    anyone_within.main()
    table = pd.read_csv(tmp_path / "within.csv")
    assert table.dataset.tolist() == ["usc_had", "hapt"]
    assert (table.trainings == 2).all() and (table.of == 2).all()
    for row in table.itertuples():
        of_this = made.select(made.dataset == row.dataset)
        assert (row.windows, row.people) == (len(of_this), len(set(of_this.subject)))
        assert row.low <= row.accuracy <= row.high
        assert row.worst_person <= row.accuracy <= row.merged
    first, second = sorted((tmp_path / "within" / "hapt").iterdir())
    people = [
        {group.subject for group in anyone_within.Within.model_validate_json(one).groups}
        for one in (first.read_bytes(), second.read_bytes())
    ]
    assert not people[0] & people[1]

    with monkeypatch.context() as patched:  # what is stored is kept
        patched.setattr(anyone_within, "train_network", None)
        anyone_within.main()
    first.write_text(first.read_text().replace('"train.epochs":5', '"train.epochs":6'))
    with pytest.raises(HarError, match="is of other settings"):
        anyone_within.main()
