"""The pipeline's stages, one script each; `dvc.yaml` says how they connect."""

import sys
from importlib.util import find_spec

if find_spec("pydantic") is None:
    sys.exit(
        f"error: {sys.executable} lacks the project's packages: "
        "run `make venv`, then `source .venv/bin/activate`"
    )
