"""Write the results in README.md from the files in reports/: `make readme`."""

import sys
from pathlib import Path

import yaml

from har.errors import HarError
from har.files import replacing_file
from stages.common import HISTORY, PER_CLASS, PER_SUBJECT, read_metrics, read_table

LOCK = Path("dvc.lock")
README = Path("README.md")
BEGIN, END = "<!-- results: written by `make readme` -->", "<!-- /results -->"


def results() -> str:
    """The results as Markdown."""
    metrics = read_metrics()
    per_class, per_subject = read_table(PER_CLASS), read_table(PER_SUBJECT)
    trained = yaml.safe_load(LOCK.read_text())["stages"]["train"]["params"]["params.yaml"]
    both = "bidirectional " if trained["model.bidirectional"] else ""
    test = metrics["test"]
    lines = [
        f"Data set `{metrics['dataset']}`; {both}{trained['model.cell'].upper()}, "
        f"{trained['model.num_layers']} layers of {trained['model.hidden_size']} units, "
        f"{metrics['parameters']:,} parameters; {len(read_table(HISTORY))} epochs.",
        "",
        "| part | accuracy | loss | F1 | precision | recall |",
        "|---|---|---|---|---|---|",
    ]
    names = {"train": "training subjects", "val": "validation subjects", "test": "test subjects"}
    for part, name in names.items():
        if scores := metrics[part]:
            others = (f"{scores[key]:.3f}" for key in ("loss", "f1", "precision", "recall"))
            lines.append(f"| {name} | {scores['accuracy']:.1%} | {' | '.join(others)} |")
    lines += [
        "",
        f"On the {per_subject['windows'].sum():,} windows of the {len(per_subject)} test subjects: "
        f"between {test['accuracy_by_subject_min']:.1%} and {per_subject['accuracy'].max():.1%} "
        f"a person; expected calibration error {test['ece']:.3f}.",
        "",
        "| activity | precision | recall | F1 | windows |",
        "|---|---|---|---|---|",
    ]
    for row in per_class.itertuples():
        name = str(row.activity).replace("_", " ").lower()
        lines.append(
            f"| {name} | {row.precision:.2f} | {row.recall:.2f} | {row.f1:.2f} | {row.support} |"
        )
    subjects = " | ".join(str(subject) for subject in per_subject["subject"])
    accuracies = " | ".join(f"{accuracy:.1%}" for accuracy in per_subject["accuracy"])
    lines += [
        "",
        f"| test subject | {subjects} |",
        "|---" * (len(per_subject) + 1) + "|",
        f"| accuracy | {accuracies} |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Replace what stands between the marks."""
    text = README.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise HarError(f"{README} lacks the marks {BEGIN} and {END}")
    with replacing_file(README) as partial:
        partial.write_text(f"{before}{begin}\n{results()}\n{end}{after}")


if __name__ == "__main__":
    try:
        main()
    except (HarError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
