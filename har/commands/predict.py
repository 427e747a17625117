"""`har predict`: the activities in recordings, from files or as they come."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from har.commands import output
from har.commands.options import FlipOption, ModelOption, RateOption, checked_rate, rotation_of
from har.commands.output import readable, say
from har.errors import HarError
from har.model.bundle import RELEASED, load

if TYPE_CHECKING:  # PyTorch and pandas take seconds to import, and --help needs neither
    import numpy as np

    from har.data.phone_files import Choices, Recording, Samples
    from har.recognition.recognizer import Prediction, Recognizer, Stream
    from har.recognition.summary import Summary

TRIAL = 30_000
"""Samples that are recognised again with other signs or units, where most is not known."""


def predict(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="Files of phone loggers, or zips or folders of them; - for standard input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the table here: .csv, .jsonl or .parquet. The default, -, is standard "
            "output.",
            show_default=False,
        ),
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
    placement: Annotated[
        str | None,
        typer.Option(
            help="For a model that needs no mounting: where the phone is worn (waist, hip, torso, "
            "pocket, leg, arm), to tell postures apart by its angle. Somewhere in the recording "
            "its wearer has to walk.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="The wearer's profile, made by `har teach`.", show_default=False),
    ] = None,
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
            "the person stood still, which corrects for a tilted phone. It does not show which way "
            "the screen faces: --mounting says that.",
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
    flip: FlipOption = None,
    rate: RateOption = None,
) -> None:
    """Recognise the activities in recordings.

    The table has a row per window: time of its last sample, activity,
    probability, whether it is accepted (probability at the threshold or
    above, novelty at most 1), novelty, and each activity's probability.
    With several recordings the first column names them; with a profile the
    last column names it. A summary of each recording goes to standard
    error.
    """
    from har.data.phone_files import Choices

    choices = Choices(
        time=time,
        acceleration=_three("--acc", acc),
        angular_rate=_three("--gyro", gyro),
        acceleration_unit=acc_unit,
        angular_rate_unit=gyro_unit,
        flip=flip,
        rate=checked_rate(rate),
    )
    out = None if out == Path("-") else out
    files = files or []
    if follow and files not in ([], [Path("-")]):
        raise HarError("--follow reads standard input: leave out FILE")
    if not files and not follow:
        raise HarError("FILE is missing; - reads standard input")
    from_standard_input = follow or Path("-") in files
    if from_standard_input and len(files) > 1:
        raise HarError("- is standard input: name no other FILE beside it")
    if from_standard_input and (stand or plot):
        raise HarError("--stand and --plot need the whole recording: give a FILE")
    # Path.resolve fails on a loop of symbolic links.
    written = [os.path.realpath(each) for each in (out, plot) if each]
    for file in files:
        if os.path.realpath(file) in written:
            raise HarError(f"{file} is the recording: write to another file")
    if len(set(written)) < len(written):
        raise HarError(f"--out and --plot are both {out}: name a file for each")
    if plot and plot.suffix.lower() != ".png":
        raise HarError(f"--plot {plot}: should end in .png")
    if out:
        output.check_ending(out)

    recognizer = _recognizer(model, hop, smoothing, threshold, profile)
    description = recognizer.description
    if not description.needs_mounting and (mounting, stand) != (None, None):
        option = "--stand" if mounting is None else "--mounting"
        raise HarError(f"{option}: this model takes the phone however it is worn; leave it out")
    recognizer.stream(placement=placement)  # refuses one that the model makes nothing of
    command = _Command(recognizer, rotation_of(mounting), stand, placement, choices)
    if from_standard_input:
        command.follow(out)
    else:
        command.recognise(files, out, plot)


class _Command:
    """What all recordings of a command have in common."""

    def __init__(
        self,
        recognizer: "Recognizer",
        rotation: "np.ndarray",
        stand: str | None,
        placement: str | None,
        choices: "Choices",
    ) -> None:
        self._recognizer, self._rotation = recognizer, rotation
        self._stand, self._placement, self._choices = stand, placement, choices
        self._description = recognizer.description

    def recognise(self, files: Sequence[Path], out: Path | None, plot: Path | None) -> None:
        """Recognise all recordings in files; those that cannot be read do not keep the others."""
        from har.files import replacing_file

        recordings, problems = self._find(files)
        if len(recordings) > 1 and (plot or self._stand):
            raise HarError(
                f"--stand and --plot are for one recording, and these are {len(recordings)}"
            )
        several = len(recordings) + len(problems) > 1
        done = 0
        with ExitStack() as together:  # both are written before either takes its place
            rows = together.enter_context(output.table(out, self._recognizer, several))
            drawing = together.enter_context(replacing_file(plot)) if plot else None
            # A progress bar would mix with rows on the same terminal.
            hidden = True if out is None and sys.stdout.isatty() else None
            for recording in recordings:
                try:
                    self._one(recording, rows, drawing, hidden)
                    done += 1
                except HarError as error:
                    problems.append(str(error))
                    if several:
                        say(f"error: {error}")
            if not done:
                raise HarError("no recording could be read" if several else problems[0])
        if problems:
            total = done + len(problems)
            raise HarError(f"{len(problems)} of {total} recordings could not be read, see above")

    def _find(self, files: Sequence[Path]) -> "tuple[list[Recording], list[str]]":
        from har.data import phone_files

        found: dict[object, Recording] = {}
        problems = []
        for file in files:
            try:
                recordings = phone_files.find(
                    file, self._choices, self._description.needs_gyroscope
                )
            except (HarError, OSError) as error:
                if len(files) == 1:
                    raise
                told = f"{file}: {error.strerror}" if isinstance(error, OSError) else str(error)
                problems.append(told)
                say(f"error: {told}")
                continue
            for each in recordings:  # the files of one recording may all be named
                found.setdefault(each.places or each.name, each)
        return list(found.values()), problems

    def _one(
        self, recording: "Recording", rows: output.Table, drawing: Path | None, hidden: bool | None
    ) -> None:
        from tqdm import tqdm

        rotation = self._rotation_of(recording)
        up = self._up(recording, rotation)
        stream = self._stream(rotation, up)
        summary = self._summary()
        kept: tuple[list[Samples], list[Prediction]] = [], []
        count, begin, end, problem = 0, 0.0, 0.0, ""
        with tqdm(
            total=recording.size or None, unit="B", unit_scale=True, leave=False, disable=hidden
        ) as bar:
            for samples in recording.blocks():
                begin = float(samples.times[0]) if not count else begin
                end, count = float(samples.times[-1]), count + len(samples.times)
                for predictions in self._predictions(stream, summary, samples):
                    rows.write(predictions, readable(recording.name))
                    problem = stream.problem or problem
                    if drawing:
                        kept[1].extend(predictions)
                if drawing:
                    kept[0].append(samples)
                bar.update(recording.done - bar.n)
        if not summary.windows:
            raise HarError(f"{recording.name}: {self._why_nothing(stream, problem)}")
        if drawing:
            _draw(recording.name, *kept, self._recognizer, rotation, drawing)
        profile = self._recognizer.profile
        by = f", with the profile {profile.name}" if profile else ""
        say(f"{recording.name}: {_duration(end - begin)}, {count:,} samples{by}")
        for note in recording.notes:
            say(f"  {note}")
        if stream.posture is not None and up is None:
            say("  postures are not told apart: nobody walks in it, which would show where up is")
        self._tell(stream, summary, problem)
        if summary.known < 0.5:
            say(f"most of it is not known: {self._what_may_help(recording)}")

    def follow(self, out: Path | None) -> None:
        """Recognise standard input as it comes."""
        from har.data.phone_files import find_in_stream

        stream, summary, problem = self._stream(self._rotation), self._summary(), ""
        told: set[str] = set()
        with output.table(out, self._recognizer, False) as rows:
            recording = find_in_stream(
                _standard_input(), self._choices, self._description.needs_gyroscope
            )
            for samples in recording.blocks():
                for note in recording.decided:
                    if note not in told:
                        say(note)
                told.update(recording.decided)
                for predictions in self._predictions(stream, summary, samples):
                    rows.write(predictions, "")
                    if stream.problem and not problem:  # nobody waits for the end of this
                        say(f"no activity: {stream.problem}")
                    problem = stream.problem or problem
            for note in recording.notes:
                if note not in told:
                    say(note)
            if not summary.windows:  # raised here, so that the table of before stays
                raise HarError(f"standard input: {self._why_nothing(stream, problem)}")
        self._tell(stream, summary, problem)
        if summary.windows and summary.known < 0.5:
            say(f"most of it is not known: {self._asked()}")

    def _stream(self, rotation: "np.ndarray", up: "np.ndarray | None" = None) -> "Stream":
        from har.signals.sensors import Readings

        readings = Readings(rotation=rotation)
        return self._recognizer.stream(readings, placement=self._placement, up=up)

    def _up(self, recording: "Recording", rotation: "np.ndarray") -> "np.ndarray | None":
        """Which way up is along the phone's axes, from where its wearer walks in the recording."""
        stream = self._stream(rotation)
        if stream.posture is None:
            return None
        up = None
        for samples in recording.blocks():
            for _ in self._predictions(stream, self._summary(), samples):
                up = up if stream.posture.up is None else stream.posture.up
        return up

    def _summary(self) -> "Summary":
        from har.recognition.summary import Summary

        hop = self._recognizer.hop / self._description.sampling_rate
        return Summary(self._description, hop)

    def _predictions(
        self, stream: "Stream", summary: "Summary", samples: "Samples"
    ) -> "Iterator[list[Prediction]]":
        for block in samples.blocks():
            batch = stream.push(block.times, block.acceleration, block.angular_rate)
            (predictions,) = self._recognizer.recognize([(stream, batch)])
            summary.add(predictions, batch, block.times, block.activity)
            yield predictions

    def _rotation_of(self, recording: "Recording") -> "np.ndarray":
        """From the phone's axes to UCI HAR's, by --mounting and --stand."""
        if self._stand is None:
            return self._rotation
        import numpy as np

        from har.signals.sensors import rotation_upright

        try:
            start, end = (float(each) for each in self._stand.split(":"))
        except ValueError:
            raise HarError(
                f"--stand {self._stand}: should be START:END in seconds, such as 5:10"
            ) from None
        parts, times = [], np.zeros(0)
        for samples in recording.blocks():
            parts.append(samples.acceleration[(samples.times >= start) & (samples.times <= end)])
            times = np.concatenate([times[:1], samples.times[:1], samples.times[-1:]])
        acceleration = np.concatenate(parts)
        if len(acceleration) < 10:
            raise HarError(
                f"--stand {self._stand}: too few samples then; the recording has {times[0]:.1f} to "
                f"{times[-1]:.1f} s"
            )
        sway = float(np.linalg.norm(acceleration.std(axis=0)))
        if not sway < 0.1:
            raise HarError(
                f"--stand {self._stand}: the phone does not keep still then, its acceleration "
                f"varies by {sway:.2g} g"
            )
        rotation: np.ndarray = rotation_upright(acceleration @ self._rotation.T) @ self._rotation
        return rotation

    def _tell(self, stream: "Stream", summary: "Summary", problem: str) -> None:
        from har.recognition.summary import NOT_KNOWN
        from har.signals.recordings import SOME_POSTURE, in_words

        for name in [*self._recognizer.activities, SOME_POSTURE, NOT_KNOWN]:
            if count := summary.counts[name]:
                duration = _duration(count * summary.hop)
                line = f"  {in_words(name):<20}{duration:>14}{count / summary.windows:>8.1%}"
                if steps := round(summary.steps[name]):
                    pace = steps / summary.walked[name] / summary.hop * 60
                    line += f"  {steps:,} steps, {pace:.0f} a minute"
                say(line)
        if summary.counts[SOME_POSTURE] and self._description.angles and not self._placement:
            say("  still: sitting, standing or lying; --placement or --profile tells which")
        for reason, count in stream.rejected.most_common():
            say(f"samples left out: {count:,} {reason}")
        if stream.rejected_windows:
            say(f"windows left out: {stream.rejected_windows:,}; {problem}".rstrip("; "))
        if stream.restarts:
            say(f"restarts after a gap: {stream.restarts:,}")
        if labelled := summary.labelled[0]:
            told = (
                f"right: {summary.right[0] / labelled:.1%} of the {labelled:,} windows that are "
                "mostly labelled"
            )
            if known := summary.labelled[1]:
                told += f"; {summary.right[1] / known:.1%} of the {known:,} known ones"
            if summary.counts[SOME_POSTURE]:
                told += "; still counts as right for any posture"
            say(told)

    def _why_nothing(self, stream: "Stream", problem: str) -> str:
        if stream.rejected_windows:
            return problem or "no window has readings that a worn phone makes"
        seconds = self._description.window_size / self._description.sampling_rate
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in stream.rejected.most_common())
        return (
            f"a window needs {seconds:.2f} s without a gap of more than {self._recognizer.gap:g} "
            "s: none has" + (f"; samples left out: {reasons}" if reasons else "")
        )

    def _what_may_help(self, recording: "Recording") -> str:
        """What turns out to help in a trial of other signs and units, or what to check."""
        import numpy as np

        degrees = np.pi / 180
        signs = "--no-flip" if recording.flipped else "--flip"
        trials = {"": (1.0, 1.0), signs: (-1.0, 1.0)}
        if self._description.needs_gyroscope:
            trials |= {
                "--gyro-unit deg/s": (1.0, degrees),
                f"{signs} --gyro-unit deg/s": (-1.0, degrees),
                "--gyro-unit rad/s": (1.0, 1 / degrees),
            }
        known = {option: self._known(recording, *scales) for option, scales in trials.items()}
        best = max(known, key=lambda each: known[each])
        if known[best] > max(0.5, known[""] + 0.2):
            return f"with {best}, {known[best]:.0%} is known in a trial, so try that"
        tried = ", ".join(option for option in trials if option)
        return f"other signs and units ({tried}) do not help in a trial; {self._asked()}"

    def _known(self, recording: "Recording", signs: float, unit: float) -> float:
        from dataclasses import replace

        stream, summary, left = self._stream(self._rotation), self._summary(), TRIAL
        for samples in recording.blocks():
            turning = samples.angular_rate
            changed = replace(
                samples,
                acceleration=signs * samples.acceleration,
                angular_rate=None if turning is None else unit * turning,
            )
            for _ in self._predictions(stream, summary, changed):
                pass
            left -= len(samples.times)
            if left <= 0:
                break
        return summary.known

    def _asked(self) -> str:
        """What to check about how the phone is worn."""
        if self._description.needs_mounting:
            return "is the phone at the waist, and worn as --mounting says?"
        if self._description.trained_on:
            return f"the model was trained on phones worn here: {self._description.trained_on}"
        return "is the phone worn on the body?"


