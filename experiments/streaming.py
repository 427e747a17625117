"""Live recognition, measured on whole recordings of the test subjects.

HAPT's recordings of the sessions that UCI HAR was cut from go sample by sample through the
recogniser, transitions and pauses included. Writes reports/streaming.csv: per second, how often
what is shown is what is done, how long until a change is shown, and how often what is shown changes
without reason. And reports/novelty.csv: what the recogniser says of recordings unlike those that it
was trained on.

    python -m experiments.streaming

HAPT is taken from the folder that HAR_ARCHIVE_DIR names, or from its publisher.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.table import write
from har.data.datasets import hapt
from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS
from har.errors import in_one_line
from har.evaluation import streaming_metrics
from har.model import bundle
from har.params import Params
from har.recognition.recognizer import Prediction, Recognizer
from har.signals.recordings import ACTIVITIES, SAMPLING_RATE, SOME_POSTURE, RawRecording
from har.signals.sensors import STANDARD_GRAVITY, Readings
from stages.common import BUNDLE
from stages.download import sources

STREAMING, NOVELTY = Path("reports/streaming.csv"), Path("reports/novelty.csv")

HOPS = (64, 25)
"""Samples from one prediction to the next: as the windows of the training, and twice a second."""

UNLIKE_SECONDS = 300


def main() -> None:
    trained = bundle.load(BUNDLE)
    sessions = read_sessions(OFFICIAL_TEST_SUBJECTS)
    write_and_show(
        {
            STREAMING: table([(trained, sessions)]),
            NOVELTY: pd.DataFrame(unlike(Recognizer(trained, smoothing=False), sessions)),
        }
    )


def read_sessions(subjects: Sequence[int]) -> list[RawRecording]:
    """These people's whole recordings."""
    with tempfile.TemporaryDirectory() as folder:
        hapt.fetch(Path(folder), sources(Params()))
        return list(hapt.read_raw(Path(folder), subjects=subjects))


def table(people: Sequence[tuple[bundle.Bundle, list[RawRecording]]]) -> pd.DataFrame:
    """Scores by hop, with and without smoothing.

    Args:
        people: Models, each with the sessions that it is to recognise.
    """
    return pd.DataFrame(
        [
            live_scores(
                [
                    (Recognizer(trained, hop=hop, smoothing=smoothing), session)
                    for trained, sessions in people
                    for session in sessions
                ]
            )
            for hop in HOPS
            for smoothing in (False, True)
        ]
    )


def write_and_show(tables: Mapping[Path, pd.DataFrame]) -> None:
    write(tables, "%.6g")
    for path, rows in tables.items():
        print(f"{path}\n{rows.to_string(index=False)}")


def recognized(
    recognizer: Recognizer, acceleration: np.ndarray, angular_rate: np.ndarray, readings: Readings
) -> list[Prediction]:
    """Predictions for a recording at 50 Hz that begins at 0 s."""
    times = np.arange(len(acceleration)) / SAMPLING_RATE
    stream = recognizer.stream(readings)
    return recognizer.push(stream, times, acceleration, angular_rate)


def live_scores(work: Sequence[tuple[Recognizer, RawRecording]]) -> dict[str, float | bool]:
    """Scores over whole sessions, each second of the six activities counting alike.

    Args:
        work: Recognisers with the same options, each with a session to recognise.
    """
    right: list[np.ndarray] = []
    known: list[np.ndarray] = []
    by_person: dict[int, list[np.ndarray]] = {}
    delays: list[float] = []
    changes, minutes = 0, 0.0
    for recognizer, session in work:
        predictions = recognized(recognizer, session.acceleration, session.angular_rate, Readings())
        times = np.array([one.time for one in predictions])
        predicted = np.array([_likeliest(recognizer, one) for one in predictions])
        seconds = np.arange(0, len(session.activity) / SAMPLING_RATE)
        actual = session.activity[(seconds * SAMPLING_RATE).astype(int)]
        shown = streaming_metrics.shown_at(seconds, times, predicted)
        believed = streaming_metrics.shown_at(
            seconds, times, np.array([int(_known(one)) for one in predictions])
        )
        of_six = (actual != streaming_metrics.NOTHING) & (shown != streaming_metrics.NOTHING)
        hits = (shown == actual)[of_six]
        right.append(hits)
        known.append((believed == 1)[of_six])
        by_person.setdefault(session.subject, []).append(hits)
        bouts = streaming_metrics.bouts_of(session.activity, SAMPLING_RATE)
        # Each but the first is a change.
        delays += [streaming_metrics.delay(bout, times, predicted) for bout in bouts[1:]]
        changes += sum(streaming_metrics.false_changes(bout, times, predicted) for bout in bouts)
        minutes += sum(bout.end - bout.begin for bout in bouts) / 60
    found = np.isfinite(delays)
    return {
        "hop_seconds": recognizer.hop / SAMPLING_RATE,
        "smoothing": recognizer.smoothing,
        "hours": minutes / 60,
        "accuracy": np.concatenate(right).mean(),
        "worst_person": min(np.concatenate(each).mean() for each in by_person.values()),
        "known": np.concatenate(known).mean(),
        "accuracy_known": np.concatenate(right)[np.concatenate(known)].mean(),
        "changes": len(delays),
        "changes_missed": int((~found).sum()),
        "delay_median": float(np.median(delays)),
        "delay_p90": float(np.quantile(delays, 0.9, method="higher")),
        "false_changes_per_minute": changes / minutes,
    }


