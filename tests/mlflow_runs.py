"""What MLflow holds of a project."""

from collections.abc import Callable, Iterator

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from project import Project

MODEL_FILES = (
    "MLmodel",
    "artifacts/bundle.json",
    "artifacts/model.onnx",
    "conda.yaml",
    "input_example.json",
    "mlflow_model.py",
    "python_env.yaml",
    "requirements.txt",
    "serving_input_example.json",
)
"""Files of a logged model: no pickle among them."""


def mlflow_runs(project: Project, uri: str = "") -> list[dict]:
    """Every run of the project's own store, or another one."""
    client = MlflowClient(uri or f"sqlite:///{project.folder / 'mlflow.db'}")

    def files(listed: Callable, owner: str, path: str | None = None) -> Iterator[str]:
        for one in listed(owner, path):
            yield from files(listed, owner, one.path) if one.is_dir else [one.path]

    def artifacts(run: Run) -> Iterator[str]:
        yield from files(client.list_artifacts, run.info.run_id)
        for model in models(run):
            listed = client.list_logged_model_artifacts
            names = set(files(listed, model)) - {"registered_model_meta"}  # of its loading
            yield from (f"model/{name}" for name in sorted(names))

    def models(run: Run) -> list[str]:
        return [each.model_id for each in run.outputs.model_outputs] if run.outputs else []

    found = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return [
        {
            "params": run.data.params,
            "metrics": run.data.metrics,
            "tags": run.data.tags,
            "status": run.info.status,
            "name": run.info.run_name,
            "id": run.info.run_id,
            "history": len(client.get_metric_history(run.info.run_id, "train_loss")),
            "artifacts": list(artifacts(run)),
            "datasets": [each.dataset for each in run.inputs.dataset_inputs],
            "models": models(run),
        }
        for run in found
    ]
