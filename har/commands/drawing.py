"""A recording, and what was recognised in it, as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from har.commands.output import readable

if TYPE_CHECKING:  # they take seconds to import, and --help needs neither
    import numpy as np

    from har.data.phone_files import Samples
    from har.recognition.recognizer import Prediction, Recognizer


def draw(
    name: str,
    parts: "list[Samples]",
    predictions: "list[Prediction]",
    recognizer: "Recognizer",
    rotation: "np.ndarray",
    path: Path,
) -> None:
    """Draw a recording and its predictions into a PNG file.

    Args:
        name: Of the recording.
        parts: Its samples.
        predictions: Of its windows.
        recognizer: That made them.
        rotation: (3, 3), from the phone's axes to UCI HAR's.
        path: The file.
    """
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
