"""How one recogniser does on people, phones and places that it never saw.

`choose` compares candidate settings without the data set that they are to be scored on; `score`
leaves each data set out once; docs/experiments.md tells the protocol. Each training leaves a file
in experiments/transfer/, and what is there is not run again. The tables are made of these files:
reports/anyone_choice.csv, reports/anyone.csv and reports/anyone_robustness.csv.

    python -m experiments.anyone choose                  # candidates: an hour each on one core
    python -m experiments.anyone score --seeds 3         # the chosen settings, and rivals
    python -m experiments.anyone tables
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from experiments import anyone_tables as tables
from experiments import networks
from experiments.anyone_trials import Transfer, load, load_all, path_of
from experiments.table import write
from har import yaml
from har.data.loading import read_with_digest
from har.data.windows import Windows, cut_windows, with_channels
from har.errors import HarError, in_one_line
from har.evaluation import changes, transfer
from har.evaluation.changes import Change
from har.evaluation.transfer import AS_RECORDED
from har.evaluation.trials import store
from har.learning.balance import draw_weights
from har.learning.networks import predict_probabilities
from har.parallel import side_by_side
from har.params import Params, Workers, checked
from har.signals.channels import groups_of as channel_groups_of
from har.signals.recordings import ACTIVITIES, BASE_CHANNELS
from stages.common import RAW

SETTINGS = Path("anyone/params.yaml")
CANDIDATES = Path(__file__).with_suffix(".yaml")
CHOICE, TABLE, ROBUSTNESS = (
    Path(f"reports/anyone{ending}.csv") for ending in ("_choice", "", "_robustness")
)
TARGETS = ("motion_sense", "usc_had", "hapt", "dsads")
EVERY = 4
"""Of the windows that are measured otherwise, each fourth is scored."""

LEARNT_FROM = {"random_forest": 20_000, "minirocket": 5_000}
"""Methods of `experiments.rivals` that are scored too, and how many windows each learns from.

MiniRocket's solver takes time as the cube of them.
"""

NOT_DECIDING = ("seed", "threads", "processes", "device", "keep")
"""Settings of the training that a trial's outcome is not asked about."""

Predict = Callable[[np.ndarray], np.ndarray]
"""From windows (windows, size, 9) of the `BASE_CHANNELS` to the probabilities of `ACTIVITIES`."""


def settings_of(method: str) -> Params:
    """The settings of a method or candidate: those of anyone/params.yaml, changed."""
    if method == "benchmark":  # as many windows as `chosen` sees, in place of 40 times all
        names = ["--dataset.names", f"[{', '.join(TARGETS)}]"]
        return Params.read(Path("params.yaml"), [*names, "--train.epochs=3"])
    candidates = yaml.read(CANDIDATES)
    if method in LEARNT_FROM:  # on the same windows, drawn alike
        method = "chosen"
    if method not in candidates:
        raise HarError(f"{CANDIDATES} has no {method}; it has {', '.join(candidates)}")
    own = candidates[method] or {}
    return Params.read(SETTINGS, [f"--{key}={value}" for key, value in own.items()])


def train_network(params: Params, seed: int, train: Windows) -> Predict:
    """A network of these settings, trained on these windows in g and rad/s."""
    network, record, _ = networks.fitted(params, train, seed=seed)

    def predict(signals: np.ndarray) -> np.ndarray:
        made = with_channels(replace(train, signals=signals), params.windowing.channels).signals
        return predict_probabilities(network, record.scaling.apply(made), torch.device("cpu"))

    return predict


def train_rival(name: str, params: Params, seed: int, train: Windows) -> Predict:
    """A method without a network (`experiments.rivals`), of windows drawn and turned as for one."""
    from experiments.rivals import RIVALS

    rng = np.random.default_rng(seed)
    chances = draw_weights(train, params.train.balance)
    drawn = rng.choice(len(train), LEARNT_FROM[name], p=chances)
    rotations = Rotation.random(len(drawn), random_state=seed).as_matrix()
    signals = changes.turned(rotations)(train.signals[drawn])
    rival = RIVALS[name]
    model = rival.make(seed)
    model.fit(rival.features(signals), train.label[drawn])

    def predict(windows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(windows), len(train.activities)))
        given = rival.features(windows)
        if name == "minirocket":  # says the class alone; least squares of -1 and 1 says how much so
            scores = model.pipeline_.decision_function(given)
            found[:, model.classes_] = np.clip((1 + scores) / 2, 1e-6, None)
            found /= found.sum(axis=1, keepdims=True)
            return found
        found[:, model.classes_] = model.predict_proba(given)
        return found

    return predict


def conditions(count: int) -> dict[str, Change]:
    """What is tried on windows, by name."""
    return {
        "turned by any angle": changes.turned(Rotation.random(count, random_state=0).as_matrix()),
        **{f"facing {angle} degrees": changes.facing(angle) for angle in range(30, 360, 30)},
        "20 Hz": changes.at_rate(20),
        "25 Hz": changes.at_rate(25),
        "100 Hz": changes.at_rate(100),
        "noise": changes.noisy(0),
        "a gap of 0.2 s": changes.with_gap(),
        "stamped in bursts": changes.in_bursts(),
    }


