"""`python -m har predict`: the activities in a recording, from a file or as it comes."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from har.commands.options import ModelOption
from har.errors import HarError
from har.model.bundle import RELEASED, load

if TYPE_CHECKING:  # PyTorch and pandas take seconds to import, and --help needs neither
    import numpy as np

    from har.data.recording_files import Samples
    from har.data.sensor_tables import Choices
    from har.model.bundle import Description
    from har.recognition.recognizer import Prediction, Recognizer, Stream
    from har.signals.sensors import Readings

BLOCK = 3000
"""Samples recognised at once, a minute at 50 Hz, so that memory stays bounded."""

NOT_KNOWN = "not known"


def predict(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV file, or a phone logger's zip or folder; - for standard input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the table here, not to standard output.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw signals and activities into this PNG file.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Read CSV from standard input as it comes.")
    ] = False,
    model: ModelOption = RELEASED,
    hop: Annotated[
        float | None,
        typer.Option(
            help="Seconds from one prediction to the next; by default half a window, 1.28.",
            show_default=False,
        ),
    ] = None,
    smoothing: Annotated[bool, typer.Option(help="Smooth the predictions over time.")] = True,
    threshold: Annotated[
        float, typer.Option(help="Probability below which the activity is not known.")
    ] = 0.5,
    mounting: Annotated[
        str | None,
        typer.Option(
            help="For a model that needs it: how the phone is worn at the waist, by what points "
            "up: right-edge-up (as in the training data), left-edge-up, top-up or top-down, with "
            "the screen away from the body; or the same with -screen-in, for example "
            "top-up-screen-in.",
            show_default=False,
        ),
    ] = None,
    stand: Annotated[
        str | None,
        typer.Option(
            help="For a model that needs --mounting: seconds START:END of the recording in which "
            "the person stood still, which corrects for a tilted phone. Which way its screen faces "
            "is for --mounting to say.",
            show_default=False,
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Heading of the column of times.", show_default=False)
    ] = None,
    acc: Annotated[
        str | None,
        typer.Option(help="Headings of the acceleration, X,Y,Z.", show_default=False),
    ] = None,
    gyro: Annotated[
        str | None, typer.Option(help="Headings of the angular rate, X,Y,Z.", show_default=False)
    ] = None,
    acc_unit: Annotated[
        Literal["g", "m/s2"] | None,
        typer.Option(help="Unit of the acceleration.", show_default=False),
    ] = None,
    gyro_unit: Annotated[
        Literal["rad/s", "deg/s"] | None,
        typer.Option(help="Unit of the angular rate.", show_default=False),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip",
            help="Invert the acceleration's signs: for apps on iPhones that show -1 g on z for a "
            "phone flat on a table. By default as the logger's metadata say.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Recognise the activities in a recording.

    The table has a row per window: time of its last sample, activity,
    probability, whether it is accepted (probability at the threshold or
    above, novelty at most 1), novelty, and each activity's probability.
    A summary goes to standard error.
    """
    from har.data.sensor_tables import Choices

    choices = Choices(
        time=time,
        acceleration=_three("--acc", acc),
        angular_rate=_three("--gyro", gyro),
        acceleration_unit=acc_unit,
        angular_rate_unit=gyro_unit,
        flip=flip,
    )
    from_standard_input = follow or file == Path("-")
    if follow and file not in (None, Path("-")):
        raise HarError("--follow reads standard input: leave out FILE")
    if file is None and not follow:
        raise HarError("FILE is missing; - reads standard input")
    if from_standard_input and (stand or plot):
        raise HarError("--stand and --plot need the whole recording: give a FILE")
    # Path.resolve fails on a loop of symbolic links.
    written = [os.path.realpath(each) for each in (out, plot) if each]
    if file is not None and os.path.realpath(file) in written:
        raise HarError(f"{file} is the recording: write to another file")
    if len(set(written)) < len(written):
        raise HarError(f"--out and --plot are both {out}: name a file for each")
    if plot and plot.suffix.lower() != ".png":
        raise HarError(f"--plot {plot}: should end in .png")

    recognizer = _recognizer(model, hop, smoothing, threshold)
    description = recognizer.description
    if not description.needs_mounting and (mounting or stand):
        raise HarError(
            f"{'--mounting' if mounting else '--stand'}: this model takes the phone however it is "
            "worn; leave it out"
        )
    if from_standard_input:
        rotation = _rotation(mounting, None, None)
        _predict_as_it_comes(recognizer, rotation, choices, out)
    else:
        from har.data import recording_files

        assert file is not None
        samples = recording_files.read(file, choices, description.needs_gyroscope)
        rotation = _rotation(mounting, stand, samples)
        _predict_file(file, samples, recognizer, rotation, out, plot)


