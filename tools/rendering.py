"""Templates of Markdown and HTML, filled from the files in reports/."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from har.files import replacing_files
from har.signals.recordings import in_words

TEMPLATES = Path(__file__).parent / "templates"

MISSING = "–"
"""What a table shows where there is no number."""


def render(template: str, **values: Any) -> str:
    """A template of tools/templates/, filled with `values`.

    Raises:
        jinja2.UndefinedError: The template names a value that was not given.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=".html" in template,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "points": points,
        "words": in_words,
        "in_words": number_in_words,
        "json": lambda value: json.dumps(value, default=str),
    }
    return environment.get_template(template).render(**values)


def write(texts: Mapping[Path, str]) -> None:
    """Write texts that belong together, by their files."""
    with replacing_files(*texts) as partials:
        for partial, text in zip(partials, texts.values(), strict=True):
            partial.write_text(text, encoding="utf-8")


def percent(share: float | None, digits: int = 1) -> str:
    """A share between 0 and 1 as a percentage, such as `97.1%`."""
    return MISSING if share is None or pd.isna(share) else f"{share:.{digits}%}"


def number(value: float | None, digits: int = 3) -> str:
    """A number with as many decimals as `digits`, and commas between thousands."""
    return MISSING if value is None or pd.isna(value) else f"{value:z,.{digits}f}"


_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve"


def number_in_words(count: int) -> str:
    """A small number as a word, such as `nine`; digits above twelve."""
    return (_NUMBERS.split() + [str(count)])[min(count, 13)]


def points(difference: float, low: float, high: float) -> str:
    """A difference of two shares and its interval in percentage points."""
    if pd.isna(difference):
        return MISSING
    return f"{100 * difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
