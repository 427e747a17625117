"""Every setting, as one typed model: ranges, units, what it is for, and its default.

The pipeline reads them from a YAML file; a stage run by hand takes any of them on its command line.
"""

import math
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from har.errors import HarError, shown
from har.signals.channels import CHANNEL_GROUPS
from har.yaml import parse, read

RAW, OWN = Path("data/raw"), Path("data/own")
"""Where the data sets' files, a folder each, and a person's own recordings lie, by default."""

MAX_SEED = 2**32 - 1

MOST_PROBLEMS = 10
"""Problems that a message shows."""


DATASETS = ("uci_har", "hapt", "motion_sense", "usc_had", "dsads", "recordings", "simulated")
"""What `dataset.names` may name: a module each in har/data/datasets."""

SAME_PEOPLE = ("uci_har", "hapt", "simulated")
"""Those that number the same people, of which one alone can be used."""


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("one is named twice")
    return names


def _of_different_people(names: list[str]) -> list[str]:
    for name in names:
        if name not in DATASETS:
            raise ValueError(f"{name!r} is none of {', '.join(DATASETS)}")
    if len(same := [name for name in dict.fromkeys(names) if name in SAME_PEOPLE]) > 1:
        raise ValueError(
            f"{same[0]} and {same[1]} cannot be used together: hapt has uci_har's people and "
            "sessions, and simulated people stand for them; name one of the two"
        )
    return _each_once(names)


def _known_groups(groups: list[str]) -> list[str]:
    for group in groups:
        if group not in CHANNEL_GROUPS:
            raise ValueError(f"{group!r} is none of {', '.join(CHANNEL_GROUPS)}")
    return _each_once(groups)


def _count_or_subjects(subjects: int | list[int]) -> int | list[int]:
    if isinstance(subjects, int) and subjects < 0:
        raise ValueError("should be 0 or more")
    if isinstance(subjects, list) and len(set(subjects)) < len(subjects):
        raise ValueError("a subject is named twice")
    return subjects


def _all_or_some(jobs: int) -> int:
    if jobs < 1 and jobs != -1:
        raise ValueError("should be -1, or 1 or more")
    return jobs


def _odd(length: int) -> int:
    if length % 2 == 0:
        raise ValueError("should be odd")
    return length