def _likeliest(recognizer: Recognizer, one: Prediction) -> int:
    """Index into `ACTIVITIES`; scores are by activity, also where the answer is any posture."""
    return ACTIVITIES.index(recognizer.description.activities[int(one.probabilities.argmax())])


def _known(one: Prediction) -> bool:
    """Whether an activity is accepted; any posture is none."""
    return one.known and one.activity != SOME_POSTURE


def unlike(recognizer: Recognizer, sessions: list[RawRecording]) -> list[dict[str, float | str]]:
    """Share of predictions that the recogniser does not accept, by kind of recording."""
    upright = [*range(3), ACTIVITIES.index("STANDING")]  # told apart from lying by any turn
    rows = []
    turned = {
        "test subjects, as worn": np.eye(3),
        "test subjects, phone upside down": np.diag([-1.0, -1.0, 1.0]),
        "test subjects, phone on its top": np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
        "test subjects, screen to the body": np.diag([1.0, -1.0, -1.0]),
    }
    for name, rotation in turned.items():
        predictions = []
        for session in sessions:
            kept = np.isin(session.activity, upright)
            found = recognized(
                recognizer,
                session.acceleration,
                session.angular_rate,
                Readings(rotation=rotation),
            )
            predictions += [one for one in found if kept[round(one.time * SAMPLING_RATE)]]
        rows.append(_shares(name, "measured", predictions))
    found = [
        one
        for session in sessions
        for one in recognized(
            recognizer,
            np.round(session.acceleration * STANDARD_GRAVITY, 1),
            np.round(np.degrees(session.angular_rate), 1),
            Readings("m/s2", "deg/s"),
        )
        if session.activity[round(one.time * SAMPLING_RATE)] in upright
    ]
    rows.append(_shares("test subjects, rounded as Chromium does", "measured", found))
    for name, acceleration, angular_rate in made_up():
        found = recognized(recognizer, acceleration, angular_rate, Readings())
        rows.append(_shares(name, "made up", found))
    return rows


def _shares(name: str, source: str, predictions: list[Prediction]) -> dict[str, float | str]:
    unlike = np.array([one.novelty > 1 for one in predictions])
    unsure = np.array([not _known(one) for one in predictions])
    return {
        "recording": name,
        "source": source,
        "predictions": len(predictions),
        "unlike": unlike.mean(),
        "not_known": unsure.mean(),
    }


def made_up() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Recordings of a phone that nobody wears: name, acceleration in g, angular rate in rad/s.

    Where nothing else is said, sensor noise is 1 mg and 1 mrad/s, of the size that today's phones
    have. UCI HAR's phone had about 3 of both.
    """
    rng = np.random.default_rng(0)
    time = np.arange(UNLIKE_SECONDS * SAMPLING_RATE) / SAMPLING_RATE

    def noisy(signal: np.ndarray, noise: float = 0.001) -> np.ndarray:
        return signal + rng.normal(0, noise, (len(time), 3))

    still = np.zeros(3)
    flat = np.array([0, 0, 1.0])
    yield "on a table, screen up", noisy(flat), noisy(still)
    for thousandths in (3, 5, 10):
        noise = thousandths / 1000
        name = f"the same, noise of {thousandths} mg and {thousandths} mrad/s"
        yield name, noisy(flat, noise), noisy(still, noise)
    yield "on a table, screen down", noisy(np.array([0, 0, -1.0])), noisy(still)
    yield "leaning, right edge up", noisy(np.array([1.0, 0, 0])), noisy(still)

    # A bag that swings at arm's length, a little with each step.
    pace = 2 * np.pi * 0.9
    angle, rate = 0.5 * np.sin(pace * time), 0.5 * pace * np.cos(pace * time)
    none = np.zeros_like(time)
    swing = np.stack([np.sin(angle), none, np.cos(angle)], axis=1)
    steps = 0.1 * rng.normal(size=(len(time), 3))
    turning = np.stack([none, rate, 0.3 * np.sin(time)], axis=1)
    yield "swinging in a bag", noisy(swing + steps), noisy(turning)

    shake = 2 * np.pi * 4 * time
    shaken = np.stack([1 + 2 * np.sin(shake), 1.5 * np.sin(shake + 1), np.sin(shake + 2)], axis=1)
    turning = np.stack([5 * np.sin(shake), 4 * np.cos(shake), 3 * np.sin(shake)], axis=1)
    yield "shaken by hand, 4 Hz", noisy(shaken), noisy(turning)

    over = 2 * np.pi * 0.4
    turned = np.stack([np.cos(over * time), np.sin(over * time), none], axis=1)
    turning = np.stack([none, none, none + over], axis=1)
    yield "turned over and over in the hand", noisy(turned), noisy(turning)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with in_one_line():
        main()