def _predict_file(
    file: Path,
    samples: "Samples",
    recognizer: "Recognizer",
    rotation: "np.ndarray",
    out: Path | None,
    plot: Path | None,
) -> None:
    from tqdm import tqdm

    from har.files import replacing_file
    from har.signals.recordings import SOME_POSTURE

    readings = _readings(samples, rotation)
    stream = recognizer.stream(readings)
    tally = Tally()
    count = len(samples.times)
    # A progress bar would mix with rows on the same terminal.
    hidden = True if out is None and sys.stdout.isatty() else None
    with ExitStack() as together:  # both are written before either takes its place
        rows = together.enter_context(_table(out, recognizer))
        drawing = together.enter_context(replacing_file(plot)) if plot else None
        with tqdm(
            total=count, unit=" samples", unit_scale=True, leave=False, disable=hidden
        ) as bar:
            for start in range(0, count, BLOCK):
                block = slice(start, start + BLOCK)
                predictions = _recognised(recognizer, stream, samples, block)
                tally.add(predictions, stream)
                rows.write(predictions)
                bar.update(min(BLOCK, count - start))
        if not tally.predictions:
            raise HarError(f"{file}: {_why_nothing(stream, tally, recognizer)}")
        if drawing:
            _draw(file, samples, readings, recognizer, tally.predictions, drawing)
    _say(
        f"{file}: {_duration(float(samples.times.max() - samples.times.min()))}, {count:,} samples"
    )
    for note in samples.notes:
        _say(f"  {note}")
    _summarize(stream, tally, recognizer)
    if samples.activity is not None:
        right, labelled = _right(samples, tally.predictions, recognizer)
        if labelled:
            answers = {each.activity for each in tally.predictions}
            still = "; still counts as right for any posture" if SOME_POSTURE in answers else ""
            _say(
                f"right: {right / labelled:.1%} of the {labelled:,} windows that are mostly "
                f"labelled{still}"
            )


def _predict_as_it_comes(
    recognizer: "Recognizer", rotation: "np.ndarray", choices: "Choices", out: Path | None
) -> None:
    from har.data.recording_files import LineReader

    reader = LineReader(choices, recognizer.description.needs_gyroscope)
    stream = None
    tally = Tally(keep=False)
    with _table(out, recognizer) as rows:
        for content, last in _standard_input():
            try:
                samples = reader.feed(content, last)
            except HarError as error:
                raise HarError(f"standard input: {error}") from None
            if samples is None:
                continue
            for note in samples.notes:
                _say(note)
            stream = stream or recognizer.stream(_readings(samples, rotation))
            for start in range(0, len(samples.times), BLOCK):
                block = slice(start, start + BLOCK)
                problem = stream.problem
                predictions = _recognised(recognizer, stream, samples, block)
                tally.add(predictions, stream)
                rows.write(predictions)
                if stream.problem and not problem:  # said at once: nobody waits for the end of this
                    _say(f"no activity: {stream.problem}")
        if reader.unreadable:
            _say(f"lines left out: {reader.unreadable:,} in which a cell is no number")
        if stream is None:
            raise HarError("standard input: no samples came")
        if not tally.windows and stream.rejected_windows:
            raise HarError(f"standard input: {_why_nothing(stream, tally, recognizer)}")
    _summarize(stream, tally, recognizer)


def _recognised(
    recognizer: "Recognizer", stream: "Stream", samples: "Samples", block: slice
) -> "list[Prediction]":
    rate = None if samples.angular_rate is None else samples.angular_rate[block]
    return recognizer.push(stream, samples.times[block], samples.acceleration[block], rate)


class Tally:
    """What has been recognised so far.

    Args:
        keep: Whether to keep the predictions.

    Attributes:
        predictions: All of them, if they are kept.
        windows: How many there were.
        counts: How many of each activity, or `NOT_KNOWN`.
        problem: Of the last window whose readings cannot be.
    """

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep
        self.predictions: list[Prediction] = []
        self.windows = 0
        self.counts: Counter[str] = Counter()
        self.problem = ""

    def add(self, predictions: "list[Prediction]", stream: "Stream") -> None:
        """Count predictions; the stream is theirs."""
        self.windows += len(predictions)
        self.counts.update(each.activity if each.known else NOT_KNOWN for each in predictions)
        self.problem = stream.problem or self.problem
        if self._keep:
            self.predictions += predictions