Kernel = Annotated[int, Field(ge=1, le=255), AfterValidator(_odd)]
Frame = Literal["measured", "upright", "lengths"]
Level = Annotated[float, Field(gt=0, le=100)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Pool = Annotated[int, Field(ge=1, le=16)]
Subject = Annotated[int, Field(ge=0, le=1_000_000)]


class Section(BaseModel):
    """What all sections share: an unknown key is refused, and so is a number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # YAML's `true` would pass for 1, in a list too.
        field = cls.model_fields[info.field_name or ""]
        values = value if isinstance(value, list) else [value]
        if field.annotation is not bool and any(isinstance(each, bool) for each in values):
            raise ValueError("is true or false, should be something else")
        return value


class Dataset(Section):
    """Which data."""

    names: Annotated[list[str], AfterValidator(_of_different_people)] = Field(
        ["uci_har"],
        min_length=1,
        description="data sets to use together: a module each in har/data/datasets, such as "
        "uci_har, recordings for a person's own, or simulated for those of a movement model",
    )


class Simulated(Section):
    """The simulated recordings; read when `dataset.names` has `simulated`."""

    seconds: float = Field(
        15.0, ge=3, le=600, description="length of each person's recording of each activity, s"
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="seed of the people and their movements")


class Windowing(Section):
    """How recordings are cut."""

    size: int = Field(128, ge=8, le=4096, description="length of a window, samples at 50 Hz")
    overlap: float = Field(
        0.5, ge=0, lt=1, description="share of a window that the next one repeats"
    )
    channels: Annotated[list[str], AfterValidator(_known_groups)] = Field(
        ["body_acc", "gyro", "total_acc"],
        min_length=1,
        description=f"signals to use, any of {', '.join(CHANNEL_GROUPS)}",
    )


class Split(Section):
    """Who is in which part."""

    test_subjects: Annotated[int | list[Subject], AfterValidator(_count_or_subjects)] = Field(
        0,
        description="test subjects beside the data sets' own, out of the training ones: how many, "
        "or which",
    )
    val_subjects: Annotated[int | list[Subject], AfterValidator(_count_or_subjects)] = Field(
        0, description="validation subjects, out of the training ones: how many, or which"
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED,
        description="seed of the draws when these are numbers, and of the folds",
    )


class Normalization(Section):
    """How channels are scaled; fitted on training subjects only."""

    method: Literal["standard", "minmax", "none"] = Field(
        "standard", description="per channel: mean 0 and deviation 1, range 0 to 1, or nothing"
    )


class _Network(Section):
    """What the networks have in common."""

    # The name comes first wherever settings are listed; each network narrows it to its own.
    name: str
    cell: Literal["lstm", "gru"] = Field("lstm", description="kind of recurrent layer")
    bidirectional: bool = Field(True, description="read each window in both directions")
    hidden_size: int = Field(64, ge=1, le=4096, description="units per layer and direction")
    num_layers: int = Field(1, ge=1, le=16, description="recurrent layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of activations dropped in training")


class Recurrent(_Network):
    """Recurrent layers alone: `har.learning.networks.RecurrentClassifier`."""

    name: Literal["recurrent"] = "recurrent"
    head_size: int = Field(
        128, ge=1, le=4096, description="units of the linear layer after them; of recurrent only"
    )


class ConvRecurrent(_Network):
    """Convolutions, then recurrent layers: `har.learning.networks.ConvRecurrentClassifier`."""

    name: Literal["conv_recurrent"] = "conv_recurrent"
    num_layers: int = Field(
        1, ge=0, le=16, description="recurrent layers; conv_recurrent does without, too (0)"
    )
    filters: int = Field(
        64, ge=1, le=4096, description="filters per convolution; of conv_recurrent only"
    )
    kernels: Annotated[list[Kernel], Field(min_length=1, max_length=8)] = Field(
        [7],
        description="lengths of the first convolution's filters, odd, samples; of conv_recurrent "
        "only",
    )
    pooling: Annotated[list[Pool], Field(min_length=2, max_length=2)] = Field(
        [2, 4],
        description="steps of which the maximum is kept, after the first convolution and after the "
        "second; of conv_recurrent only",
    )
    companding: Annotated[list[Level], Field(max_length=8)] = Field(
        [0.03, 0.01],
        description="levels in scaled units, each for a form of every channel that shows movements "
        "as small as that; of conv_recurrent only",
    )
    shortcut: bool = Field(
        True,
        description="classify by what the convolutions found too, past the recurrent layers; of "
        "conv_recurrent only",
    )
    frames: Annotated[list[Frame], Field(min_length=1), AfterValidator(_each_once)] = Field(
        ["measured"],
        description="frames of reference in which the network sees acceleration and angular rate, "
        f"any of {', '.join(get_args(Frame))}; of conv_recurrent only",
    )

    @model_validator(mode="after")
    def _a_filter_for_each_length(self) -> "ConvRecurrent":
        if self.filters < len(self.kernels):
            raise ValueError(
                f"filters={self.filters} are fewer than the {len(self.kernels)} kernels; "
                "raise model.filters"
            )
        return self


NETWORKS: dict[str, type[Recurrent] | type[ConvRecurrent]] = {
    "conv_recurrent": ConvRecurrent,
    "recurrent": Recurrent,
}
"""The settings of each network that `model.name` may name; the first is the default."""


class _AnyNetwork(ConvRecurrent, Recurrent):
    """The network. A setting of another network than the one named is ignored."""

    name: Literal["conv_recurrent", "recurrent"] = Field(  # type: ignore[assignment]
        "conv_recurrent",
        description="recurrent layers alone, or after convolutions and with attention",
    )


def _without_other_networks(given: Any) -> Any:
    """One section `model` serves every network: settings that only others have are left out."""
    if not isinstance(given, dict):
        if isinstance(given, Section):
            return given
        raise ValueError("should hold settings")
    given = {"name": next(iter(NETWORKS))} | given
    own = NETWORKS.get(str(given["name"]))
    if own is None:
        return given
    others = {key for network in NETWORKS.values() for key in network.model_fields}
    others -= own.model_fields.keys()
    return {key: value for key, value in given.items() if key not in others}


def _network_named(given: Any) -> str:
    return str(given.get("name") if isinstance(given, dict) else getattr(given, "name", None))


Model = Annotated[
    Annotated[ConvRecurrent, Tag("conv_recurrent")] | Annotated[Recurrent, Tag("recurrent")],
    Discriminator(_network_named),
    BeforeValidator(_without_other_networks),
]
"""The network; which one, `name` says."""


class Train(Section):
    """The training loop."""

    epochs: int = Field(40, ge=1, le=10_000, description="passes over the training windows")
    batch_size: int = Field(64, ge=1, le=65_536, description="windows a step")
    optimizer: Literal["adam", "adamw"] = Field(
        "adamw", description="Adam with an L2 penalty, or with decoupled weight decay"
    )
    learning_rate: float = Field(0.003, gt=0, le=10, description="step size, or its peak")
    schedule: Literal["constant", "one_cycle"] = Field(
        "one_cycle", description="learning rate over the training: as it is, or up and down again"
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="penalty on the weights")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="share of the target spread over all activities"
    )
    balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how evenly data sets, placements and activities are drawn: 0 each window "
        "once an epoch, 1 all of them alike often",
    )
    drawn: int = Field(
        0,
        ge=0,
        le=100_000_000,
        description="windows drawn an epoch where there is balance; 0: as many as there are",
    )
    keep: Literal["best", "last"] = Field(
        "last", description="epoch to keep: lowest validation loss, or the last one"
    )
    seed: int = Field(
        0, ge=0, le=MAX_SEED, description="seed of weights, order of windows and dropout"
    )
    threads: int = Field(
        2,
        ge=1,
        le=1024,
        description="CPU threads; another number gives other last digits; cross-validation, which "
        "trains side by side, takes one each",
    )
    processes: int = Field(
        1,
        ge=1,
        le=1024,
        description="processes on this machine that share each batch, with `threads` each; another "
        "number gives other last digits",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where to compute; auto takes a GPU where there is one"
    )


class Augmentation(Section):
    """What is changed at random in each training window, every time it is seen."""

    shift: float = Field(
        0.25, ge=0, le=1, description="cut up to this share of a window earlier or later"
    )
    rotation: Annotated[float, Field(ge=0, le=180)] | Literal["any"] = Field(
        15.0,
        description="angle of the sensor frame, standard deviation in degrees; any: all rotations "
        "are alike",
    )
    scale: float = Field(0.0, ge=0, le=1, description="size of all signals, deviation of its log")
    tempo: float = Field(0.0, ge=0, le=1, description="tempo of movement, deviation of its log")
    strength: float = Field(
        0.0, ge=0, le=1, description="size of movement alone, gravity left, deviation of its log"
    )
    blur: float = Field(
        0.0, ge=0, le=1, description="largest share of the mean over three samples mixed in"
    )
    noise: float = Field(
        0.0, ge=0, le=1, description="white noise, median of its deviation, in g and rad/s"
    )


class Calibration(Section):
    """How sure the network may be."""

    temperature: float = Field(
        0.57,
        ge=0.05,
        le=20,
        description="logits are divided by it, to predict; fitted to people held out",
    )
    posture_temperature: float = Field(
        1.0,
        ge=0.05,
        le=100,
        description="those of sitting, standing and lying are divided by it too, to tell these "
        "from each other; high where nobody knows how the phone is worn",
    )


class Evaluation(Section):
    """What is scored beside the windows each for itself."""

    smoothing: bool = Field(
        True, description="score windows in the light of those before them too, under its own name"
    )


class Crossval(Section):
    """The protocol of cross-validation; the pipeline does not read it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)] = Field(
        "default", description="name of the configuration, under which its trials are kept"
    )
    folds: int = Field(
        5, ge=2, le=1000, description="groups of training subjects, each held out once"
    )
    seeds: int = Field(1, ge=0, le=1000, description="trainings per fold, seeds counted from 0")
    test_seeds: int = Field(
        0, ge=0, le=1000, description="trainings on all training subjects, scored on the test ones"
    )


