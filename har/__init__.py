"""Human activity recognition from phone sensors with recurrent networks.

What is imported from here is for use from Python; each name says where it lies. Modules are
imported when a name of theirs is first used, so that `import har` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from har.augmentation import Augmenter
    from har.bundle import Bundle
    from har.bundle import load as load_bundle
    from har.errors import HarError
    from har.evaluation import Evaluation, evaluate_model, predict_windows
    from har.loading import HarDataset, load_har_dataset, load_recordings
    from har.models import GRUModel, LSTMModel
    from har.recognizer import Prediction, Recognizer, Stream
    from har.recordings import ACTIVITIES, SAMPLING_RATE, Recording
    from har.sensors import MOUNTINGS, Readings
    from har.training import History, seed_everything, train_model
    from har.windows import Windows, prepare_lstm_data
    from har.windows import cut as cut_windows

PLACES = {
    "ACTIVITIES": "har.recordings.ACTIVITIES",
    "Augmenter": "har.augmentation.Augmenter",
    "Bundle": "har.bundle.Bundle",
    "Evaluation": "har.evaluation.Evaluation",
    "GRUModel": "har.models.GRUModel",
    "HarDataset": "har.loading.HarDataset",
    "HarError": "har.errors.HarError",
    "History": "har.training.History",
    "LSTMModel": "har.models.LSTMModel",
    "MOUNTINGS": "har.sensors.MOUNTINGS",
    "Prediction": "har.recognizer.Prediction",
    "Readings": "har.sensors.Readings",
    "Recognizer": "har.recognizer.Recognizer",
    "Recording": "har.recordings.Recording",
    "SAMPLING_RATE": "har.recordings.SAMPLING_RATE",
    "Stream": "har.recognizer.Stream",
    "Windows": "har.windows.Windows",
    "cut_windows": "har.windows.cut",
    "evaluate_model": "har.evaluation.evaluate_model",
    "load_bundle": "har.bundle.load",
    "load_har_dataset": "har.loading.load_har_dataset",
    "load_recordings": "har.loading.load_recordings",
    "predict_windows": "har.evaluation.predict_windows",
    "prepare_lstm_data": "har.windows.prepare_lstm_data",
    "seed_everything": "har.training.seed_everything",
    "train_model": "har.training.train_model",
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
