"""Write the results of reports/ into README.md and four pages of docs/: `make readme`."""

import json
from pathlib import Path
from typing import Any

from experiments import configurations, teach, teach_own
from experiments.anyone import CHOICE, ROBUSTNESS, TARGETS
from experiments.anyone import TABLE as ANYONE
from experiments.anyone_postures import TABLE as POSTURES
from experiments.anyone_within import TABLE as WITHIN
from experiments.calibrate import CALIBRATION
from experiments.errors import ERRORS, ERRORS_HELD_OUT
from experiments.streaming import NOVELTY, STREAMING
from experiments.streaming_held_out import STREAMING_HELD_OUT
from experiments.table import ABLATION, EXPERIMENTS, RIVALS
from har.data.datasets import DATASETS
from har.errors import HarError, in_one_line
from har.model.bundle import MODEL, RELEASED
from stages.reports import read_history, read_metrics, read_scores, read_table
from tools.rendering import render, write
from tools.report import merged_accuracy

README = Path("README.md")
PAGE = Path("docs/experiments.md")
ANYONE_PAGE = Path("docs/anyone.md")
TEACH_PAGE = Path("docs/teach.md")
FAULTS_PAGE = Path("docs/faults.md")
FAULTS = Path("reports/faults.csv")
BELOW = Path("anyone")

BEGIN, END = "<!-- results: written by `make readme` -->", "<!-- /results -->"

TABLES = {
    "experiments": EXPERIMENTS,
    "rivals": RIVALS,
    "ablation": ABLATION,
    "errors": ERRORS,
    "errors_held_out": ERRORS_HELD_OUT,
    "streaming": STREAMING,
    "streaming_held_out": STREAMING_HELD_OUT,
    "novelty": NOVELTY,
    "anyone": ANYONE,
    "choice": CHOICE,
    "robustness": ROBUSTNESS,
    "postures": POSTURES,
    "within": WITHIN,
    "teach": teach.TABLE,
    "teach_adapted": teach.ADAPTED,
    "teach_own": teach_own.TABLE,
    "faults": FAULTS,
}
"""Which table in reports/ a template finds under which name, beside the pipeline's own."""


def results() -> dict[str, Any]:
    """What the templates are filled with: every table of reports/ as rows by column.

    Raises:
        HarError: A file in reports/ is missing or damaged.
    """
    read = {name: read_table(path) for name, path in TABLES.items()}
    _, per_class, per_subject = read_scores()
    read |= {"history": read_history(), "per_class": per_class, "per_subject": per_subject}
    return {name: table.to_dict("records") for name, table in read.items()} | {
        "metrics": read_metrics(),
        "calibration": _calibration(),
        "configurations": configurations.read(),
        "titles": {name: DATASETS[name].TITLE for name in TARGETS},
        "goals": _goals(),
        "teaching": _teaching(),
    }


def _goals() -> dict[str, float | None]:
    """What the recogniser of any phone reaches of its goals, by row of docs/anyone.md."""
    table, lost = read_table(ANYONE), read_table(ROBUSTNESS)
    rows: list[dict[Any, Any]] = table.to_dict("records")
    scored = {(row["method"], row["target"], row["placement"]): row for row in rows}

    by_candidate = read_table(CHOICE).set_index("candidate")

    def picked(target: str) -> str:
        """The method that the rule of choosing takes for a data set."""
        plain = by_candidate[target]["short_plain"] > by_candidate[target]["short"]
        return "plain" if plain else "chosen"

    def merged(target: str, placement: str = "all", method: str = "") -> float:
        return float(scored[method or picked(target), target, placement]["merged"])

    three = [merged(name) for name in ("motion_sense", "usc_had", "hapt")]
    turned = lost[(lost.method == "chosen") & (lost.condition == "turned by any angle")]
    without = [
        100 * (merged(name, method="chosen") - merged(name, method="no_gyroscope"))
        for name in TARGETS
        if ("no_gyroscope", name, "all") in scored
    ]
    official = read_table(POSTURES).query("target == 'official_test'").set_index("placement_is")
    return {
        "mean": sum(three) / 3,
        "lowest": min(three),
        "pocket": merged("motion_sense"),
        "hip": merged("usc_had"),
        "waist": merged("hapt"),
        "torso": merged("dsads", "torso"),
        "legs": min(merged("dsads", f"{side}_leg") for side in ("left", "right")),
        "arms": min(merged("dsads", f"{side}_arm") for side in ("left", "right")),
        "worst": min(
            float(scored[picked(name), name, "all"]["merged_worst_person"]) for name in TARGETS[:3]
        ),
        "motion_sense": float(scored[picked("motion_sense"), "motion_sense", "all"]["restricted"]),
        "turned": float(turned[list(TARGETS)].to_numpy().max()),
        "no_gyroscope": max(without) if len(without) == len(TARGETS) else None,
        "official": float(official.accuracy["not told"]),
        "official_told": float(official.accuracy["told"]),
        "official_merged": merged_accuracy(read_scores(BELOW).predictions),
        "megabytes": (RELEASED / MODEL).stat().st_size / 1e6,
    }


