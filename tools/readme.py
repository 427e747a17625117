"""Write the results in README.md from the files in reports/: `make readme`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments import configurations
from experiments.table import ABLATION, AGAINST, EXPERIMENTS, RIVALS
from har.errors import HarError, in_one_line
from har.files import replacing_file
from stages.common import (
    ERRORS,
    ERRORS_HELD_OUT,
    HISTORY,
    NOVELTY,
    PER_CLASS,
    PER_SUBJECT,
    STREAMING,
    STREAMING_HELD_OUT,
    read_metrics,
    read_table,
)

LOCK = Path("dvc.lock")
README = Path("README.md")

MOST_ERRORS = 6
"""Rows of the table of errors."""


def results() -> str:
    """The results as Markdown."""
    metrics = read_metrics()
    per_subject = read_table(PER_SUBJECT)
    trained = yaml.safe_load(LOCK.read_text())["stages"]["train"]["params"]["params.yaml"]
    both = "bidirectional " if trained["model.bidirectional"] else ""
    layers = trained["model.num_layers"]
    test = metrics["test"]
    parts = {
        name: metrics[part]
        for part, name in (
            ("train", "training subjects"),
            ("val", "validation subjects"),
            ("test", "test subjects"),
        )
        if metrics[part]
    }
    smoothed = metrics.get("smoothed")
    if smoothed:
        parts["*smoothed over time*, test subjects"] = smoothed
    lines = [
        f"Data set `{metrics['dataset']}`; `model.name: {trained['model.name']}` with "
        f"{layers} {both}{trained['model.cell'].upper()} layer{'s' if layers > 1 else ''} of "
        f"{trained['model.hidden_size']} units, {metrics['parameters']:,} parameters; "
        f"{len(read_table(HISTORY))} epochs.",
        "",
        *table(
            ["part", "accuracy", "loss", "F1", "precision", "recall"],
            [
                [name, f"{its['accuracy']:.1%}"]
                + [f"{its[key]:.3f}" for key in ("loss", "f1", "precision", "recall")]
                for name, its in parts.items()
            ],
        ),
    ]
    if smoothed:
        lines += [
            "",
            "After a change of activity the right one is first recognised "
            f"{smoothed['change_delay']:.2f} windows late on average with smoothing, "
            f"{smoothed['change_delay_without']:.2f} without.",
        ]
    lines += [
        "",
        f"On the {per_subject['windows'].sum():,} windows of the {len(per_subject)} test subjects: "
        f"between {test['accuracy_by_subject_min']:.1%} and {per_subject['accuracy'].max():.1%} "
        f"a person; expected calibration error {test['ece']:.3f}.",
        "",
        *table(
            ["activity", "precision", "recall", "F1", "windows"],
            [
                [_in_words(row.activity)]
                + [f"{score:.2f}" for score in (row.precision, row.recall, row.f1)]
                + [row.support]
                for row in _rows(PER_CLASS)
            ],
        ),
        "",
        *table(
            ["test subject", *per_subject["subject"]],
            [["accuracy", *(f"{accuracy:.1%}" for accuracy in per_subject["accuracy"])]],
        ),
    ]
    return "\n".join(lines)


def experiments() -> str:
    """The table of configurations as Markdown."""
    claimed = {name: each.claimed for name, each in configurations.read().items()}
    columns = [
        "configuration",
        "parameters",
        "training",
        "people held out (95 % interval)",
        "test subjects",
        "macro F1",
        "worst person",
        "claimed",
    ]
    rows = [
        [
            f"`{row.name}`",
            f"{row.parameters:,.0f}",
            f"{row.train_seconds / 60:.1f} min",
            _cv(row),
            _test(row),
            _share(row.test_f1, 3),
            _percent(row.worst_subject_accuracy),
            _percent(claimed.get(str(row.name))),
        ]
        for row in _rows(EXPERIMENTS)
    ]
    return "\n".join(table(columns, rows))


def rivals() -> str:
    """The table of rivals as Markdown."""
    columns = [
        "method",
        "people held out (95 % interval)",
        "behind `default`, points",
        "test subjects",
        "behind `default`, points",
        "macro F1",
        "worst person",
        "fit",
        "predict, a window",
        "size",
    ]
    rows = [
        [
            f"`{row.name}`",
            _cv(row),
            _points(row.cv_behind, row.cv_behind_low, row.cv_behind_high),
            _test(row),
            _points(row.test_behind, row.test_behind_low, row.test_behind_high),
            _share(row.test_f1, 3),
            _percent(row.worst_subject_accuracy),
            f"{row.train_seconds:,.0f} s",
            f"{row.predict_ms:.2f} ms",
            f"{row.model_bytes / 1e6:.1f} MB",
        ]
        for row in _rows(RIVALS)
    ]
    return "\n".join(table(columns, rows))


def ablation(group: str) -> str:
    """The table of parts left out or put in, as Markdown, of one group of configurations."""
    against = AGAINST[group]
    columns = [
        f"against `{against}`",
        "accuracy",
        "difference in points (95 % interval)",
        "people better / worse",
    ]
    rows = [
        [
            f"{row.note} (`{row.name}`)",
            _percent(row.cv_accuracy, 2),
            _points(row.difference, row.difference_low, row.difference_high),
            f"{row.people_better} / {row.people_worse}",
        ]
        for row in _rows(ABLATION)
        if row.against == against
    ]
    return "\n".join(table(columns, rows))


def errors() -> str:
    """The most frequent errors as Markdown."""
    found = _rows(ERRORS)
    columns = ["test subject", "actual", "taken for", "windows", "in a row", "mean probability"]
    columns.append("clear from the person's own")
    rows = [
        [
            row.subject,
            _in_words(row.actual),
            _in_words(row.predicted),
            f"{row.windows} of {row.of}",
            f"up to {row.longest}",
            f"{row.probability:.2f}",
            f"{row.clear:.0%}",
        ]
        for row in found[:MOST_ERRORS]
    ]
    rest = sum(row.windows for row in found[MOST_ERRORS:])
    return "\n".join(
        [*table(columns, rows), "", f"The other {rest} windows are of smaller groups."]
    )


def errors_held_out() -> str:
    """The most frequent errors on people held out as Markdown."""
    found = _rows(ERRORS_HELD_OUT)
    rows = [
        [
            row.subject,
            _in_words(row.actual),
            _in_words(row.predicted),
            f"{row.windows:g} of {row.of}",
        ]
        for row in found[:MOST_ERRORS]
    ]
    rest = sum(row.windows for row in found[MOST_ERRORS:])
    return "\n".join(
        [
            *table(["training subject", "actual", "taken for", "windows"], rows),
            "",
            f"The other {rest:g} windows are of smaller groups.",
        ]
    )


def streaming(source: Path = STREAMING) -> str:
    """Live recognition of whole recordings as Markdown."""
    rows = _rows(source)
    head = [
        *(
            "a prediction every",
            "smoothed",
            "seconds right",
            "worst person",
            "stood by",
            "of these",
        ),
        *("delay", "9 of 10 within", "never shown", "false changes"),
    ]
    hours, changes = rows[0].hours, rows[0].changes
    return "\n".join(
        [
            f"{hours:.1f} hours of the six activities, {changes} changes between them:",
            "",
            *table(
                head,
                [
                    [
                        f"{row.hop_seconds:g} s",
                        "yes" if row.smoothing else "no",
                        _percent(row.accuracy),
                        _percent(row.worst_person),
                        _percent(row.known),
                        _percent(row.accuracy_known),
                        f"{row.delay_median:.1f} s",
                        f"{row.delay_p90:.1f} s",
                        row.changes_missed,
                        f"{row.false_changes_per_minute:.2f} a minute",
                    ]
                    for row in rows
                ],
            ),
        ]
    )


def novelty() -> str:
    """What the recogniser says of unlike recordings, as Markdown."""
    return "\n".join(
        table(
            ["recording", "", "called unlike", "not stood by"],
            [
                [row.recording, row.source, _percent(row.unlike), _percent(row.not_known)]
                for row in _rows(NOVELTY)
            ],
        )
    )


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table."""
    return [_line(columns), "|---" * len(columns) + "|", *map(_line, rows)]


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _in_words(activity: object) -> str:
    return str(activity).replace("_", " ").lower()


