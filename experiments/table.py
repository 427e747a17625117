"""Make the tables of reports/ from the stored trials: `make tables`.

A configuration has a row once all its folds have been run; its figures on the test subjects follow
when those have.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from experiments import configurations
from har.errors import HarError, in_one_line
from har.evaluation import trials
from har.evaluation.trials import TEST, Trial, accuracy, compare, device_of, of_part, summary
from har.files import replacing_files

TRIALS = Path("experiments/trials")
EXPERIMENTS = Path("reports/experiments.csv")
RIVALS = Path("reports/rivals.csv")
ABLATION = Path("reports/ablation.csv")

DEFAULT = "default"
"""The settings of params.yaml as they are."""

AGAINST = {
    "two_folds": "two_folds_default",
    "ablation": "fast",
}
"""What the configurations of a group are compared with, each with a part changed."""


def write(tables: Mapping[Path, pd.DataFrame], float_format: str = "%.4f") -> None:
    """Write tables that belong together, by their files."""
    with replacing_files(*tables) as partials:
        for partial, table in zip(partials, tables.values(), strict=True):
            table.to_csv(partial, index=False, float_format=float_format)


def row(done: Sequence[Trial]) -> dict[str, object]:
    """One configuration's figures; accuracies and F1 as shares, times of one CPU thread."""
    both = summary(done)
    cv, test = both["cv"], both.get("test", {})
    seconds = [trial.train_seconds for trial in of_part(done, "test") or done]
    return {
        "name": both["name"],
        "parameters": both["parameters"],
        "device": both["device"],
        "train_seconds": round(sum(seconds) / len(seconds), 1),
        "cv_accuracy": cv["accuracy"],
        "cv_accuracy_low": cv["accuracy_low"],
        "cv_accuracy_high": cv["accuracy_high"],
        "cv_f1": cv["f1"],
        "test_seeds": test.get("seeds", 0),
        "test_accuracy": test.get("accuracy"),
        "test_accuracy_sd": test.get("accuracy_sd"),
        "test_f1": test.get("f1"),
        "worst_subject_accuracy": test.get("worst_subject_accuracy"),
    }


def rival_row(done: Sequence[Trial], ours: Sequence[Trial]) -> dict[str, object]:
    """The same, with what a rival costs besides, and how far the default is ahead of it."""
    both: dict[str, object] = row(done) | {
        "predict_ms": round(sum(trial.predict_ms for trial in done) / len(done), 4),
        "model_bytes": max(trial.model_bytes for trial in done),
    }
    for part in ("cv", "test"):
        own, other = of_part(ours, part), of_part(done, part)
        difference = compare(own, other) if own and other and done is not ours else None
        both |= {
            f"{part}_behind": difference and difference.mean,
            f"{part}_behind_low": difference and difference.low,
            f"{part}_behind_high": difference and difference.high,
        }
    return both


def ablation_row(done: Sequence[Trial], reference: Sequence[Trial], note: str) -> dict[str, object]:
    """How a configuration differs from the reference in the cross-validation, by person."""
    folds = of_part(done, "cv")
    difference = compare(folds, of_part(reference, "cv"))
    return {
        "name": done[0].name,
        "against": reference[0].name,
        "note": note,
        "seeds": len({trial.seed for trial in folds}),
        "cv_accuracy": accuracy(folds),
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "people_better": difference.better,
        "people_worse": difference.worse,
    }


def finished(done: Sequence[Trial]) -> list[Trial]:
    """The trials on the test subjects, and those of seeds for which every fold has been run."""
    parts: dict[int, set[str]] = {}
    for trial in done:
        if trial.part != TEST:
            parts.setdefault(trial.seed, set()).add(trial.part)
    whole = {
        seed
        for seed, found in parts.items()
        if len(found) == int(next(iter(found)).partition("of")[2])
    }
    return [trial for trial in done if trial.part == TEST or trial.seed in whole] if whole else []


def main() -> None:
    known = configurations.read()
    everything = trials.load_all(TRIALS)
    stored = {name: kept for name, done in everything.items() if (kept := finished(done))}
    if left := [name for name in everything if name not in stored]:
        print(f"not in the tables, since a fold is missing: {', '.join(left)}")
    rivals = [name for name in stored if stored[name][0].parameters is None]
    ablation = [name for name in known if name in stored and known[name].group in AGAINST]
    # In the file's order, then those of one's own that it does not name.
    networks = [name for name in dict.fromkeys([*known, *stored]) if name in stored]
    networks = [name for name in networks if name not in (*rivals, *ablation)]
    reference = {name: AGAINST[known[name].group] for name in ablation}
    reference |= dict.fromkeys(rivals, DEFAULT)
    elsewhere = [
        name
        for name, against in reference.items()
        if against in stored and device_of(stored[name]) != device_of(stored[against])
    ]
    if elsewhere:
        print(f"not compared, since trained on another device: {', '.join(elsewhere)}")
    tables = {
        EXPERIMENTS: [row(stored[name]) for name in networks],
        RIVALS: [
            rival_row(stored[name], stored[DEFAULT])
            for name in (DEFAULT, *rivals)
            if rivals and DEFAULT in stored and name not in elsewhere
        ],
        ABLATION: [
            ablation_row(stored[name], stored[against], known[name].note)
            for name in ablation
            if (against := reference[name]) in stored and name not in (against, *elsewhere)
        ],
    }
    if not any(tables.values()):
        raise HarError(f"{TRIALS} holds no finished cross-validation: run `make experiments`")
    write({path: pd.DataFrame(rows) for path, rows in tables.items() if rows}, "%.6g")
    for path, rows in tables.items():
        done = f"{len(rows)} rows" if rows else "left as it is, no finished trials for it"
        print(f"{path}: {done}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with in_one_line():
        main()
