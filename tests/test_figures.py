from itertools import pairwise
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from har.data.windows import Windows, cut_windows
from har.evaluation import data_figures, drawing, model_figures, recording_figure
from har.signals.channels import CHANNEL_GROUPS, channel_units
from har.signals.recordings import ACTIVITIES, SOME_POSTURE, UCI_HAR_ACTIVITIES, Recording
from stages.common import DATA_FIGURES, FIGURE_NAMES

SIX = ("total_acc", "gyro")
PARTS = {1: "train", 2: "train", 3: "val", 4: "test"}


def make_windows(
    groups=SIX, size=128, overlap=0.5, activities=range(6), parts=PARTS, seconds=12.0
) -> Windows:
    """Two bouts of each activity per subject: noise, a rhythm while moving, gravity along x."""
    random = np.random.default_rng(0)
    recordings = []
    for subject, part in parts.items():
        for activity in [each for each in activities for _ in range(2)]:
            time = np.arange(round(seconds * 50) + 13 * activity) / 50
            signals = random.normal(0, 0.05, (len(time), 9))
            signals[:, 6] += 1
            if activity < 3:
                rhythm = np.sin(2 * np.pi * (1 + activity) * time)
                signals += rhythm[:, None] * random.uniform(0.2, 0.5, 9)
            recordings.append(Recording(subject, activity, part, signals.astype(np.float32)))
    return cut_windows(recordings, size, overlap, groups, "0" * 64)


def make_history(epochs=10) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": 1.5 / epoch,
            "val_loss": 1.6 / epoch + 0.1,
            "train_accuracy": 1 - 0.5 / epoch,
            "val_accuracy": 1 - 0.6 / epoch,
            "learning_rate": 0.001,
        }
    )


def make_predictions(number=600, activities=UCI_HAR_ACTIVITIES) -> pd.DataFrame:
    random = np.random.default_rng(1)
    actual = random.choice([UCI_HAR_ACTIVITIES.index(each) for each in activities], number)
    scores = random.gumbel(0, 1, (number, 6)) + 4 * np.eye(6)[actual]
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = np.array(UCI_HAR_ACTIVITIES)
    table = pd.DataFrame(
        {
            "subject": random.choice([4, 9, 10], number),
            "bout": 0,
            "start": 64 * np.arange(number),
            "actual": names[actual],
            "predicted": names[shares.argmax(axis=1)],
        }
    )
    return table.assign(**dict(zip(names, shares.T, strict=True)))