def _standard_input() -> Iterator[bytes]:
    """Bytes as they come; Ctrl-C ends the input too."""
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
                yield content
    finally:
        signal.signal(signal.SIGINT, before)


def _three(option: str, text: str | None) -> tuple[str, str, str] | None:
    if text is None:
        return None
    names = [each.strip() for each in text.split(",")]
    if len(names) != 3 or not all(names):
        raise HarError(f"{option} {text}: should be three headings, X,Y,Z")
    return names[0], names[1], names[2]


def _recognizer(
    folder: Path, hop: float | None, smoothing: bool, threshold: float, profile: Path | None
) -> "Recognizer":
    from har.recognition import profile as profiles
    from har.recognition.recognizer import Recognizer
    from har.signals.recordings import SAMPLING_RATE

    samples = None
    if hop is not None:
        samples = round(hop * SAMPLING_RATE) if 0 < hop <= 3600 else 0
        if samples < 1:
            raise HarError(f"--hop {hop}: should be {1 / SAMPLING_RATE} to 3600 seconds")
    if not 0 <= threshold <= 1:
        raise HarError(f"--threshold {threshold}: should be between 0 and 1")
    taught = profiles.load(profile) if profile else None
    return Recognizer(load(folder), samples, smoothing, threshold, profile=taught)


