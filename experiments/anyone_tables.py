"""The tables of the trials of `experiments.anyone`."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.anyone_trials import Transfer
from har.evaluation import metrics, transfer
from har.evaluation.transfer import AS_RECORDED, Group


def choice_table(trials: Sequence[Transfer], targets: Sequence[str]) -> pd.DataFrame:
    """A row per candidate: for each target, the mean over trials that never saw or scored it."""
    rows = []
    for method in dict.fromkeys(trial.method for trial in trials):
        row: dict[str, Any] = {"candidate": method}
        for target in targets:
            decisive = [
                transfer.accuracy(groups[AS_RECORDED], "merged")
                for trial in trials
                if trial.method == method and target not in trial.sources
                for name, groups in trial.scores.items()
                if name != target
            ]
            row[target] = np.mean(decisive) if len(decisive) == len(targets) - 1 else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def table(trials: Sequence[Transfer], targets: Sequence[str]) -> pd.DataFrame:
    """A row per method, target and placement, means over seeds."""
    rows = []
    for method, target, placement, groups_by_seed in _cells(trials, targets):
        one = groups_by_seed[0]
        row: dict[str, Any] = {
            "method": method,
            "target": target,
            "placement": placement,
            "seeds": len(groups_by_seed),
            "people": len({group.subject for group in one}),
            "windows": int(transfer.pooled(one, "open").sum()),
        }
        for way in ("open", "restricted", "merged"):
            row[way] = np.mean([transfer.accuracy(groups, way) for groups in groups_by_seed])
        bounds = np.mean([transfer.interval(groups, "merged") for groups in groups_by_seed], axis=0)
        row["merged_low"], row["merged_high"] = bounds
        row["merged_f1"] = np.mean(
            [metrics.macro_f1(transfer.pooled(groups, "merged")) for groups in groups_by_seed]
        )
        row["merged_worst_person"] = np.mean(
            [min(transfer.by_person(groups, "merged").values()) for groups in groups_by_seed]
        )
        rows.append(row)
    return pd.DataFrame(rows)


def _cells(
    trials: Sequence[Transfer], targets: Sequence[str]
) -> Iterator[tuple[str, str, str, list[list[Group]]]]:
    for method in dict.fromkeys(trial.method for trial in trials):
        for target in targets:
            seeds = [
                trial.scores[target][AS_RECORDED]
                for trial in trials
                if trial.method == method and target in trial.scores
            ]
            if not seeds:
                continue
            yield method, target, "all", seeds
            placements = sorted({group.placement for group in seeds[0]})
            for placement in placements if len(placements) > 1 else ():
                yield (
                    method,
                    target,
                    placement,
                    [
                        [group for group in groups if group.placement == placement]
                        for groups in seeds
                    ],
                )


def calibration(trials: Sequence[Transfer]) -> dict[str, float]:
    """The temperatures that fit data sets never seen best, each data set counting alike.

    Args:
        trials: Of one method, each scored on what it never saw.
    """

    def best(way: str) -> float:
        curves = [losses[way] for trial in trials for losses in trial.losses.values()]
        return float(transfer.TEMPERATURES[int(np.mean(curves, axis=0).argmin())])

    temperature = best("merged")
    # On top of the other one; no less than 1, since postures are not easier than all the rest.
    posture = max(best("postures") / temperature, 1.0)
    return {"temperature": temperature, "posture_temperature": round(posture, 2)}


def robustness_table(trials: Sequence[Transfer]) -> pd.DataFrame:
    """A row per method and condition: what it costs in points, on each target."""
    rows = []
    for trial in trials:
        for target, by_condition in trial.scores.items():
            if len(by_condition) == 1:
                continue
            before = transfer.accuracy(by_condition["each fourth window"], "merged")
            for condition, groups in by_condition.items():
                if condition not in (AS_RECORDED, "each fourth window"):
                    lost = before - transfer.accuracy(groups, "merged")
                    rows.append([trial.method, condition, target, 100 * lost])
    long = pd.DataFrame(rows, columns=["method", "condition", "target", "points_lost"])
    # Of the directions the worst: one a data set.
    long["condition"] = long.condition.str.replace(
        r"facing \d+ degrees", "facing the worst of 11 directions", regex=True
    )
    return long.pivot_table(
        index=["method", "condition"],
        columns="target",
        values="points_lost",
        aggfunc="max",
        sort=False,
    ).reset_index()
