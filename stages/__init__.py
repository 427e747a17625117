"""The pipeline's stages, one script each; `dvc.yaml` says how they connect."""

import sys
from importlib.util import find_spec
from types import TracebackType

if find_spec("pydantic") is None:
    sys.exit(
        f"error: {sys.executable} lacks the project's packages: "
        "run `make venv`, then `source .venv/bin/activate`"
    )


def _quiet_interrupt(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Ctrl-C while packages are still being imported needs no traceback."""
    if kind is KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _quiet_interrupt
