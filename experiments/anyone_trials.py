"""What a trial of `experiments.anyone` leaves behind, a file each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from har.evaluation.transfer import Group
from har.evaluation.trials import restore

TRIALS = Path("experiments/transfer")


class Transfer(BaseModel):
    """One training, scored on data sets that it never saw.

    Attributes:
        method: Of the configuration.
        sources: Data sets that it learnt from.
        seed: Of the training.
        settings: All that decides the outcome beside these, by dotted name.
        dataset_digest: SHA-256 of the content of all data sets.
        scores: By data set and condition, the groups of people and placements.
        losses: By data set, of `har.evaluation.transfer.losses`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    sources: list[str]
    seed: int
    settings: dict[str, Any]
    dataset_digest: str
    scores: dict[str, dict[str, list[Group]]]
    losses: dict[str, dict[str, list[float]]]

    @property
    def path(self) -> Path:
        """Its file."""
        return path_of(self.method, self.sources, self.seed)


def path_of(method: str, sources: Sequence[str], seed: int) -> Path:
    """The file of a trial."""
    return TRIALS / method / f"{'+'.join(sources)}-seed{seed}.json"


def load(path: Path) -> Transfer:
    """Read a stored trial."""
    return restore(path, Transfer)


def load_all() -> list[Transfer]:
    """All stored trials."""
    return [load(path) for path in sorted(TRIALS.glob("*/*.json"))]
