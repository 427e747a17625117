"""The protocol by which profiles are measured (`experiments.teach`)."""

import numpy as np
import pandas as pd
import pytest

from experiments import teach, teach_own
from experiments.teach import Answers, Asked
from har.model.bundle import Smoothing
from har.signals.recordings import ACTIVITIES


def made(dataset="hapt", bouts=(3, 2), length=40, subject=1, seed=0):
    """A network that knows nothing, and features that tell all: so many bouts of two activities."""
    rng = np.random.default_rng(seed)
    bout = np.repeat(np.arange(sum(bouts)), length)
    label = np.where(bout < bouts[0], 0, 3)
    features = rng.normal(0, 0.1, (len(label), 6))
    features[:, 0] += label
    features[:, -3:] = [1, 0, 0]
    return Answers(
        np.full((len(label), len(ACTIVITIES)), 1 / len(ACTIVITIES)),
        features,
        label,
        np.full(len(label), subject),
        np.full(len(label), "waist"),
        bout,
        np.full(len(label), dataset),
        np.array(ACTIVITIES),
    )


SMOOTHING = Smoothing(
    durations=[20.0] * len(ACTIVITIES),
    priors=[1 / len(ACTIVITIES)] * len(ACTIVITIES),
    together=[3, 4, 5],
)


def test_the_first_bout_teaches_and_others_are_scored():
    (person,) = teach.people(made())
    taught = {key: [set(each.bout) for each in lessons] for key, lessons in person.lessons.items()}
    assert taught == {0: [{0}], 3: [{3}]}
    assert set(person.scored.bout) == {1, 2, 4}
    assert len(person.scored.label) == 3 * 40


@pytest.mark.parametrize(("dataset", "bouts"), [("hapt", (1, 1)), ("dsads", (2, 1))])
def test_of_a_single_recording_the_first_half_teaches_and_what_follows_is_left_out(dataset, bouts):
    answers = made(dataset, bouts, length=100)
    (person,) = teach.people(answers)
    lessons = [each for stretches in person.lessons.values() for each in stretches]
    assert [len(each.label) for each in lessons] == [50] * sum(bouts)
    assert len(person.scored.label) == sum(bouts) * (100 - 50 - teach.APART)


def test_windows_that_teach_are_spread_over_the_stretch():
    answers = made(bouts=(1, 1), length=10)
    stretch = answers.select(answers.bout == 0)
    for windows, rows in ((1, [5]), (2, [2, 7]), (0, list(range(10))), (99, list(range(10)))):
        means, activities = teach.means_of({0: [stretch]}, windows)
        np.testing.assert_allclose(means, [stretch.features[rows].mean(axis=0)])
        assert activities.tolist() == [0]


def test_scores_are_by_person_and_say_who_is_worse_off():
    people = [made(subject=number, seed=number) for number in (1, 2)]
    rows = pd.DataFrame(
        [row for each in people for row in teach.scores("hapt", Asked("a", each, SMOOTHING))]
    )
    table = teach.summary(rows).set_index("shown")
    assert table.loc["1 window", "accuracy"] == 1
    assert table.loc["nothing", "accuracy"] < 0.7
    assert (table.people == 2).all()
    assert (table.accuracy_worse == 0).all()
    rows.loc[(rows.shown == "one bout") & (rows.subject == 2), "accuracy"] = 0.1
    assert teach.summary(rows).set_index("shown").loc["one bout", "accuracy_worse"] == 0.5
    assert {"5 windows; phone turned since", "5 windows of sitting alone"} <= set(table.index)


def test_the_stream_teaches_itself_only_what_it_is_sure_of():
    answers = made(bouts=(2, 2))
    unsure = teach.adapted(answers, SMOOTHING)
    np.testing.assert_allclose(unsure, teach.over_time(answers.probabilities, SMOOTHING))
    table = teach.adapted_table(
        pd.DataFrame(teach.adapted_rows("hapt", Asked("a", answers, SMOOTHING)))
    )
    assert table.worst_change.tolist() == [0] and table.worse.tolist() == [0]


def test_an_activity_of_ones_own_is_found_in_other_recordings_and_what_it_takes_is_counted():
    known = made(bouts=(2, 2))
    own = made(bouts=(4, 0), seed=1)
    own.features[:, 1] = 3  # unlike all others
    own.features[own.bout == 3, 1] = 0  # but for one recording, which looks like walking
    own = own.select(np.full(len(own.label), True))
    rows = teach_own.scores(known, own, "hopping")
    assert [row["beside"] for row in rows] == ["nothing", "what it is taken for", "all others"]
    for row in rows:
        assert row["taken"] == 0
        assert row["recognised"] == pytest.approx(2 / 3)
    assert all(row["after"] == 1 for row in rows if row["beside"] == "all others")

    everywhere = made(bouts=(4, 0), seed=2)  # it is like walking: half of the others' windows
    for row in teach_own.scores(known, everywhere, "strolling"):
        if row["beside"] == "nothing":
            assert row["taken"] == pytest.approx(0.5)
    summary = teach_own.summary(pd.DataFrame(rows + [row | {"subject": 2} for row in rows]))
    assert set(summary.people) == {2} and summary.recognised.tolist() == [pytest.approx(2 / 3)] * 3


def test_the_summary_of_ones_own_names_the_worst_person():
    row = {"activity": "hopping", "beside": "nothing"}
    shares = {"recognised": [1.0, 0.5], "taken": [0.0, 0.2], "before": [1, 1], "after": [1, 0.8]}
    people = pd.DataFrame([row | {k: v[i] for k, v in shares.items()} for i in range(2)])
    (found,) = teach_own.summary(people).to_dict("records")
    assert (found["recognised"], found["recognised_worst_person"]) == (0.75, 0.5)
    assert (found["taken_worst_person"], found["after"]) == (0.2, pytest.approx(0.9))
    assert found["recognised_low"] <= 0.75 <= found["recognised_high"]
