"""Human activity recognition from phone sensors with recurrent networks.

What is imported from here is for use from Python; each name says where it lies. Modules are
imported when a name of theirs is first used, so that `import har` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from har.data.loading import HarDataset, load_har_dataset, load_recordings
    from har.data.windows import Windows, cut_windows, prepare_lstm_data
    from har.errors import HarError
    from har.evaluation.networks import evaluate_model
    from har.evaluation.scoring import Evaluation
    from har.learning.augmentation import Augmenter
    from har.learning.networks import GRUModel, LSTMModel
    from har.learning.training import History, seed_everything, train_model
    from har.model.bundle import Bundle, predict_windows
    from har.model.bundle import load as load_bundle
    from har.recognition.profile import Profile, teach
    from har.recognition.profile import load as load_profile
    from har.recognition.profile import save as save_profile
    from har.recognition.recognizer import Prediction, Recognizer, Stream
    from har.signals.recordings import ACTIVITIES, SAMPLING_RATE, Recording
    from har.signals.sensors import MOUNTINGS, Readings

PLACES = {
    "ACTIVITIES": "har.signals.recordings.ACTIVITIES",
    "Augmenter": "har.learning.augmentation.Augmenter",
    "Bundle": "har.model.bundle.Bundle",
    "Evaluation": "har.evaluation.scoring.Evaluation",
    "GRUModel": "har.learning.networks.GRUModel",
    "HarDataset": "har.data.loading.HarDataset",
    "HarError": "har.errors.HarError",
    "History": "har.learning.training.History",
    "LSTMModel": "har.learning.networks.LSTMModel",
    "MOUNTINGS": "har.signals.sensors.MOUNTINGS",
    "Prediction": "har.recognition.recognizer.Prediction",
    "Profile": "har.recognition.profile.Profile",
    "Readings": "har.signals.sensors.Readings",
    "Recognizer": "har.recognition.recognizer.Recognizer",
    "Recording": "har.signals.recordings.Recording",
    "SAMPLING_RATE": "har.signals.recordings.SAMPLING_RATE",
    "Stream": "har.recognition.recognizer.Stream",
    "Windows": "har.data.windows.Windows",
    "cut_windows": "har.data.windows.cut_windows",
    "evaluate_model": "har.evaluation.networks.evaluate_model",
    "load_bundle": "har.model.bundle.load",
    "load_har_dataset": "har.data.loading.load_har_dataset",
    "load_profile": "har.recognition.profile.load",
    "load_recordings": "har.data.loading.load_recordings",
    "predict_windows": "har.model.bundle.predict_windows",
    "prepare_lstm_data": "har.data.windows.prepare_lstm_data",
    "save_profile": "har.recognition.profile.save",
    "seed_everything": "har.learning.training.seed_everything",
    "teach": "har.recognition.profile.teach",
    "train_model": "har.learning.training.train_model",
}
"""Where each public name lies."""

__all__ = list(PLACES)


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'har' has no attribute {name!r}")
    module, _, attribute = PLACES[name].rpartition(".")
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return [*globals(), *PLACES]
