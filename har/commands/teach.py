"""`har teach` and `har profiles`: what a person shows, kept as a profile."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.commands.options import FlipOption, ModelOption, RateOption, checked_rate, rotation_of
from har.commands.output import say
from har.errors import HarError
from har.model.bundle import RELEASED

if TYPE_CHECKING:  # NumPy and pandas take a second to import, and --help needs neither
    from har.data.phone_files import Choices, Samples
    from har.recognition.profile import Profile
    from har.recognition.recognizer import Prediction, Recognizer

HANDLING = 3.0
"""Seconds at both ends of a recording of one activity while the phone is put away and taken out."""

ON_SERVER = Path("data/sessions/profiles")
"""Where `har live` keeps profiles, unless its sessions go elsewhere."""


def teach(
    profile: Annotated[
        Path, typer.Argument(help="File of the profile, such as me.json; made if not there.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Recording, as for predict. Without --activity its labels are learnt.",
            show_default=False,
        ),
    ] = None,
    activity: Annotated[
        str | None,
        typer.Option(
            help="What the person did all the time: walking, walking upstairs, walking downstairs, "
            "running, sitting, standing, lying, or an activity of your own, such as cycling.",
            show_default=False,
        ),
    ] = None,
    handling: Annotated[
        float,
        typer.Option(
            min=0,
            help="With --activity: seconds to leave out at both ends, while the phone is put away "
            "and taken out.",
        ),
    ] = HANDLING,
    forget: Annotated[
        str | None,
        typer.Option(help="Forget what was shown of this activity.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name to show with every answer; by default the file's.", show_default=False
        ),
    ] = None,
    mounting: Annotated[
        str | None,
        typer.Option(
            help="For a model that needs it: how the phone was worn, as for predict.",
            show_default=False,
        ),
    ] = None,
    flip: FlipOption = None,
    rate: RateOption = None,
    model: ModelOption = RELEASED,
) -> None:
    """Teach a profile how somebody moves, from a few seconds of each activity.

    What is shown is added to what was shown before. `har predict FILE
    --profile PROFILE` then weighs it together with the model's own answer.
    """
    from har.data.phone_files import Choices
    from har.model.bundle import load
    from har.recognition import profile as kept
    from har.recognition.recognizer import Recognizer

    if (file is None) == (forget is None):
        raise HarError("give a FILE to learn from, or --forget")
    recognizer = Recognizer(load(model), smoothing=False)
    sha256 = recognizer.description.model_sha256
    before = _content(profile)
    if profile.exists():
        taught = kept.load(profile)
        kept.Taught(taught, recognizer.description)  # says if it is of another model
    else:
        taught = kept.Profile(name=kept.named(name or profile.stem), model_sha256=sha256)
    if name is not None:
        taught = taught.model_copy(update={"name": kept.named(name)})
    if forget is not None:
        taught = kept.forget(taught, forget)
    if file is not None:
        shown = None if activity is None else kept.activity_named(activity)
        choices = Choices(flip=flip, rate=checked_rate(rate))
        taught = _shown(taught, file, choices, shown, handling, mounting, recognizer)
    if _content(profile) != before:
        raise HarError(
            f"{profile} was changed meanwhile, perhaps by another `har teach`: run it again"
        )
    kept.save(profile, taught)
    say(f"{profile}: {_in_words(taught)}")


def _content(profile: Path) -> bytes | None:
    return profile.read_bytes() if profile.is_file() else None


def profiles(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help=f"Where to look; by default here, and in {ON_SERVER}, where `har live` keeps "
            "those that people give it.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = RELEASED,
) -> None:
    """List the profiles in a folder, with what each was shown."""
    from har.model.bundle import describe
    from har.recognition import profile as kept

    if folder is not None and not folder.is_dir():
        raise HarError(f"{folder}: no folder there")
    sha256 = describe(model).model_sha256
    found = 0
    folders = [Path(), ON_SERVER] if folder is None else [folder]
    for path in (path for each in folders for path in sorted(each.glob("*.json"))):
        try:
            one = kept.load(path)
        except HarError as error:
            if b'"shown"' in (_content(path) or b""):  # else it is another kind of file
                say(str(error))
            continue
        found += 1
        other = "" if one.model_sha256 == sha256 else "  (made with another model)"
        typer.echo(f"{path}  {one.name}: {_in_words(one)}{other}")
    if not found:
        raise HarError(f"{folders[0]}: no profile there; `har teach` makes one")


def _in_words(profile: "Profile") -> str:
    from har.signals.recordings import in_words

    counts = [f"{in_words(name)} {count}" for name, count in profile.windows.items()]
    return f"{', '.join(counts)} (windows)" if counts else "nothing shown yet"


def _shown(
    profile: "Profile",
    file: Path,
    choices: "Choices",
    activity: str | None,
    handling: float,
    mounting: str | None,
    recognizer: "Recognizer",
) -> "Profile":
    """The profile with what a recording shows."""
    import numpy as np

    from har.data import phone_files
    from har.recognition.profile import teach
    from har.signals.recordings import NO_ACTIVITY, in_words

    description = recognizer.description
    samples = phone_files.read(file, choices, gyroscope=description.needs_gyroscope)
    if activity is None and (samples.activity == NO_ACTIVITY).all():
        raise HarError(f"{file} has no labels: say what it shows, such as --activity walking")
    predictions = _recognised(samples, mounting, recognizer)
    length = description.window_size / description.sampling_rate
    if activity is None:
        stretches = _labelled(samples, predictions, length)
    else:
        first, last = samples.times.min() + handling, samples.times.max() - handling
        inside = [each for each in predictions if first <= each.time - length and each.time <= last]
        stretches = [(activity, inside)] if inside else []
    if not stretches:
        within = f", {handling:g} s at both ends left out" if activity else " of one label"
        raise HarError(f"{file}: too short: a window takes {length:.2f} s without a gap{within}")
    for shown, windows in stretches:
        features = np.array([each.features for each in windows])
        profile = teach(profile, shown, features, [each.novelty for each in windows])
        if shown in description.activities:
            right = sum(each.activity == shown for each in windows)
            told = f"the model alone recognises {right} of them"
        else:
            best = [
                int(each.probabilities[: len(description.activities)].argmax()) for each in windows
            ]
            like = description.activities[max(set(best), key=best.count)]
            told = f"the model alone takes most of them for {in_words(like)}"
            if like not in profile.windows:
                told += ": teach that too, so that they are told apart"
        say(f"{in_words(shown)}: {len(windows)} windows; {told}")
    return profile


def _recognised(
    samples: "Samples", mounting: str | None, recognizer: "Recognizer"
) -> "list[Prediction]":
    from har.signals.sensors import Readings

    if mounting is not None and not recognizer.description.needs_mounting:
        raise HarError("--mounting: this model takes the phone however it is worn; leave it out")
    stream = recognizer.stream(Readings(rotation=rotation_of(mounting)))
    predictions = []
    for block in samples.blocks():
        predictions += recognizer.push(stream, block.times, block.acceleration, block.angular_rate)
    if stream.rejected_windows and not predictions:
        raise HarError(f"nothing to learn from: {stream.problem}")
    return predictions


def _labelled(
    samples: "Samples", predictions: "list[Prediction]", length: float
) -> "list[tuple[str, list[Prediction]]]":
    """Windows that have one label throughout, stretch by stretch."""
    import numpy as np

    from har.signals.recordings import ACTIVITIES, NO_ACTIVITY

    times, labels = samples.times, samples.activity
    changes = np.concatenate([[0], np.cumsum(labels[1:] != labels[:-1])])
    ends = np.array([each.time for each in predictions])
    first = np.minimum(np.searchsorted(times, ends - length), len(times) - 1)
    last = np.searchsorted(times, ends + 1e-6, side="right") - 1
    whole = (changes[first] == changes[last]) & (labels[first] != NO_ACTIVITY)
    found = []
    for (stretch, kept), rows in groupby(
        range(len(predictions)), lambda row: (changes[first[row]], whole[row])
    ):
        if kept:
            label = ACTIVITIES[labels[np.searchsorted(changes, stretch)]]
            found.append((label, [predictions[row] for row in rows]))
    return found
