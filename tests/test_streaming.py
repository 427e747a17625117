"""Scores of live recognition over whole recordings."""

import numpy as np
import pytest
from made_bundle import simple_bundle

from experiments import streaming
from har.model.bundle import Bundle, Outputs
from har.recognition.recognizer import Recognizer
from har.signals.recordings import RawRecording


@pytest.fixture
def session():
    """A minute: standing, nothing, walking, lying."""
    rng = np.random.default_rng(0)
    activity = np.repeat([4, -1, 0, 5], [1000, 250, 1000, 750])
    up = np.where(activity[:, None] == 5, [0.0, 1, 0], [1.0, 0, 0])
    strength = np.where(activity == 0, 0.3, 0.01)[:, None]
    return RawRecording(
        2,
        np.arange(3000) / 50,
        up + strength * rng.normal(size=(3000, 3)),
        strength * rng.normal(size=(3000, 3)),
        activity,
    )


def test_scores_of_a_recogniser_that_always_says_the_same(session, monkeypatch):
    only_walking = np.eye(6)[0] * 0.94 + 0.01

    def always_the_same(_, signals):
        nothing = np.zeros(len(signals), int)
        probabilities = np.tile(only_walking, (len(signals), 1))
        return Outputs(probabilities, nothing, probabilities, nothing, nothing)

    monkeypatch.setattr(Bundle, "predict", always_the_same)
    found = streaming.table([(simple_bundle(), [session])])
    assert found["hop_seconds"].tolist() == [1.28, 1.28, 0.5, 0.5]
    assert found["smoothing"].tolist() == [False, True, False, True]
    for row in found.itertuples():
        # 20 s of 55 are walking; before the first prediction, at 2.54 s, nothing is shown.
        assert row.accuracy == pytest.approx(20 / (55 - 3))
        assert row.worst_person == row.accuracy
        assert row.known == 1
        assert row.changes == 2
        assert row.changes_missed == 1  # lying is never shown, walking was shown before it began
        assert row.false_changes_per_minute == 0


def test_what_is_unlike_is_counted_by_kind_of_recording(session):
    rows = streaming.unlike(Recognizer(simple_bundle(limit=1e-3), smoothing=False), [session])
    assert {row["source"] for row in rows} == {"measured", "made up"}
    assert all(row["unlike"] == 1 and row["not_known"] == 1 for row in rows)
    assert all(row["predictions"] > 0 for row in rows)
    rows = streaming.unlike(Recognizer(simple_bundle(), smoothing=False, threshold=0), [session])
    assert all(row["unlike"] == 0 and row["not_known"] == 0 for row in rows)