class Workers(Section):
    """What works side by side: windowing on the data's parts, cross-validation on its trainings."""

    backend: Literal["loky", "dask", "ray"] = Field(
        "loky", description="local processes (loky), or a cluster"
    )
    jobs: Annotated[int, Field(le=10_000), AfterValidator(_all_or_some)] = Field(
        -1, description="how many; -1: as many as there are cores or workers"
    )
    address: str = Field("", description="scheduler of the Dask or Ray cluster, such as HOST:8786")


class Params(Section):
    """All settings."""

    dataset: Dataset = Dataset()
    simulated: Simulated = Simulated()
    windowing: Windowing = Windowing()
    split: Split = Split()
    normalization: Normalization = Normalization()
    model: Model = ConvRecurrent()
    train: Train = Train()
    augmentation: Augmentation = Augmentation()
    calibration: Calibration = Calibration()
    evaluation: Evaluation = Evaluation()
    crossval: Crossval = Crossval()
    workers: Workers = Workers()

    @model_validator(mode="after")
    def _best_epoch_needs_validation(self) -> "Params":
        if self.train.keep == "best" and self.split.val_subjects in (0, []):
            raise ValueError(
                "train.keep=best needs validation subjects and split.val_subjects names none; "
                "choose train.keep=last"
            )
        return self

    @model_validator(mode="after")
    def _pooling_leaves_a_step(self) -> "Params":
        if not isinstance(self.model, ConvRecurrent):
            return self
        shortest = math.prod(self.model.pooling)
        if self.windowing.size < shortest:
            raise ValueError(
                f"model.pooling={self.model.pooling} needs windows of {shortest} samples and "
                f"windowing.size is {self.windowing.size}; lower the one or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _frames_turn_vectors(self) -> "Params":
        if not isinstance(self.model, ConvRecurrent) or self.model.frames == ["measured"]:
            return self
        vectors = (["total_acc", "gyro"], ["total_acc"])
        if self.windowing.channels not in vectors or self.normalization.method != "none":
            raise ValueError(
                f"model.frames={self.model.frames} need windowing.channels=[total_acc, gyro], or "
                "[total_acc] alone, and normalization.method=none"
            )
        return self

    @classmethod
    def read(cls, path: Path, arguments: Sequence[str] = ()) -> "Params":
        """The settings of a YAML file, with those on a command line before them.

        Args:
            path: A YAML file, a mapping of settings for each section.
            arguments: Such as `["--model.hidden_size", "128"]`, each value written as in the file;
                `--help` prints all and exits.

        Raises:
            HarError: A key is unknown, a value out of range, or the file is not YAML as
                `har.yaml` takes it.
        """
        given = vars(_parser(path).parse_args(arguments))
        content = _read_sections(path)
        for name, text in given.items():
            section, key = name.split(".")
            if not isinstance(text, str):  # what argparse makes of `--`
                raise HarError(f"command line: --{name} needs a value")
            if not isinstance(content.setdefault(section, {}), dict):
                raise HarError(f"{path}: {section} does not hold settings")
            try:
                content[section][key] = parse(text)
            except HarError as error:
                raise HarError(f"--{name} {shown(text)}: {error}") from None
        try:
            params = cls.model_validate(content)
        except ValidationError as error:
            raise HarError(_in_words(error)) from None
        # In the file settings of several networks stand side by side; asked for by name, one that
        # changes nothing is a mistake.
        for name in sorted(given.keys() - params.flat().keys()):
            raise HarError(f"--{name}: no setting of model.name={params.model.name}")
        return params

    def flat(self) -> dict[str, Any]:
        """Every setting by its dotted name, such as `model.hidden_size`.

        Of the networks' settings, those of the network that `model.name` names.
        """
        return {
            f"{section}.{key}": value
            for section, values in self.model_dump().items()
            for key, value in values.items()
        }


S = TypeVar("S", bound=Section)


def checked(section: type[S], /, **values: Any) -> S:
    """A section of these settings, the others as they usually are.

    Raises:
        HarError: A setting is unknown or out of range.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise HarError(_in_words(error, depth=1)) from None


def _parser(path: Path) -> ArgumentParser:
    try:
        content = _read_sections(path)
    except HarError:
        content = {}  # --help answers also where the file is wrong
    parser = _Parser(
        usage="python -m MODULE [--SECTION.KEY VALUE ...]",
        description=f"Run a script with the settings of {path}, or those given here.",
        argument_default=SUPPRESS,
        allow_abbrev=False,
    )
    for name, field in Params.model_fields.items():
        section: Any = _AnyNetwork if name == "model" else field.annotation
        written = content.get(name)
        defaults = section.model_construct(**(written if isinstance(written, dict) else {}))
        group = parser.add_argument_group(name, section.__doc__)
        for key, leaf in section.model_fields.items():
            default = shown(getattr(defaults, key))
            text = f"{leaf.description}{_range_of(leaf)} (default: {default})"
            group.add_argument(f"--{name}.{key}", metavar="VALUE", help=text.replace("%", "%%"))
    return parser


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise HarError(f"command line: {message:.300}; --help lists the settings")


def _range_of(leaf: FieldInfo) -> str:
    """What values a setting takes, for the help text."""
    if get_origin(leaf.annotation) is Literal:
        return ": " + " | ".join(get_args(leaf.annotation))
    # In ASCII, which every terminal shows.
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f", {sign} {getattr(rule, name)}"
        for rule in leaf.metadata
        for name, sign in signs.items()
        if hasattr(rule, name)
    ]
    return "".join(bounds)


def _read_sections(path: Path) -> dict[str, Any]:
    content = read(path)
    if not isinstance(content, dict):
        raise HarError(f"{path} does not hold sections such as `model:`")
    return content


def _in_words(error: ValidationError, depth: int = 2) -> str:
    """All problems on one line, as `model.hidden_size=-3: Input should be greater than ...`.

    A setting's name has `depth` parts.
    """
    problems: dict[str, list[str]] = {}
    for each in error.errors():
        # A union reports each of its types, under a further name that means nothing to the reader.
        places = [str(part) for part in each["loc"] if part not in NETWORKS]
        where, given = shown(".".join(places[:depth])), each["input"]
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "list_type":
            message = "Input should be a list, such as [this, that]"
        if each["type"] == "extra_forbidden":
            problems[where] = [f"{where}: no such setting"]
            continue
        if each["type"] == "union_tag_invalid":
            where, given = f"{where}.name", each["ctx"]["tag"]
            message = f"Input should be one of {each['ctx']['expected_tags']}"
        if where and where not in problems:
            setting = where if isinstance(given, dict) else f"{where}={shown(given)}"
            message = f"{setting}: {message}".replace("\n", " ")
        problems.setdefault(where, []).append(message)
    more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
    each_once = [" or ".join(dict.fromkeys(messages)) for messages in problems.values()]
    return "; ".join(each_once[:MOST_PROBLEMS]) + more