def run(
    windows: Windows,
    method: str,
    sources: Sequence[str],
    targets: Sequence[str],
    seed: int,
    robustness: bool,
) -> Transfer:
    """Learn from some data sets and score on others.

    Args:
        windows: Of all data sets, of the nine `BASE_CHANNELS`.
        method: `"benchmark"`, a rival of `LEARNT_FROM` or a candidate.
        sources: Their training people teach.
        targets: All of their people are scored.
        seed: Of the training.
        robustness: Score on windows measured otherwise too.
    """
    params = settings_of(method)
    taught = windows.select(np.isin(windows.dataset, sources) & (windows.split == "train"))
    if method in LEARNT_FROM:
        predict = train_rival(method, params, seed, taught)
    else:
        predict = train_network(params, seed, taught)
    scores, losses = {}, {}
    for target in targets:
        unseen = windows.select(windows.dataset == target)
        probabilities = predict(unseen.signals)
        scores[target] = {AS_RECORDED: transfer.groups_of(unseen, probabilities)}
        losses[target] = transfer.losses(unseen, probabilities)
        if robustness:
            some = unseen.select(np.arange(len(unseen)) % EVERY == 0)
            scores[target] |= {
                name: transfer.groups_of(some, predict(change(some.signals)))
                for name, change in {
                    "each fourth window": lambda signals: signals,
                    **conditions(len(some)),
                }.items()
            }
    return Transfer(
        method=method,
        sources=list(sources),
        seed=seed,
        settings=deciding(params),
        dataset_digest=windows.dataset_digest,
        scores=scores,
        losses=losses,
    )


def deciding(params: Params) -> dict[str, Any]:
    """The settings that decide a trial's outcome."""
    sections = ("windowing", "normalization", "model", "train", "augmentation")
    return {
        name: value
        for name, value in params.flat().items()
        if name.split(".")[0] in sections and name not in {f"train.{each}" for each in NOT_DECIDING}
    }


def missing(
    trials: Sequence[tuple[str, Sequence[str], int]],
) -> list[tuple[str, Sequence[str], int]]:
    """Those that are not stored.

    Raises:
        HarError: One is stored that was made with other settings.
    """
    left = []
    for method, sources, seed in trials:
        params = settings_of(method)
        path = path_of(method, sources, seed)
        if not path.exists():
            left.append((method, sources, seed))
        elif load(path).settings != deciding(params):
            raise HarError(f"{path} is of other settings: delete {path.parent} to begin anew")
    return left


def all_windows() -> Windows:
    """The windows of all data sets, in g and rad/s, with the activities of all."""
    params = Params.read(SETTINGS)
    recordings, digest = read_with_digest(TARGETS, RAW, params.simulated)
    groups = channel_groups_of(BASE_CHANNELS)
    made = cut_windows(recordings, params.windowing.size, params.windowing.overlap, groups, digest)
    if made.activities.tolist() != list(ACTIVITIES):
        raise HarError(f"the data sets have {made.activities.tolist()}, not all activities")
    return made


def run_all(trials: Sequence[tuple[str, Sequence[str], int]], jobs: int, *, choosing: bool) -> None:
    """Run those of the trials that are not stored, and store them."""
    left = missing(trials)
    print(f"{len(trials)} trainings, {len(trials) - len(left)} of them stored", flush=True)
    if not left:
        return
    windows = all_windows()
    candidates = yaml.read(CANDIDATES)
    if choosing:  # the people of UCI HAR's official test take no part in a choice
        windows = windows.of("train")
    work = (
        partial(
            run,
            windows,
            method,
            sources,
            [name for name in TARGETS if name not in sources],
            seed,
            robustness=not choosing and seed == 0 and method in candidates,
        )
        for method, sources, seed in left
    )
    for done in side_by_side(work, checked(Workers, jobs=jobs)):
        store(done.path, done)
        print(f"{done.method}: {' + '.join(done.sources)}, seed {done.seed}", flush=True)


def write_tables() -> None:
    """Make the tables of the stored trials."""
    trials = load_all()
    choosing = [trial for trial in trials if len(trial.sources) == 2]
    scoring = [trial for trial in trials if len(trial.sources) == 3]
    made = {}
    if choosing:
        made[CHOICE] = tables.choice_table(choosing, TARGETS)
    if scoring:
        made[TABLE] = tables.table(scoring, TARGETS)
        made[ROBUSTNESS] = tables.robustness_table(scoring)
    if chosen := [trial for trial in scoring if trial.method == "chosen"]:
        print("calibration, by data sets left out:", tables.calibration(chosen))
    write(made)
    for path in made:
        print(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.anyone",
        description="Score one recogniser on data sets that it never saw.",
    )
    parser.add_argument("what", choices=["choose", "score", "tables"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="candidates or methods")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per target (default: 3)")
    parser.add_argument("--jobs", type=int, default=-1, help="trainings side by side")
    arguments = parser.parse_args()
    if arguments.what == "choose":
        names = arguments.names or [
            name for name in yaml.read(CANDIDATES) if name.startswith("short")
        ]
        pairs = list(combinations(TARGETS, 2))
        trials = [(name, pair, 0) for name in names for pair in pairs]
        run_all(trials, arguments.jobs, choosing=True)
    elif arguments.what == "score":
        names = arguments.names or ["chosen", "no_gyroscope", "benchmark", "random_forest"]
        run_all(
            [
                (name, [each for each in TARGETS if each != target], seed)
                for name in names
                for target in TARGETS
                for seed in range(arguments.seeds if name == "chosen" else 1)
            ],
            arguments.jobs,
            choosing=False,
        )
    write_tables()


if __name__ == "__main__":
    with in_one_line("interrupted; finished trainings are kept, and the same command goes on"):
        main()