def _draw(
    name: str,
    parts: "list[Samples]",
    predictions: "list[Prediction]",
    recognizer: "Recognizer",
    rotation: "np.ndarray",
    path: Path,
) -> None:
    import numpy as np

    from har.data.phone_files import Samples
    from har.evaluation import drawing, recording_figure
    from har.signals.recordings import ACTIVITIES, NO_ACTIVITY
    from har.signals.sensors import Readings

    samples = Samples.together(parts)
    description = recognizer.description
    # A prediction is for the whole window: it is drawn around its middle.
    length = description.window_size / description.sampling_rate
    middle = np.array([each.time for each in predictions]) - length / 2
    half = recognizer.hop / description.sampling_rate / 2
    labelled = (samples.activity != NO_ACTIVITY).any()
    figure = recording_figure.recognised_recording(
        readable(Path(name).name).replace("$", r"\$"),  # else Matplotlib sets it as mathematics
        samples.times,
        Readings(rotation=rotation).convert(samples.acceleration, samples.angular_rate),
        np.column_stack([middle - half, middle + half]),
        np.array([each.activity if each.known else "" for each in predictions]),
        np.array([*ACTIVITIES, ""])[samples.activity] if labelled else None,
    )
    drawing.save(figure, path, f"model trained on {description.training.dataset}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