def _teaching() -> dict[str, Any]:
    """What profiles reach of their goals, and what their constants were chosen by."""
    table, people = read_table(teach.TABLE), read_table(teach.PEOPLE)
    unseen = table[table.dataset != "uci_har"].groupby("shown")
    reached = unseen[["accuracy", "restricted"]].mean()
    reached["worst_low"] = unseen.accuracy_worst_person.min()
    reached["worst_high"] = unseen.accuracy_worst_person.max()

    by_wearer = people.set_index(["dataset", "subject", "placement"])[
        ["shown", "accuracy", "smoothed"]
    ]
    before, after = (
        by_wearer[by_wearer.shown == shown].drop(columns="shown")
        for shown in ("nothing", "5 windows")
    )
    lost = after - before < -0.01
    known = lost.index.get_level_values("dataset") == "uci_har"

    choice = read_table(teach.CHOICE)
    candidates = choice.pivot(index="candidate", columns="target", values="5 windows")
    alone = choice[choice.target != "uci_har"].groupby("candidate")
    candidates["alone"] = alone["one activity, gained"].mean()
    candidates["worst"] = alone["the worst of these"].mean()
    in_order = candidates.loc[list(teach.CANDIDATES)].reset_index()

    adapted = read_table(teach.ADAPTED).query("dataset != 'uci_har'")
    bout = table[(table.dataset == "uci_har") & (table.shown == "one bout")].iloc[0]
    return {
        "unseen": reached.to_dict("index"),
        "bout": bout.to_dict(),
        "worse": {
            "unseen": int(lost.accuracy[~known].sum()),
            "wearers": int((~known).sum()),
            "uci_har": int(lost.accuracy[known].sum()),
            "smoothed": int(lost.smoothed[known].sum()),
            "people": int(known.sum()),
        },
        "candidates": in_order.to_dict("records"),
        "adapted": float((adapted.after - adapted.before).mean()),
        "tested": read_table(teach.TEST).set_index("shown").to_dict("index"),
    }


def _calibration() -> dict[str, float]:
    try:
        figures: dict[str, float] = json.loads(CALIBRATION.read_text())
    except FileNotFoundError:
        raise HarError(
            f"{CALIBRATION} is not there: make it with `python -m experiments.calibrate`"
        ) from None
    except ValueError:
        raise HarError(
            f"{CALIBRATION} is damaged: make it anew with `python -m experiments.calibrate`"
        ) from None
    return figures


def with_results(text: str, table: str) -> str:
    """A text whose part between the two marks is `table`.

    Raises:
        HarError: A mark is missing.
    """
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise HarError(f"{README} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def texts() -> dict[Path, str]:
    """README.md and the pages as they should be by the files in reports/."""
    known = results()
    return {
        README: with_results(README.read_text("utf-8"), render("results.md.j2", **known)),
        PAGE: render("experiments.md.j2", **known),
        ANYONE_PAGE: render("anyone.md.j2", **known),
        TEACH_PAGE: render("teach.md.j2", **known),
        FAULTS_PAGE: render("faults.md.j2", **known),
    }


def main() -> None:
    """Write all."""
    write(texts())


if __name__ == "__main__":
    with in_one_line():
        main()
