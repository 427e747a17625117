"""The model as MLflow keeps it: this script, which it runs to load the model ("models from code"),
and the two files of the bundle.

A server that loads it needs NumPy, pandas and ONNX Runtime, and nothing else of the project.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class ActivityModel(PythonModel):
    """Activities of windows, each judged for itself."""

    def load_context(self, context: Any) -> None:
        """Read the bundle: its description and its ONNX model."""
        import onnxruntime

        description = Path(context.artifacts["description"]).read_text(encoding="utf-8")
        self.activities = json.loads(description)["activities"]
        self.session = onnxruntime.InferenceSession(
            context.artifacts["model"], providers=["CPUExecutionProvider"]
        )

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """Judge windows.

        Args:
            context: Of MLflow, not used.
            model_input: float32 (windows, size, 9), acceleration in g and angular rate in rad/s;
                MLflow checks the shape by the model's signature.
            params: Of MLflow, not used.

        Returns:
            A table with a row per window: `activity`, the most probable; the probability of each
            activity; `novelty`, above 1 for windows unlike the training's; `plausible`, false for
            readings that no worn phone makes, as of another unit.

        Raises:
            ValueError: A number is not finite, or far beyond what a phone measures.
        """
        signals = np.asarray(model_input, np.float32)
        if not np.isfinite(signals).all():
            raise ValueError("expected finite numbers in every window")
        probabilities, novelty, problem = self.session.run(
            ["probabilities", "novelty", "problem"], {"signals": signals}
        )
        if not (np.isfinite(probabilities).all() and np.isfinite(novelty).all()):
            raise ValueError("expected signals that a phone can measure")
        table = pd.DataFrame(np.asarray(probabilities, np.float64), columns=self.activities)
        table.insert(0, "activity", np.array(self.activities)[probabilities.argmax(axis=1)])
        return table.assign(novelty=novelty.astype(np.float64), plausible=problem == 0)


def log_model(run_id: str, folder: Path, step: int) -> str:
    """Log a bundle as the model of a run; MLflow links the run's metrics of that step to it.

    Args:
        run_id: The run.
        folder: Of the bundle.
        step: Epoch of its weights.

    Returns:
        The model's id.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    from har.model.bundle import DESCRIPTION, MODEL, describe

    description = describe(folder)
    shape = (description.window_size, len(description.signals))
    at_rest = np.zeros((1, *shape), np.float32)
    at_rest[..., description.signals.index("total_acc_z")] = 1  # g
    columns = {"activity": "string"}
    columns |= dict.fromkeys([*description.activities, "novelty"], "double")
    columns |= {"plausible": "boolean"}
    # What `mlflow.pyfunc.log_model` calls, which asks for a running run and ends it anew.
    logged = Model.log(
        None,
        mlflow.pyfunc,
        name="model",
        step=step,
        run_id=run_id,
        python_model=__file__,
        artifacts={"description": str(folder / DESCRIPTION), "model": str(folder / MODEL)},
        signature=ModelSignature(
            Schema([TensorSpec(np.dtype(np.float32), (-1, *shape))]),
            Schema([ColSpec(kind, name) for name, kind in columns.items()]),
        ),
        input_example=at_rest,
        # Given, so that MLflow does not spend half a minute on finding them out.
        pip_requirements=[
            f"{name}=={version(name)}" for name in ("mlflow", "numpy", "onnxruntime", "pandas")
        ],
    )
    return str(logged.model_id)


mlflow.models.set_model(ActivityModel())
