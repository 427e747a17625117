"""`har predict`: the activities in recordings, from files or as they come."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from har.commands import output
from har.commands.options import FlipOption, ModelOption, RateOption, checked_rate, rotation_of
from har.commands.recognition import Recognition
from har.errors import HarError
from har.model.bundle import RELEASED, load

if TYPE_CHECKING:  # it takes seconds to import, and --help needs it not
    from har.recognition.recognizer import Recognizer


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
    recognition = Recognition(recognizer, rotation_of(mounting), stand, placement, choices)
    if from_standard_input:
        recognition.follow(out)
    else:
        recognition.recognise(files, out, plot)


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
