"""A copy of the project to run DVC in, as a new user has it: no identity, network or archive."""

import contextlib
import importlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import yaml

from stages import common

ROOT = Path(__file__).resolve().parent.parent

STAGES = tuple(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
"""Names of the pipeline's stages, in their order."""

SMALL = {
    "dataset.names": ["simulated"],
    "simulated.seconds": 6,
    "split.val_subjects": 4,
    "model.hidden_size": 8,
    "model.filters": 8,
    "train.epochs": 2,
    "train.keep": "best",
    "train.threads": 1,  # two of busy cores wait for each other far longer than they compute
}
"""Settings of a run that takes seconds."""


def tracked() -> list[str]:
    """Paths of the working tree's own files: those in git, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


class Project:
    """A git checkout of the working tree in a folder of its own."""

    def __init__(self, folder: Path, home: Path):
        self.folder = folder
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "MLFLOW_", "HAR_", "GIT_", "PYTEST_"))
        }
        self.environment = environment | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            # Nobody listens there, so whatever looks for the network finds none.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",
        }

    @classmethod
    def copy(cls, folder: Path, home: Path, settings: dict) -> "Project":
        """The working tree's own files, less a former run's reports, with some settings changed."""
        for name in tracked():
            made = name == "dvc.lock" or (name.startswith("reports/") and "." in name)
            if not made:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        project = cls(folder, home)
        params = yaml.safe_load((folder / "params.yaml").read_text())
        for name, value in settings.items():
            section, key = name.split(".")
            params[section][key] = value
        (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        project.run("git", "init", "-q", "-b", "main")
        project.commit("the project")
        return project

    def clone(self, folder: Path) -> "Project":
        """A second checkout, with nothing that git does not hold."""
        self.run("git", "clone", "-q", str(self.folder), str(folder))
        other = Project(folder, folder)
        other.environment = dict(self.environment)
        return other

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        self.run("git", *identity, "commit", "-q", "-m", message)

    def run(self, *command: str, fails: bool = False, **environment: str) -> str:
        """Run a command in the project; its output, both streams together."""
        # To a file, not a pipe: a queue worker that DVC leaves behind would hold a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=900,
            )
            output.seek(0)
            text = output.read()
        assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{text}"
        return text

    def dvc(self, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run DVC."""
        return self.run(sys.executable, "-m", "dvc", *arguments, fails=fails, **environment)

    def call(self, stage: str, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run a stage in this process, which has PyTorch and MLflow imported already.

        The code is the working tree's, not the copy's, and a training is not followed for MLflow.
        Returns its output, both streams together.
        """
        main = importlib.import_module(f"stages.{stage}").main
        output, status = io.StringIO(), None
        before = signal.getsignal(signal.SIGTERM)
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment | environment, clear=True),
            mock.patch.object(sys, "argv", [stage, *arguments]),
            mock.patch("stages.train._followed", lambda: contextlib.nullcontext(lambda _: None)),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            try:
                common.run(main)
            except SystemExit as ended:
                status = ended.code
                if isinstance(status, str):  # what Python itself would do
                    print(status)
            finally:
                signal.signal(signal.SIGTERM, before)
        text = output.getvalue()
        assert bool(status) == fails, f"{stage} {arguments}: {status}\n{text}"
        return text

    def stage(self, name: str, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run a stage script by hand, or the whole pipeline where `name` is empty."""
        module = f"stages.{name}" if name else "stages"
        return self.run(sys.executable, "-m", module, *arguments, fails=fails, **environment)

    def read(self, path: str) -> str:
        """A file's text."""
        return (self.folder / path).read_text()
