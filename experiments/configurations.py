"""The named configurations of configurations.yaml."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from har import yaml
from har.errors import HarError

FILE = Path(__file__).with_suffix(".yaml")


class Configuration(BaseModel):
    """Settings under a name.

    Attributes:
        group: Heading that it stands under in the file.
        settings: What differs from params.yaml, by dotted name.
        claimed: Accuracy on the test subjects that was claimed for it elsewhere, or None.
        note: What it shows, in a few words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str
    settings: dict[str, Any]
    claimed: float | None = None
    note: str = ""


def read() -> dict[str, Configuration]:
    """All configurations by name, in the order of the file.

    Raises:
        HarError: The file is not as it should be.
    """
    try:
        groups = yaml.read(FILE)
        return {
            name: Configuration(group=group, **content)
            for group, members in groups.items()
            for name, content in members.items()
            if not name.startswith("_")
        }
    except (OSError, ValidationError, AttributeError, TypeError) as error:
        raise HarError(f"{FILE}: {' '.join(str(error).split()):.300}") from None
