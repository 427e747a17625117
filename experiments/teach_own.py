"""An activity of one's own, taught from one recording, in others (`har.recognition.profile`).

USC-HAD has three activities that the network has no name for: jumping, and standing in a lift that
goes up or down. A network that learnt from the other data sets is taught each of them by each
person, from the first of five recordings; the four others are scored, and the person's other
activities, of which it must take none. Writes reports/teach_own.csv. Uses the network of
`python -m experiments.teach score`, which trains it if it is not there:

    python -m experiments.teach_own
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.anyone import SETTINGS, all_windows
from experiments.networks import trained
from experiments.table import write
from experiments.teach import Answers, asked, interval, people, with_profile
from har.data.bouts import bouts_of, even_times
from har.data.datasets import usc_had
from har.data.windows import cut_windows
from har.errors import in_one_line
from har.model.bundle import Bundle
from har.params import Params
from har.signals.channels import groups_of
from har.signals.recordings import BASE_CHANNELS, RawRecording
from stages.common import RAW

TABLE = Path("reports/teach_own.csv")

OWN = {"jumping": 7, "in a lift, up": 11, "in a lift, down": 12}
"""Activities by the number in a file's name (`har.data.datasets.usc_had`)."""

RECORDINGS = range(1, 6)
"""Of each person and activity; the first one teaches."""


def answers_of(bundle: Bundle, person: int, number: int, params: Params) -> Answers:
    """What the network says of a person's recordings of an activity of their own.

    Args:
        bundle: The network.
        person: As in USC-HAD's files, from 1.
        number: Of the activity, likewise.
        params: Of which size the windows are.
    """
    recordings = []
    for recording in RECORDINGS:
        path = RAW / "usc_had" / f"Subject{person}/a{number}t{recording}.mat"
        values = usc_had.readings(path)
        raw = RawRecording(
            subject=usc_had.SUBJECTS[person - 1],
            times=even_times(len(values), usc_had.RATE),
            acceleration=values[:, :3],
            angular_rate=np.deg2rad(values[:, 3:]),
            activity=np.zeros(len(values), int),  # it has none of the known ones
            dataset="usc_had",
            placement="hip",
        )
        recordings += bouts_of(raw)
    size, overlap = params.windowing.size, params.windowing.overlap
    windows = cut_windows(recordings, size, overlap, groups_of(BASE_CHANNELS))
    outputs = bundle.predict(windows.signals)
    return Answers(
        outputs.probabilities,
        outputs.features,
        np.full(len(windows), len(bundle.description.activities)),
        windows.subject,
        windows.placement,
        windows.bout,
        windows.dataset,
        np.array(bundle.description.activities),
    )


def scores(known: Answers, own: Answers, activity: str) -> list[dict[str, Any]]:
    """A row a way of teaching: how much of one's own activity is named so, and what it costs.

    `recognised` is a share of the windows of one's own activity; of those of the others, `taken`
    are named so, and `before` and `after` are named rightly without it and with it. Beside it
    nothing is shown, or the activity that the network takes most of it for, or all others.

    Args:
        known: A person's windows of the network's activities.
        own: Their windows of their own activity, a bout a recording.
        activity: What it is called.
    """
    (person,) = people(known)
    new = len(known.activities)
    first = own.bout == own.bout.min()
    lesson, unseen = own.select(first), own.select(~first)
    taken_for = int(np.bincount(lesson.probabilities.argmax(axis=1)).argmax())
    like_it = {key: each for key, each in person.lessons.items() if key == taken_for}
    beside = {"nothing": {}, "what it is taken for": like_it, "all others": person.lessons}
    rows = []
    for others, lessons in beside.items():
        taught = lessons | {new: [lesson]}
        without = with_profile(person.scored, lessons, 0).argmax(axis=1)
        among = with_profile(person.scored, taught, 0).argmax(axis=1)
        named = with_profile(unseen, taught, 0).argmax(axis=1)
        rows.append(
            {
                "activity": activity,
                "beside": others,
                "subject": person.subject,
                "recognised": float((named == new).mean()),
                "taken": float((among == new).mean()),
                "before": float((without == person.scored.label).mean()),
                "after": float((among == person.scored.label).mean()),
            }
        )
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row an activity and way of teaching: means over people, with intervals and the worst."""
    found = []
    for keys, each in rows.groupby(["activity", "beside"], sort=False):
        low, high = interval(each.recognised)
        found.append(
            {
                **dict(zip(("activity", "beside"), keys, strict=True)),
                "people": len(each),
                "recognised": each.recognised.mean(),
                "recognised_low": low,
                "recognised_high": high,
                "recognised_worst_person": each.recognised.min(),
                "taken": each.taken.mean(),
                "taken_worst_person": each.taken.max(),
                "before": each.before.mean(),
                "after": each.after.mean(),
            }
        )
    return pd.DataFrame(found)


def main() -> None:
    params, windows = Params.read(SETTINGS), all_windows()
    train = windows.select((windows.dataset != "usc_had") & (windows.split == "train"))
    unseen = {"usc_had": windows.select(windows.dataset == "usc_had")}
    name = "without-usc_had"
    ((_, known),) = asked(name, params, train, unseen, False)
    bundle = trained(name, params, train)
    rows = []
    for activity, number in OWN.items():
        for person, subject in enumerate(usc_had.SUBJECTS, start=1):
            own = answers_of(bundle, person, number, params)
            theirs = known.answers.select(known.answers.subject == subject)
            rows += scores(theirs, own, activity)
    write({TABLE: summary(pd.DataFrame(rows))})
    print(TABLE)


if __name__ == "__main__":
    with in_one_line():
        main()
