"""Queue named configurations as DVC experiments and run them: `make experiments`.

Each becomes a DVC experiment of its own name, in which experiments/dvc.yaml cross-validates the
configuration and scores it on the test subjects; those of the ablations, which are there to choose
by, are never scored on them. What an earlier run has finished is not run again. Whatever else waits
in DVC's queue runs too.

    python -m experiments                         # all of configurations.yaml
    python -m experiments lstm_standard bilstm    # some of them
    python -m experiments --group readme --seeds 1 --test-seeds 5
"""

import argparse
import subprocess
import sys

from experiments import configurations, table
from har.errors import HarError, in_one_line

STAGE = "experiments/dvc.yaml:crossval"


def main() -> None:
    known = configurations.read()
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Run named configurations as DVC experiments.",
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
    made = dvc("exp", "list", "--name-only", capture=True).split()
    waiting = dvc("queue", "status", capture=True).split()
    for name, configuration in chosen.items():
        settings = configuration.settings | {
            "crossval.name": name,
            "crossval.seeds": arguments.seeds,
            "crossval.test_seeds": 0
            if configuration.group in table.AGAINST
            else arguments.test_seeds,
        }
        if name in made:
            dvc("exp", "remove", name)
        elif name in waiting:  # left by a run that was interrupted
            continue
        changes = [
            part for key, value in settings.items() for part in ("-S", assignment(key, value))
        ]
        dvc("exp", "run", "--queue", "--name", name, *changes, STAGE)
    dvc("exp", "run", "--run-all")
    made = dvc("exp", "list", "--name-only", capture=True).split()
    if failed := [name for name in chosen if name not in made]:
        raise HarError(
            f"{', '.join(failed)} did not finish; `dvc queue logs {failed[0]}` says why, and the "
            "same command goes on"
        )
    table.main()


def assignment(key: str, value: object) -> str:
    """A setting as `dvc exp run -S` takes it."""
    if isinstance(value, list):
        return f"{key}=[{','.join(map(str, value))}]"
    return f"{key}={str(value).lower() if isinstance(value, bool) else value}"


def dvc(*arguments: str, capture: bool = False) -> str:
    """Run a DVC command.

    Raises:
        HarError: It failed; DVC has said why.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        raise HarError(f"`dvc {' '.join(arguments[:3])}` failed (see above)")
    return done.stdout or ""


if __name__ == "__main__":
    with in_one_line(
        "interrupted; finished trainings are kept. DVC's queue goes on by itself: "
        "`dvc queue stop --kill` ends it, and the same command goes on"
    ):
        main()
