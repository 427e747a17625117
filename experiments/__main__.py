"""Cross-validate named configurations and score them on the test subjects: `make experiments`.

One after the other, as `experiments.crossval` does with settings of one's own; how many trainings
run side by side, `workers.jobs` of params.yaml says. Trainings that an earlier run has finished
are not run again, and a configuration that fails does not keep the others from running. Those of
the ablations, which are there to choose by, are never scored on the test subjects.

    python -m experiments                         # all of configurations.yaml
    python -m experiments lstm_standard bilstm    # some of them
    python -m experiments --group readme --seeds 1 --test-seeds 5
"""

import argparse
import json
import sys
from typing import Any

from experiments import configurations, crossval, table
from har.errors import HarError, in_one_line
from har.params import Params
from stages.common import PARAMS


def main() -> None:
    known = configurations.read()
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Cross-validate named configurations.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument(
        "--group", choices=sorted({each.group for each in known.values()}), help="all of a group"
    )
    parser.add_argument("--seeds", type=int, default=1, help="trainings per fold (default: 1)")
    parser.add_argument(
        "--test-seeds", type=int, default=5, help="trainings for the test subjects (default: 5)"
    )
    arguments = parser.parse_args()
    if arguments.names and arguments.group:
        raise HarError("give names or --group, not both")
    if unknown := sorted(set(arguments.names) - set(known)):
        raise HarError(f"no configuration {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = {
        name: configuration
        for name, configuration in known.items()
        if name in arguments.names
        or (not arguments.names and arguments.group in (None, configuration.group))
    }
    failed = []
    for name, configuration in chosen.items():
        protocol = {
            "crossval.name": name,
            "crossval.seeds": arguments.seeds,
            "crossval.test_seeds": 0
            if configuration.group in table.AGAINST
            else arguments.test_seeds,
        }
        try:
            crossval.main(with_settings(configuration.settings | protocol))
        except HarError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
    if len(failed) < len(chosen):
        table.main()
    if failed:
        raise HarError(f"{', '.join(failed)} did not finish; each says why above")


def with_settings(settings: dict[str, Any]) -> Params:
    """The settings of params.yaml with others, by dotted name, in their place."""
    return Params.read(PARAMS, [f"--{key}={json.dumps(value)}" for key, value in settings.items()])


if __name__ == "__main__":
    with in_one_line("interrupted; finished trainings are kept, and the same command goes on"):
        main()