class Table:
    """Predictions as rows of CSV, flushed after each block for programs that read along.

    Args:
        output: Where to.
        activities: The bundle's.
    """

    def __init__(self, output: IO[str], activities: list[str]) -> None:
        self._output = output
        self._headings = ["time_s", "activity", "probability", "known", "novelty", *activities]
        self._headed = False

    def write(self, predictions: "list[Prediction]") -> None:
        """Write rows; the headings come with the first."""
        if not predictions:
            return
        if not self._headed:
            self._output.write(",".join(self._headings) + "\n")
            self._headed = True
        for each in predictions:
            known = "true" if each.known else "false"
            shares = ",".join(f"{share:.6f}" for share in each.probabilities)
            self._output.write(
                f"{each.time:.3f},{each.activity},{each.probability:.6f},{known},"
                f"{each.novelty:.3f},{shares}\n"
            )
        self._output.flush()


@contextmanager
def _table(out: Path | None, recognizer: "Recognizer") -> Iterator[Table]:
    """The table: written whole to `out`, or to standard output until its reader stops."""
    from har.files import replacing_file

    activities = recognizer.description.activities
    if out is not None:
        with replacing_file(out) as partial, partial.open("w") as output:
            yield Table(output, activities)
        return
    try:
        yield Table(sys.stdout, activities)
    except BrokenPipeError:
        # Else Python would try again on the way out, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _standard_input() -> Iterator[tuple[bytes, bool]]:
    """Bytes as they come, and whether they are the last; Ctrl-C ends the input too."""
    interrupted = reading = False

    def on_interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        if reading:  # else what has been read is still recognised and written
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        with suppress(KeyboardInterrupt):
            while not interrupted:
                reading = True
                content = os.read(sys.stdin.fileno(), 1 << 16)
                reading = False
                if not content:
                    break
                yield content, False
    finally:
        signal.signal(signal.SIGINT, before)
    yield b"", True


def _three(option: str, text: str | None) -> tuple[str, str, str] | None:
    if text is None:
        return None
    names = [each.strip() for each in text.split(",")]
    if len(names) != 3 or not all(names):
        raise HarError(f"{option} {text}: should be three headings, X,Y,Z")
    return names[0], names[1], names[2]


def _recognizer(folder: Path, hop: float | None, smoothing: bool, threshold: float) -> "Recognizer":
    from har.recognition.recognizer import Recognizer
    from har.signals.recordings import SAMPLING_RATE

    samples = None
    if hop is not None:
        samples = round(hop * SAMPLING_RATE) if 0 < hop <= 3600 else 0
        if samples < 1:
            raise HarError(f"--hop {hop}: should be {1 / SAMPLING_RATE} to 3600 seconds")
    if not 0 <= threshold <= 1:
        raise HarError(f"--threshold {threshold}: should be between 0 and 1")
    return Recognizer(load(folder), samples, smoothing, threshold)


def _rotation(mounting: str | None, stand: str | None, samples: "Samples | None") -> "np.ndarray":
    import numpy as np

    from har.signals.sensors import ACCELERATION_UNITS, MOUNTINGS, rotation_upright

    mounting = mounting or "right-edge-up"  # turns nothing
    if mounting not in MOUNTINGS:
        raise HarError(f"--mounting {mounting}: should be one of {', '.join(MOUNTINGS)}")
    worn: np.ndarray = MOUNTINGS[mounting]
    if stand is None:
        return worn
    assert samples is not None
    try:
        start, end = (float(each) for each in stand.split(":"))
    except ValueError:
        raise HarError(f"--stand {stand}: should be START:END in seconds, such as 5:10") from None
    during = (samples.times >= start) & (samples.times <= end)
    if np.count_nonzero(during) < 10:
        span = f"{samples.times.min():.1f} to {samples.times.max():.1f} s"
        raise HarError(f"--stand {stand}: too few samples then; the recording has {span}")
    acceleration = samples.acceleration[during] * ACCELERATION_UNITS[samples.acceleration_unit]
    sway = float(np.linalg.norm(acceleration.std(axis=0)))
    if not sway < 0.1:
        raise HarError(
            f"--stand {stand}: the phone does not keep still then, its acceleration varies by "
            f"{sway:.2g} g"
        )
    rotation: np.ndarray = rotation_upright(acceleration @ worn.T) @ worn
    return rotation


