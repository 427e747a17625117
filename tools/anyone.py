"""Write anyone/dvc.yaml: the pipeline of dvc.yaml for a folder below, with settings of its own.

`anyone/` is a DVC project of its own, so that its metrics, plots and settings do not show among the
benchmark's. DVC hashes what lies outside a project file by file, so the code is listed so.
"""

from pathlib import Path
from typing import Any

import yaml

from har.errors import in_one_line
from har.files import replacing_file
from har.yaml import read

PIPELINE, BELOW = Path("dvc.yaml"), Path("anyone/dvc.yaml")

HEAD = "# Written by `make pipelines` from ../dvc.yaml, which says what the stages are.\n"


def below(pipeline: dict[str, Any]) -> dict[str, Any]:
    """The same pipeline as it stands in a folder below."""
    stages = {}
    for name, stage in pipeline["stages"].items():
        deps = [path for dependency in stage["deps"] for path in _files(dependency)]
        stages[name] = stage | {"cmd": f"PYTHONPATH=.. {stage['cmd']}", "deps": deps}
    return pipeline | {"stages": stages}


def _files(dependency: str) -> list[str]:
    """Code, one folder up and file by file; data as it is."""
    path = Path(dependency)
    if path.suffix != ".py" and path.parts[0] not in ("har", "stages"):
        return [dependency]
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [f"../{file.as_posix()}" for file in files]


def main() -> None:
    """Write it."""
    pipeline = below(read(PIPELINE))
    with replacing_file(BELOW) as partial:
        partial.write_text(HEAD + yaml.safe_dump(pipeline, sort_keys=False, width=100))


if __name__ == "__main__":
    with in_one_line():
        main()
