"""Reading YAML, of limited size, as DVC takes it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from har.errors import HarError, shown

MAX_YAML, MAX_NESTING, MAX_VALUES = 1 << 18, 16, 50_000
"""Characters, levels and values of a YAML text, at most."""


def parse(text: str) -> Any:
    """What a YAML text says: to the letter what DVC, with the same library, takes it to say.

    That is YAML 1.2: `010` is ten and `1:30` a text, and a key that is given twice is refused.

    Args:
        text: One document, without tags, and of limited size, depth and number of values.

    Raises:
        HarError: It is something else; the message says in which line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(text) > MAX_YAML:
        raise HarError(f"longer than {MAX_YAML:,} characters")
    try:
        text.encode()  # a command line may have bytes that are no UTF-8
        _refuse_bombs(YAML(typ="safe").parse(text))
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"line {mark.line + 1}: " if mark else ""
        what = (problem or str(error)).partition(" with value ")[0]
        raise HarError(f"not YAML ({where}{' '.join(what.split()):.200})") from None
    except ValueError as error:  # a date that there is not, a number of 5,000 digits
        raise HarError(f"not a value in YAML ({error!s:.100})") from None


def _refuse_bombs(events: Iterable[Any]) -> None:
    """Look at a YAML text before anything is made of it: a few aliases can stand for gigabytes."""
    sizes: dict[str, int] = {}  # values below each anchor, those that aliases stand for included
    above: list[tuple[str | None, int]] = []
    size = 0
    for event in events:
        kind, where = type(event).__name__, f"line {event.start_mark.line + 1}"
        anchor = getattr(event, "anchor", None)
        if getattr(event, "tag", None):
            raise HarError(f"{where}: a tag, {shown(event.tag)}, which is not taken")
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            above.append((anchor, size))
            size = 0
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            anchor, before = above.pop()
            if anchor:
                sizes[anchor] = size
            size += before + 1
        elif kind == "AliasEvent":
            if anchor not in sizes:
                raise HarError(f"{where}: *{shown(anchor)} stands for nothing before it")
            size += sizes[anchor]
        elif kind == "ScalarEvent":
            size += 1
            if anchor:
                sizes[anchor] = 1
        if len(above) > MAX_NESTING or size > MAX_VALUES:
            raise HarError(
                f"{where}: more than {MAX_NESTING} levels or {MAX_VALUES:,} values are not taken"
            )


def read(path: Path) -> Any:
    """What a YAML file says, as `parse` takes it.

    Raises:
        HarError: It is not there or not YAML; the message says in which line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return parse(file.read(MAX_YAML + 1))
    except FileNotFoundError:
        raise HarError(f"{path} is not there: run from the project's folder") from None
    except UnicodeDecodeError as error:
        raise HarError(f"{path}: not YAML ({error!s:.300})") from None
    except HarError as error:
        raise HarError(f"{path}: {error}") from None
