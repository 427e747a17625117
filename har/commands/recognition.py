"""Recordings recognised: into a table, a drawing, and what is said of each."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from har.commands import output
from har.commands.drawing import draw
from har.commands.output import readable, say
from har.errors import HarError

if TYPE_CHECKING:  # PyTorch and pandas take seconds to import, and --help needs neither
    import numpy as np

    from har.data.phone_files import Choices, Recording, Samples
    from har.recognition.recognizer import Prediction, Recognizer, Stream
    from har.recognition.summary import Summary

TRIAL = 30_000
"""Samples that are recognised again with other signs or units, where most is not known."""


class Recognition:
    """What all recordings of a command have in common.

    Args:
        recognizer: Recognises.
        rotation: (3, 3), from the phone's axes to UCI HAR's.
        stand: START:END in seconds, where the person stood still; None if it is not known.
        placement: Where the phone is worn; None if it is not known.
        choices: What the person says about the files.
    """

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
            draw(recording.name, *kept, self._recognizer, rotation, drawing)
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


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
