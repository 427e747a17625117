"""Scores on data sets never seen, and windows measured otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from made_bundle import made_windows
from scipy.spatial.transform import Rotation

from har.evaluation import changes, transfer
from har.signals.recordings import ACTIVITIES, STILL

WALK, UP, SIT, STAND, LIE, RUN = (
    ACTIVITIES.index(name)
    for name in ("WALKING", "WALKING_UPSTAIRS", "SITTING", "STANDING", "LAYING", "RUNNING")
)


def windows_of(labels, subjects, placements):
    made, _ = made_windows()
    windows = made.select(np.arange(len(labels)))
    return replace(
        windows,
        label=np.array(labels),
        subject=np.array(subjects),
        placement=np.array(placements),
        activities=np.array(ACTIVITIES),
    )


def sure_of(*answers):
    """Probabilities 0.9 for an answer, the rest shared; or as a mapping says."""
    rows = []
    for answer in answers:
        row = np.zeros(len(ACTIVITIES))
        for index, share in (answer if isinstance(answer, dict) else {answer: 0.9}).items():
            row[index] = share
        rows.append(row + (1 - row.sum()) / len(ACTIVITIES))
    return np.array(rows)


def test_a_window_counts_open_restricted_and_merged():
    windows = windows_of([WALK, SIT, STAND, UP], [1, 1, 2, 2], ["arm", "leg", "leg", "leg"])
    # Running is not among the data set's activities; a posture is confused with another.
    probabilities = sure_of(
        {RUN: 0.6, WALK: 0.3}, {LIE: 0.5, SIT: 0.3}, {SIT: 0.3, LIE: 0.3, WALK: 0.39}, UP
    )
    groups = transfer.groups_of(windows, probabilities)
    assert [(group.subject, group.placement) for group in groups] == [
        (1, "arm"),
        (1, "leg"),
        (2, "leg"),
    ]
    assert transfer.accuracy(groups, "open") == 1 / 4
    # LAYING is none of the set's, so that SITTING is likeliest where it was.
    assert transfer.accuracy(groups, "restricted") == 3 / 4
    # Sitting, standing and lying have more than walking together.
    assert transfer.accuracy(groups, "merged") == 1
    assert transfer.by_person(groups, "open") == {1: 0, 2: 1 / 2}
    merged = transfer.pooled(groups, "merged")
    assert merged[transfer.MERGED.index("STILL"), transfer.MERGED.index("STILL")] == 2
    assert merged.sum() == 4


def test_the_interval_is_over_people():
    labels, subjects = [WALK] * 40, np.repeat([1, 2, 3, 4], 10)
    windows = windows_of(labels, subjects, ["arm"] * 40)
    alike = transfer.groups_of(windows, sure_of(*[WALK, UP] * 20))
    assert transfer.interval(alike, "open") == (0.5, 0.5)
    apart = transfer.groups_of(windows, sure_of(*[WALK] * 20, *[UP] * 20))
    low, high = transfer.interval(apart, "open")
    assert low == 0
    assert high == 1


def test_losses_are_least_at_the_temperature_that_tells_the_truth():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(90, 7)) * 3
    tempered = np.exp(logits - logits.max(axis=1, keepdims=True))
    given = tempered / tempered.sum(axis=1, keepdims=True)
    flat = given ** (1 / 4)
    flat /= flat.sum(axis=1, keepdims=True)
    counts = np.zeros(len(transfer.TEMPERATURES)), np.zeros(len(transfer.TEMPERATURES))
    for _ in range(60):
        labels = [rng.choice(7, p=row) for row in flat]
        found = transfer.losses(windows_of(labels, [1] * 90, ["arm"] * 90), given)
        for total, way in zip(counts, ("merged", "postures"), strict=True):
            total += found[way]
    for total in counts:
        assert transfer.TEMPERATURES[total.argmin()] == pytest.approx(4, rel=0.3)


@pytest.fixture
def signals():
    """Slow movement about a gravity of each direction: (20, 128, 9)."""
    rng = np.random.default_rng(1)
    times = np.arange(128) / 50
    phase = rng.uniform(0, 6, (20, 1, 9))
    moving = 0.2 * np.sin(2 * np.pi * 1.5 * times[None, :, None] + phase)
    up = rng.normal(size=(20, 1, 3))
    moving[..., 6:] += up / np.linalg.norm(up, axis=2, keepdims=True)
    return moving.astype(np.float32)


def lengths(signals):
    return np.linalg.norm(signals.reshape(*signals.shape[:2], 3, 3), axis=3)


def test_turning_keeps_lengths_and_turns_all_vectors_alike(signals):
    rotations = Rotation.random(20, random_state=0).as_matrix()
    turned = changes.turned(rotations)(signals)
    np.testing.assert_allclose(lengths(turned), lengths(signals), atol=1e-5)
    np.testing.assert_allclose(turned[3, 5, 3:6], rotations[3] @ signals[3, 5, 3:6], atol=1e-5)
    np.testing.assert_allclose(turned[3, 5, 6:], rotations[3] @ signals[3, 5, 6:], atol=1e-5)


def test_facing_another_way_keeps_the_vertical(signals):
    turned = changes.facing(90)(signals)
    np.testing.assert_allclose(
        turned[..., 6:].mean(axis=1), signals[..., 6:].mean(axis=1), atol=1e-5
    )
    assert np.abs(turned - signals).max() > 0.1
    again = changes.facing(270)(turned)
    np.testing.assert_allclose(again, signals, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "within"),
    [
        (changes.at_rate(100), 0.005),
        (changes.at_rate(25), 0.02),
        (changes.at_rate(20), 0.03),
        (changes.with_gap(), 0.2),
        (changes.in_bursts(), 0.2),
        (changes.noisy(0), 0.4),
    ],
)
def test_measured_otherwise_a_slow_movement_stays_what_it_is(signals, change, within):
    changed = change(signals)
    assert changed.shape == signals.shape
    assert changed.dtype == np.float32
    apart = np.abs(changed - signals)[:, 4:-4]
    assert 0 < apart.max() < within


def test_many_windows_are_changed_as_one_by_one(signals, monkeypatch):
    whole = changes.at_rate(25)(signals)
    monkeypatch.setattr(changes, "TOGETHER", 3)
    assert np.array_equal(changes.at_rate(25)(signals), whole)


def test_postures_stand_last_as_one():
    assert transfer.MERGED[-1] == "STILL"
    assert not set(STILL) & set(transfer.MERGED)