def _rows(path: Path) -> list[Any]:
    return list(read_table(path).itertuples())


def _cv(row: Any) -> str:
    interval = f"{100 * row.cv_accuracy_low:.1f} to {100 * row.cv_accuracy_high:.1f}"
    return f"{_percent(row.cv_accuracy, 2)} ({interval})"


def _test(row: Any) -> str:
    if pd.isna(row.test_accuracy):
        return "–"
    spread = "" if pd.isna(row.test_accuracy_sd) else f" ± {100 * row.test_accuracy_sd:.2f}"
    return f"{_percent(row.test_accuracy, 2)}{spread} ({row.test_seeds})"


def _points(mean: float, low: float, high: float) -> str:
    return "–" if pd.isna(mean) else f"{100 * mean:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.{digits}%}"


def _share(value: float, digits: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


BLOCKS: dict[str, tuple[Path, Callable[[], str]]] = {
    "results": (LOCK, results),
    "experiments": (EXPERIMENTS, experiments),
    "rivals": (RIVALS, rivals),
    "two_folds": (ABLATION, partial(ablation, "two_folds")),
    "ablation": (ABLATION, partial(ablation, "ablation")),
    "first_ablation": (ABLATION, partial(ablation, "first_ablation")),
    "errors": (ERRORS, errors),
    "errors_held_out": (ERRORS_HELD_OUT, errors_held_out),
    "streaming": (STREAMING, streaming),
    "streaming_held_out": (STREAMING_HELD_OUT, partial(streaming, STREAMING_HELD_OUT)),
    "novelty": (NOVELTY, novelty),
}
"""What stands between `<!-- NAME: ... -->` and `<!-- /NAME -->`, and the file it is made from."""


def filled(text: str) -> str:
    """The README with every block written anew."""
    for name, (source, make) in BLOCKS.items():
        if not source.exists():
            continue
        begin, end = f"<!-- {name}: written by `make readme` -->", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise HarError(f"{README} lacks the marks {begin} and {end}")
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def main() -> None:
    """Replace what stands between the marks."""
    text = filled(README.read_text())
    with replacing_file(README) as partial:
        partial.write_text(text)


if __name__ == "__main__":
    with in_one_line():
        main()