def make_scores(predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    right = predictions.actual == predictions.predicted
    recall = right.groupby(predictions.actual).mean()
    classes = pd.DataFrame(
        {
            "activity": recall.index,
            "precision": 0.9,
            "recall": recall.to_numpy(),
            "f1": 0.95,
            "support": predictions.actual.value_counts()[recall.index].to_numpy(),
        }
    )
    subjects = right.groupby(predictions.subject).agg(accuracy="mean", windows="size")
    return classes, subjects.reset_index()


def draw(name: str) -> Figure:
    predictions = make_predictions()
    tables = {
        "training_loss": (make_history(), 7),
        "accuracy_curves": (make_history(), 7),
        "confusion_matrix": (predictions,),
        "model_performance": (*make_scores(predictions), predictions),
    }
    of = data_figures if name in DATA_FIGURES else model_figures
    return getattr(of, name)(*(tables.get(name) or (make_windows(),)))


def texts(figure: Figure) -> list[str]:
    """Everything that is written in the figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def ticks(axis) -> list[str]:
    return [label.get_text().replace("\n", " ") for label in axis.get_ticklabels()]


def numbers(ax) -> np.ndarray:
    """What is written in the cells of a heat map, its first line, as a square."""
    first = [text.get_text().split("\n")[0].replace("\N{MINUS SIGN}", "-") for text in ax.texts]
    return np.array([float(text.replace(",", "")) for text in first]).reshape(
        len(ticks(ax.yaxis)), -1
    )


READABLE = ["Walking", "Walking upstairs", "Walking downstairs", "Sitting", "Standing", "Lying"]


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_every_figure_is_labelled_and_leaves_pyplot_alone(name):
    before = dict(matplotlib.rcParams)
    figure = draw(name)
    assert isinstance(figure, Figure)
    assert figure.get_suptitle()
    labelled = [*figure.axes, *figure.subfigs]
    across = {
        each.get_xlabel() if each in figure.axes else each.get_supxlabel() for each in labelled
    }
    upwards = {
        each.get_ylabel() if each in figure.axes else each.get_supylabel() for each in labelled
    }
    assert across - {""} and upwards - {""}
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["correlation_heatmap", "model_performance"])
def test_saving_gives_the_same_bytes_and_shows_the_note(name, tmp_path: Path):
    note = "data set: simulated · 1 test subject"
    figure = draw(name)
    drawing.save(figure, tmp_path / "new" / "a.png", note)
    drawing.save(figure, tmp_path / "b.png", note)
    drawing.save(draw(name), tmp_path / "c.png", note)
    assert texts(figure).count(note) == 1
    first = (tmp_path / "new" / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG") and b"Software" not in first
    assert (tmp_path / "b.png").read_bytes() == first
    assert (tmp_path / "c.png").read_bytes() == first
    assert len(list(tmp_path.iterdir())) == 3


def test_a_users_own_style_changes_nothing(tmp_path: Path):
    drawing.save(draw("training_loss"), tmp_path / "a.png", "note")
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 40, "axes.facecolor": "red"}):
        drawing.save(draw("training_loss"), tmp_path / "b.png", "note")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("activities", "parts"),
    [(range(6), PARTS), ([0, 3, 5], {7: "train", 2: "test"}), ([4], {1: "train"})],
)
def test_bars_and_cells_count_the_windows(activities, parts):
    windows = make_windows(activities=activities, parts=parts)
    above, below = data_figures.activity_distribution(windows).axes
    splits = [split for split in ("train", "val", "test") if split in windows.split]
    for bars, split in zip(above.containers, splits, strict=True):
        expected = [np.sum(windows.of(split).label == each) for each in range(len(activities))]
        assert [bar.get_height() for bar in bars] == expected
    assert ticks(above.xaxis) == ticks(below.yaxis) == [READABLE[each] for each in activities]
    subjects = [subject for split in splits for subject in parts if parts[subject] == split]
    assert ticks(below.xaxis) == [str(subject) for subject in subjects]
    expected = pd.crosstab(windows.label, windows.subject)[subjects]
    np.testing.assert_array_equal(numbers(below), expected)
    assert f"Training ({sum(p == 'train' for p in parts.values())} subject" in "".join(
        text.get_text() for text in above.get_legend().get_texts()
    )


@pytest.mark.parametrize(
    ("groups", "size", "overlap"),
    [
        (["total_acc"], 64, 0.0),
        (["acc_norm", "gyro_norm"], 200, 0.5),
        (["body_acc", "gyro", "total_acc"], 256, 0.75),
        (list(CHANNEL_GROUPS), 128, 0.5),
    ],
)
def test_any_channels_and_any_windows(groups, size, overlap, tmp_path: Path):
    windows = make_windows(groups, size, overlap)
    signals = data_figures.sensor_signals(windows)
    grid = np.array(signals.axes).reshape(len(groups) + 1, 6)
    shown = [group for group in CHANNEL_GROUPS if group in groups]
    # The first once more in the last row, less its mean and magnified.
    for above, below in zip(grid[0], grid[-1], strict=True):
        for line, swaying in zip(above.lines, below.lines, strict=True):
            values = line.get_ydata() - line.get_ydata().mean()
            np.testing.assert_allclose(swaying.get_ydata(), values, atol=1e-5)
        assert np.ptp(below.get_ylim()) < 1.2 * np.ptp(
            np.stack([line.get_ydata() for line in below.lines])
        )
    for row, group in zip(grid, [*shown, shown[0]], strict=True):
        names = CHANNEL_GROUPS[group].names
        assert row[0].get_ylabel().endswith(f"({channel_units()[names[0]]})")
        assert {len(ax.lines) for ax in row} == {len(names)}
        assert {len(line.get_xdata()) for ax in row for line in ax.lines} == {size}
    assert [ax.get_title().replace("\n", " ") for ax in grid[0]] == READABLE
    assert {ax.get_xlabel() for ax in grid[-1]} == {"Time (s)"}

    left, right = data_figures.time_series_patterns(windows).subfigs
    magnified = ", less its mean, magnified"
    titles = [ax.get_title(loc="left") for ax in left.axes]
    assert titles == [*READABLE[:3], *(f"{name}{magnified}" for name in READABLE[3:])]
    assert len({ax.get_ylim() for ax in left.axes[3:]}) == 1
    for ax in left.axes[3:]:
        assert abs(np.nanmean([line.get_ydata() for line in ax.lines])) < 1e-3
    assert left.get_supylabel().endswith(f"({CHANNEL_GROUPS[shown[0]].unit})")
    assert left.get_supxlabel() == "Time (s)" and right.get_supxlabel() == "Frequency (Hz)"

    correlation = data_figures.correlation_heatmap(windows)
    samples = windows.of("train").signals.reshape(-1, len(windows.channels))
    expected = np.atleast_2d(np.corrcoef(samples, rowvar=False))
    np.testing.assert_allclose(numbers(correlation.axes[0]), expected, atol=0.0051)
    assert ticks(correlation.axes[0].xaxis) == windows.channels.tolist()
    assert correlation.axes[1].get_ylabel() == "Correlation coefficient"
    drawing.save(correlation, tmp_path / "correlation.png", "")


def test_signals_come_from_training_subjects_only():
    windows = make_windows(activities=[1, 4])
    marked = np.where(windows.split[:, None, None] == "train", windows.signals, np.float32(99))
    other = Windows(**{**vars(windows), "signals": marked})
    for draw_signals in (data_figures.sensor_signals, data_figures.time_series_patterns):
        lines = [line for ax in draw_signals(windows).findobj(plt.Axes) for line in ax.lines]
        others = [line for ax in draw_signals(other).findobj(plt.Axes) for line in ax.lines]
        assert len(lines) == len(others) > 0
        for line, same in zip(lines, others, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), same.get_ydata())
    first = numbers(data_figures.correlation_heatmap(windows).axes[0])
    np.testing.assert_array_equal(numbers(data_figures.correlation_heatmap(other).axes[0]), first)


def test_a_typical_window_is_one_of_its_activity():
    windows = make_windows()
    axes = data_figures.sensor_signals(windows).axes[:6]
    train = windows.of("train")
    for label, ax in enumerate(axes):
        shown = np.stack([line.get_ydata() for line in ax.lines], axis=1)
        same = (train.signals[..., :3] == shown).all(axis=(1, 2))
        assert set(train.label[same]) == {label}


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.3])
def test_stretches_are_whole_again(overlap):
    left, right = data_figures.time_series_patterns(
        make_windows(overlap=overlap, seconds=14)
    ).subfigs
    for ax in left.axes:
        time = ax.lines[0].get_xdata()
        assert time[-1] == pytest.approx(9.98)
        assert all(np.isfinite(line.get_ydata()).all() for line in ax.lines)
    moving = [ax.get_title(loc="left") for ax in right.axes[:3]]
    assert moving == [f"Strongest at {hertz} Hz" for hertz in ("1.2", "2.0", "3.1")]


def test_stretches_shorter_than_ten_seconds():
    left, _ = data_figures.time_series_patterns(make_windows(seconds=4, overlap=0)).subfigs
    assert {len(ax.lines[0].get_xdata()) for ax in left.axes} == {128, 256}


@pytest.mark.parametrize("score", ["loss", "accuracy"])
@pytest.mark.parametrize("epochs", [1, 10, 200])
def test_curves(score, epochs, tmp_path: Path):
    history = make_history(epochs)
    function = model_figures.training_loss if score == "loss" else model_figures.accuracy_curves
    (ax,) = function(history, 1).axes
    train, val, kept = ax.lines
    factor = 100 if score == "accuracy" else 1
    np.testing.assert_allclose(train.get_ydata(), history[f"train_{score}"] * factor)
    np.testing.assert_allclose(val.get_ydata(), history[f"val_{score}"] * factor)
    assert set(kept.get_xdata()) == {1} and kept.get_label() == "Kept: epoch 1"
    assert ax.get_xlabel() == "Epoch"
    assert ("nats" if score == "loss" else "%") in ax.get_ylabel()
    assert all(tick == round(tick) for tick in ax.get_xticks())

    history[["val_loss", "val_accuracy"]] = np.nan
    figure = function(history, None)
    assert [line.get_label() for line in figure.axes[0].lines] == ["Training subjects"]
    drawing.save(figure, tmp_path / "curves.png", "")


def test_curves_of_a_cross_validation_are_means_and_bands_of_its_folds(tmp_path: Path):
    folds = [make_history(10).assign(fold=name) for name in ("fold0of2", "fold1of2")]
    folds[1][["val_loss", "train_accuracy"]] += 0.1
    history = pd.concat(folds)
    figure = model_figures.cross_validation_curves(history)
    assert [ax.get_ylabel().split()[0] for ax in figure.axes] == ["Cross-entropy", "Accuracy"]
    for ax, score, factor in zip(figure.axes, ("loss", "accuracy"), (1, 100), strict=True):
        train, held_out = ax.lines
        for line, band, split in zip(ax.lines, ax.collections, ("train", "val"), strict=True):
            of_fold = [each[f"{split}_{score}"].to_numpy() * factor for each in folds]
            np.testing.assert_allclose(line.get_ydata(), np.mean(of_fold, axis=0))
            edges = band.get_paths()[0].vertices[:, 1]
            assert edges.min() == pytest.approx(np.min(of_fold))
            assert edges.max() == pytest.approx(np.max(of_fold))
        assert [train.get_label(), held_out.get_label()] == ["Training", "People held out"]
    drawing.save(figure, tmp_path / "curves.svg", "")
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("activities", [UCI_HAR_ACTIVITIES, UCI_HAR_ACTIVITIES[:4]])
def test_confusion_matrix_is_the_crosstab(activities):
    predictions = make_predictions(activities=activities)
    if len(activities) < 6:
        predictions = predictions[predictions.predicted != "LAYING"]
    ax, bar = model_figures.confusion_matrix(predictions).axes
    names = [name for name in UCI_HAR_ACTIVITIES if name in set(predictions.predicted)]
    expected = [
        [np.sum((predictions.actual == a) & (predictions.predicted == p)) for p in names]
        for a in names
    ]
    np.testing.assert_array_equal(numbers(ax), expected)
    assert ticks(ax.xaxis) == READABLE[: len(names)]
    totals = predictions.actual.value_counts().reindex(names, fill_value=0)
    assert ticks(ax.yaxis) == [
        f"{name} ({total})" for name, total in zip(READABLE, totals, strict=False)
    ]
    walking = expected[0][0] / totals["WALKING"]
    assert ax.texts[0].get_text().endswith(f"\n{100 * walking:.1f} %")
    assert ax.get_xlabel().startswith("Predicted") and ax.get_ylabel().startswith("Actual")
    assert bar.get_ylabel().endswith("(%)")


@pytest.mark.parametrize("activities", [UCI_HAR_ACTIVITIES, UCI_HAR_ACTIVITIES[2:3]])
def test_model_performance_shows_the_tables(activities):
    predictions = make_predictions(activities=activities)
    classes, subjects = make_scores(predictions)
    axes = {ax.get_title(loc="left") or "stated": ax for ax in
            model_figures.model_performance(classes, subjects, predictions).axes}  # fmt: skip
    scores = axes["Scores of each activity"]
    named = {line.get_label(): line.get_xdata() for line in scores.lines}
    order = [each for each in UCI_HAR_ACTIVITIES if each in set(activities)]
    in_order = classes.set_index("activity").loc[order]
    for name in ("precision", "recall", "f1"):
        np.testing.assert_allclose(named[name.capitalize()], in_order[name] * 100)
    by_subject = axes["Accuracy on each subject"]
    ordered = subjects.sort_values("accuracy", ascending=False)
    np.testing.assert_allclose(by_subject.lines[0].get_ydata(), ordered.accuracy * 100)
    assert ticks(by_subject.xaxis) == ordered.subject.astype(str).tolist()
    mean = f"Mean of the subjects: {subjects.accuracy.mean() * 100:.1f} %"
    assert by_subject.get_legend().get_texts()[0].get_text() == mean

    reliability = axes["Are the probabilities right?"].lines[1].get_xydata()
    counts = np.array([bar.get_height() for bar in axes["stated"].patches])
    assert counts.sum() == len(predictions)
    right = (predictions.actual == predictions.predicted).mean() * 100
    stated = predictions.iloc[:, 5:].max(axis=1).mean() * 100
    used = counts[counts > 0]
    np.testing.assert_allclose(used @ reliability / used.sum(), [stated, right])
    for ax in axes.values():
        assert ax.get_xlabel() and ax.get_ylabel()

    def spans(collection, axis):
        return np.array([np.sort(segment[:, axis]) for segment in collection.get_segments()])

    # An interval about each score that the windows themselves give.
    low, high = spans(scores.collections[1], 0).T  # of recall, which make_scores computes
    assert ((low - 1e-6 <= in_order.recall * 100) & (in_order.recall * 100 <= high + 1e-6)).all()
    assert axes["Are the probabilities right?"].collections


def test_no_line_through_bins_of_few_windows():
    predictions = make_predictions(60)
    ax = {
        each.get_title(loc="left"): each
        for each in model_figures.model_performance(*make_scores(predictions), predictions).axes
    }["Are the probabilities right?"]
    _, points, line, hollow = ax.lines
    assert points.get_linestyle() == hollow.get_linestyle() == "None"
    assert len(line.get_xdata()) + len(hollow.get_xdata()) == len(points.get_xdata())
    assert not set(line.get_xdata()) & set(hollow.get_xdata())


def test_a_single_error_is_seen_in_the_confusion_matrix():
    predictions = make_predictions(1000, ["WALKING", "SITTING"])
    predictions["predicted"] = predictions.actual
    [first] = np.flatnonzero(predictions.actual == "SITTING")[:1]
    predictions.loc[first, "predicted"] = "WALKING"
    ax, _ = model_figures.confusion_matrix(predictions).axes
    [mesh] = ax.collections
    shades = mesh.to_rgba(mesh.get_array())[..., :3].mean(axis=-1)
    right, nothing, single = shades[1, 1], shades[0, 1], shades[1, 0]
    assert nothing - single > 0.15 * (nothing - right)


def test_pictures_are_sharp_and_may_be_drawn_as_lines(tmp_path):
    drawing.save(draw("confusion_matrix"), tmp_path / "a.png", "")
    width = int.from_bytes((tmp_path / "a.png").read_bytes()[16:20])
    assert width == 200 * drawing.WIDTH
    for name in ("a.svg", "b.svg"):
        drawing.save(draw("confusion_matrix"), tmp_path / name, "note")
    first = (tmp_path / "a.svg").read_bytes()
    assert first.startswith(b"<?xml") and first == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("count", [200, 200_000])
def test_a_recording_is_drawn_with_its_activities_under_it(count):
    times = np.arange(count) / 50
    signals = np.random.default_rng(0).normal(0, 0.1, (count, 6))
    signals[count // 3, 1], signals[count // 2, 5] = 4, -7  # seen however long it is
    step = times[-1] / 4
    spans = np.array([[0, 1], [1, 2], [2, 3], [3, 4]]) * step
    activity = np.array(["SITTING", "SITTING", "", "WALKING_UPSTAIRS"])
    labels = np.where(times < 2 * step, "SITTING", "LAYING")
    figure = recording_figure.recognised_recording("a.csv", times, signals, spans, activity, labels)
    above, middle, below = figure.axes
    assert max(line.get_ydata().max() for line in above.lines) == 4
    assert min(line.get_ydata().min() for line in middle.lines) == -7
    assert all(len(line.get_xdata()) < 4000 for line in above.lines)

    length = below.dataLim.x1
    drawn = [
        (path.vertices[:, 0].min() / length, path.vertices[:, 0].max() / length)
        for bars in below.collections
        for path in bars.get_paths()
    ]
    expected = [(0, 0.5), (0.5, 0.75), (0.75, 1), (0, 0.5), (0.5, 1)]
    np.testing.assert_allclose(drawn, expected, atol=0.01)
    assert [tick.get_text() for tick in below.get_yticklabels()] == ["Recognised", "Labelled"]
    names = {text.get_text() for text in below.get_legend().get_texts()}
    assert names >= {"Sitting", "Walking upstairs", "Lying", "Not known"}
    assert not names & {"Walking", "Standing"}


def test_no_words_lie_over_others_under_a_recording(tmp_path: Path):
    times, names = np.arange(900) / 50, np.array([*ACTIVITIES, SOME_POSTURE, ""])
    spans = np.column_stack([np.arange(9), np.arange(1, 10)]) * 2.0
    figure = recording_figure.recognised_recording(
        "a.csv", times, np.ones((900, 6)), spans, names, None
    )
    drawing.save(figure, tmp_path / "a.png", "model trained on " + "+".join(["usc_had"] * 8))
    figure.draw_without_rendering()  # saving had another resolution
    below = figure.axes[-1]
    boxes = [each.get_window_extent() for each in (below.xaxis.label, below.get_legend())]
    boxes.append(figure._supxlabel.get_window_extent())
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))
    assert boxes[-1].y0 >= 0


def test_a_gap_in_a_recording_is_not_drawn_over():
    times = np.concatenate([np.arange(100) / 50, 60 + np.arange(100) / 50])
    spans = np.array([[0.7, 2.0], [60.7, 62.0]])
    activity = np.array(["LAYING", "LAYING"])
    figure = recording_figure.recognised_recording(
        "a", times, np.ones((200, 6)), spans, activity, None
    )
    above, _, below = figure.axes
    assert all(np.isnan(line.get_ydata()).sum() == 1 for line in above.lines)
    assert len(below.collections) == 2
    assert below.get_xlabel() == "Time (s)"