def _readings(samples: "Samples", rotation: "np.ndarray") -> "Readings":
    from har.signals.sensors import Readings

    return Readings(samples.acceleration_unit, samples.angular_rate_unit, rotation)


def _why_nothing(stream: "Stream", tally: Tally, recognizer: "Recognizer") -> str:
    if stream.rejected_windows:
        return tally.problem or "no window has readings that a worn phone makes"
    seconds = recognizer.description.window_size / recognizer.description.sampling_rate
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in stream.rejected.most_common())
    return (
        f"a window needs {seconds:.2f} s without a gap of more than {recognizer.gap:g} s: none has"
        + (f"; samples rejected: {reasons}; are the units right?" if reasons else "")
    )


def _summarize(stream: "Stream", tally: Tally, recognizer: "Recognizer") -> None:
    from har.signals.recordings import SOME_POSTURE, in_words

    seconds = recognizer.hop / recognizer.description.sampling_rate
    for name in [*recognizer.description.activities, SOME_POSTURE, NOT_KNOWN]:
        if count := tally.counts[name]:
            duration = _duration(count * seconds)
            _say(f"  {in_words(name):<20}{duration:>14}{count / tally.windows:>8.1%}")
    if tally.counts[NOT_KNOWN] > tally.windows / 2:
        _say(f"most of it is not known: {_asked(recognizer.description)}")
    for reason, count in stream.rejected.most_common():
        _say(f"samples left out: {count:,} {reason}")
    if stream.rejected_windows:
        _say(f"windows left out: {stream.rejected_windows:,}; {tally.problem}".rstrip("; "))
    if stream.restarts:
        _say(f"restarts after a gap or a jump of the clock: {stream.restarts:,}")


def _asked(description: "Description") -> str:
    """What to check about how the phone is worn."""
    if description.needs_mounting:
        return "is the phone at the waist, and worn as --mounting says?"
    if description.trained_on:
        return f"the model was trained on phones worn here: {description.trained_on}"
    return "is the phone worn on the body?"


def _right(
    samples: "Samples", predictions: "list[Prediction]", recognizer: "Recognizer"
) -> tuple[int, int]:
    """How many windows' activities are the label of most of their samples, of how many.

    Where the answer is any posture, each is right.
    """
    import numpy as np

    from har.signals.recordings import SOME_POSTURE, STILL

    assert samples.activity is not None
    description = recognizer.description
    names = np.array(description.activities)
    order = np.argsort(samples.times, kind="stable")
    counts = np.zeros((len(order) + 1, len(names)), int)
    counts[1:] = np.cumsum(samples.activity[order, None] == names, axis=0)
    ends = np.array([each.time for each in predictions])
    length = description.window_size / description.sampling_rate
    slack = 0.5 / description.sampling_rate
    first, last = (
        np.searchsorted(samples.times[order], at) for at in (ends - length + slack, ends + slack)
    )
    within = counts[last] - counts[first]
    labelled = within.max(axis=1) * 2 > last - first
    predicted = np.array([each.activity for each in predictions])
    actual = names[within.argmax(axis=1)]
    right = (actual == predicted) | ((predicted == SOME_POSTURE) & np.isin(actual, STILL))
    return int(np.count_nonzero(right & labelled)), int(np.count_nonzero(labelled))


def _draw(
    file: Path,
    samples: "Samples",
    readings: "Readings",
    recognizer: "Recognizer",
    predictions: "list[Prediction]",
    path: Path,
) -> None:
    import numpy as np

    from har.evaluation import figures

    description = recognizer.description
    converted = readings.convert(samples.acceleration, samples.angular_rate)
    order = np.argsort(samples.times, kind="stable")
    # A prediction is for the whole window: it is drawn around its middle.
    length = description.window_size / description.sampling_rate
    middle = np.array([each.time for each in predictions]) - length / 2
    half = recognizer.hop / description.sampling_rate / 2
    figure = figures.recognised_recording(
        file.name,
        samples.times[order],
        converted[order],
        np.column_stack([middle - half, middle + half]),
        np.array([each.activity if each.known else "" for each in predictions]),
        None if samples.activity is None else samples.activity[order],
    )
    figures.save(figure, path, f"model trained on {description.training.dataset}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
