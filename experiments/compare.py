"""Say whether one configuration is better than another by more than chance.

python -m experiments.compare default minirocket
python -m experiments.compare default lstm_standard --part test
"""

import argparse

from experiments.table import TRIALS, finished
from har.errors import HarError, in_one_line
from har.evaluation import trials
from har.evaluation.trials import Trial, compare


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.compare",
        description="Compare two configurations on the people that both were scored on.",
    )
    parser.add_argument("first", metavar="NAME", help="a configuration with stored trials")
    parser.add_argument("second", metavar="OTHER", help="the one to compare it with")
    parser.add_argument(
        "--part", choices=["cv", "test"], default="cv", help="held-out people, or test subjects"
    )
    arguments = parser.parse_args()
    first, second = (
        stored_trials(name, arguments.part) for name in (arguments.first, arguments.second)
    )
    difference = compare(first, second)
    print(
        f"{arguments.first} {trials.accuracy(first):.2%}, "
        f"{arguments.second} {trials.accuracy(second):.2%}: "
        f"{100 * difference.mean:+.2f} points, 95 % interval {100 * difference.low:+.2f} to "
        f"{100 * difference.high:+.2f} (bootstrap over {difference.people} people; better for "
        f"{difference.better}, worse for {difference.worse})"
    )
    print(
        "more than chance"
        if difference.more_than_chance
        else "not more than chance: the interval holds zero"
    )


def stored_trials(name: str, part: str) -> list[Trial]:
    """The stored trials of a configuration, on folds or on the test subjects."""
    stored = [trials.load(path) for path in sorted((TRIALS / name).glob("*.json"))]
    whole = finished(stored) if part == "cv" else stored
    chosen = trials.of_part(whole, part)
    if not chosen:
        there = sorted(path.name for path in TRIALS.glob("*") if path.is_dir())
        raise HarError(
            f"{name} has no finished {part} trials; there are trials of {', '.join(there)}"
        )
    return chosen


if __name__ == "__main__":
    with in_one_line():
        main()
