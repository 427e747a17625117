"""Profiles: what a person has shown, the answers that follow, and the commands that keep them."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_bundle import framed_bundle, movement, simple_bundle

from har.data import phone_files
from har.errors import HarError
from har.model import bundle, embedding
from har.recognition import profile as profiles
from har.recognition.profile import Profile, Taught
from har.recognition.recognizer import Recognizer
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY

NETWORK = list(ACTIVITIES)
SIZE = 8
MODEL = "1" * 64


def described():
    """The description of a bundle, of a model of its own."""
    return framed_bundle().description.model_copy(update={"model_sha256": MODEL})


def points(count, around, rng, spread=0.1):
    """Features near a point, upright."""
    place = np.full(SIZE, around) + rng.normal(0, spread, (count, SIZE))
    return np.hstack([place, np.tile([1.0, 0, 0], (count, 1))])


def taught(*lessons, name="me"):
    profile = Profile(name=name, model_sha256=MODEL)
    for activity, features in lessons:
        profile = profiles.teach(profile, activity, features, np.full(len(features), 0.5))
    return Taught(profile, described())


def sure_of(activity, count=1, probability=0.9):
    probabilities = np.full((count, len(NETWORK)), (1 - probability) / (len(NETWORK) - 1))
    probabilities[:, NETWORK.index(activity)] = probability
    return probabilities


def answers(made, probabilities, features):
    found = made.probabilities(probabilities, features)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    return [made.activities[index] for index in found.argmax(axis=1)]


def test_what_was_shown_is_recognised_though_the_network_says_otherwise():
    rng = np.random.default_rng(0)
    made = taught(("walking", points(1, 0, rng)), ("sitting", points(3, 2, rng)))
    for around, activity in ((0, "WALKING"), (2, "SITTING")):
        wrong = sure_of("RUNNING", 20, probability=0.7)
        assert answers(made, wrong, points(20, around, rng)) == [activity] * 20


def test_far_from_what_was_shown_the_networks_answer_stays_as_it_is():
    rng = np.random.default_rng(1)
    made = taught(("sitting", points(3, 0, rng)))
    probabilities = rng.dirichlet(np.ones(len(NETWORK)), 10)
    found = made.probabilities(probabilities, points(10, 3, rng))
    shown = NETWORK.index("SITTING")
    others = np.delete(np.arange(len(NETWORK)), shown)
    # Among the others all shares stay, and what was shown and is far away gains nothing.
    np.testing.assert_allclose(
        found[:, others] / found[:, others].sum(axis=1, keepdims=True),
        probabilities[:, others] / probabilities[:, others].sum(axis=1, keepdims=True),
    )
    assert (found[:, shown] <= probabilities[:, shown] + 1e-9).all()
    empty = Taught(Profile(name="me", model_sha256=MODEL), described())
    np.testing.assert_array_equal(
        empty.probabilities(probabilities, points(10, 0, rng)), probabilities
    )


def test_an_activity_of_ones_own_from_windows_alone():
    rng = np.random.default_rng(2)
    made = taught(("Cycling", points(5, 1, rng)))
    assert made.activities == [*NETWORK, "CYCLING"]
    assert answers(made, sure_of("WALKING", 9), points(9, 1, rng)) == ["CYCLING"] * 9
    assert answers(made, sure_of("WALKING", 9), points(9, -2, rng)) == ["WALKING"] * 9


def test_each_stretch_counts_for_itself():
    """Lying on the back and on the side: their mean is neither."""
    rng = np.random.default_rng(3)
    made = taught(
        ("lying", points(5, -2, rng)), ("lying", points(5, 2, rng)), ("sitting", points(5, 0, rng))
    )
    assert answers(made, sure_of("WALKING", 5), points(5, 2, rng)) == ["LAYING"] * 5
    assert answers(made, sure_of("WALKING", 5), points(5, 0, rng)) == ["SITTING"] * 5


def test_how_the_phone_leans_tells_postures_but_does_not_outweigh_the_movement():
    rng = np.random.default_rng(4)
    sitting, standing, walking = points(3, 0, rng), points(3, 0, rng), points(3, 2, rng)
    sitting[:, -3:] = [0, 0, 1]
    made = taught(("sitting", sitting), ("standing", standing), ("walking", walking))
    some = points(6, 0, rng)
    some[:3, -3:] = [0, 0, 1]
    found = answers(made, sure_of("LAYING", 6), some)
    assert found == ["SITTING"] * 3 + ["STANDING"] * 3
    upside_down = points(5, 2, rng)
    upside_down[:, -3:] *= -1
    assert answers(made, sure_of("WALKING", 5), upside_down) == ["WALKING"] * 5


def test_postures_that_were_shown_are_no_longer_smoothed_as_one():
    usual = described().smoothing
    postures = [NETWORK.index(name) for name in ("SITTING", "STANDING", "LAYING")]
    assert usual.together == postures
    rng = np.random.default_rng(5)
    made = taught(("sitting", points(1, 0, rng)), ("rowing", points(1, 3, rng)))
    smoothing = made.smoothing(usual)
    assert smoothing.together == postures  # one of them alone would win over time
    assert len(smoothing.priors) == len(smoothing.durations) == len(NETWORK) + 1
    assert sum(smoothing.priors) == pytest.approx(1)
    both = taught(("sitting", points(1, 0, rng)), ("standing", points(1, 3, rng)))
    assert both.smoothing(usual).together == []


def test_names_of_activities():
    assert profiles.activity_named(" Walking  upstairs ") == "WALKING_UPSTAIRS"
    assert profiles.activity_named("lying") == profiles.activity_named("LAYING") == "LAYING"
    assert profiles.activity_named("at the desk") == "AT_THE_DESK"
    assert profiles.activity_named("vélo") == "VÉLO"
    for wrong in ("", " ", "a,b", "still", "x" * 41, "a\nb;c", "<b>"):
        with pytest.raises(HarError, match="should be walking"):
            profiles.activity_named(wrong)


def test_a_profile_comes_back_readable_and_small(tmp_path):
    rng = np.random.default_rng(6)
    profile = Profile(name="me", model_sha256=MODEL)
    for activity in ACTIVITIES:
        features = rng.normal(size=(7, embedding.DIRECTIONS + 3))
        profile = profiles.teach(profile, activity, features, np.full(7, 0.4))
    path = tmp_path / "me.json"
    profiles.save(path, profile)
    assert profiles.load(path) == profile
    assert path.stat().st_size < 3000
    assert len(path.read_text().splitlines()) == len(ACTIVITIES) + 2
    assert profile.windows == dict.fromkeys(ACTIVITIES, 7)
    forgotten = profiles.forget(profile, "lying")
    assert "LAYING" not in forgotten.windows and len(forgotten.shown) == len(ACTIVITIES) - 1
    with pytest.raises(HarError, match="lying was not shown"):
        profiles.forget(forgotten, "lying")
    with pytest.raises(HarError, match="no window"):
        profiles.teach(profile, "walking", np.zeros((0, 19)), [])


def changed(**changes):
    profile = profiles.teach(
        Profile(name="me", model_sha256=MODEL), "walking", np.zeros((1, SIZE + 3)), [0.5]
    )
    return json.loads(profiles.as_json(profile)) | changes


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        json.dumps({"format": 1}),
        json.dumps(changed(format=2)),
        json.dumps(changed(name="")),
        json.dumps(changed(name="<script>")),
        json.dumps(changed(more=1)),
        json.dumps(changed(shown=[{"activity": "WALKING"}])),
        json.dumps(changed()).replace("0.5}", "NaN}"),
        json.dumps(changed()).replace("WALKING", "walking"),
        json.dumps(changed()).replace("WALKING", "A;B"),
        json.dumps(changed(shown=changed()["shown"] * 501)),
        "[" * 100_000,
        " " * (profiles.MAX_SIZE + 1),
    ],
)
def test_what_is_no_profile_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "me.json"
    path.write_text(content)
    with pytest.raises(HarError, match="is no profile") as raised:
        profiles.load(path)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
    assert "Value error" not in str(raised.value)


def test_a_profile_that_could_not_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "me.json"
    features, many = np.zeros((1, 9)), Profile(name="me", model_sha256="0" * 64)
    for _ in range(profiles.MAX_SHOWN):
        many = profiles.teach(many, "WALKING", features, [0.5])
    profiles.save(path, many)
    assert profiles.load(path) == many
    with pytest.raises(HarError, match="is not written: a profile holds 500 stretches") as caught:
        profiles.save(path, profiles.teach(many, "WALKING", features, [0.5]))
    assert "\n" not in str(caught.value) and profiles.load(path) == many


def test_another_model_is_one_clear_line():
    profile = Profile(name="me", model_sha256="0" * 64)
    for use in (
        lambda: Recognizer(framed_bundle(), profile=profile),
        lambda: Recognizer(framed_bundle()).stream(profile=profile),
    ):
        with pytest.raises(HarError, match="profile me was made with another model .*teach it"):
            use()
    damaged = taught(("walking", points(1, 0, np.random.default_rng(0))))
    with pytest.raises(HarError, match="profile me is damaged"):
        damaged.probabilities(sure_of("WALKING"), np.zeros((1, 5)))


def test_learning_and_using_take_no_time():
    rng = np.random.default_rng(7)
    features = rng.normal(size=(1000, embedding.DIRECTIONS + 3))
    begin = time.process_time()
    profile = Profile(name="me", model_sha256=MODEL)
    for activity in ACTIVITIES:
        profile = profiles.teach(profile, activity, features[:10], np.ones(10))
    assert time.process_time() - begin < 0.05
    made = Taught(profile, described())
    begin = time.process_time()
    made.probabilities(rng.dirichlet(np.ones(len(NETWORK)), 1000), features)
    assert time.process_time() - begin < 0.1


# ---- the recogniser ----

TIMES = np.arange(2000) / 50
ACCELERATION, ANGULAR_RATE = movement(TIMES, np.random.default_rng(0))


def push(recognizer, **stream):
    return recognizer.push(recognizer.stream(**stream), TIMES, ACCELERATION, ANGULAR_RATE)


def shown(made, activity, lesson):
    """A profile that was shown the windows of these predictions."""
    return profiles.teach(
        Profile(name="me", model_sha256=made.description.model_sha256),
        activity,
        np.array([each.features for each in lesson]),
        [each.novelty for each in lesson],
    )


def test_the_recogniser_names_what_was_shown_and_whose_profile_it_is():
    made = framed_bundle()
    plain = push(Recognizer(made, smoothing=False))
    assert {each.profile for each in plain} == {""}
    profile = shown(made, "at the desk", plain[10:11])
    found = push(Recognizer(made, smoothing=False, profile=profile))
    assert {each.profile for each in found} == {"me"}
    assert found[10].activity == "AT_THE_DESK"
    assert all(len(each.probabilities) == len(NETWORK) + 1 for each in found)
    # One profile among several streams of one recogniser.
    recognizer = Recognizer(made, smoothing=False)
    parts = TIMES, ACCELERATION, ANGULAR_RATE
    streams = recognizer.stream(), recognizer.stream(profile=profile)
    without, with_it = recognizer.recognize([(each, each.push(*parts)) for each in streams])
    assert [each.activity for each in without] == [each.activity for each in plain]
    assert [each.activity for each in with_it] == [each.activity for each in found]


def test_what_was_shown_is_known_however_novel_it_is():
    made = framed_bundle(limit=1e-3)
    recognizer = Recognizer(made, smoothing=False, threshold=0)
    plain = push(recognizer)
    assert not any(each.known for each in plain)
    profile = shown(made, "cycling", plain[4:8])
    found = push(recognizer, profile=profile)
    assert all(each.known for each in found[4:8] if each.activity == "CYCLING")
    assert any(each.activity == "CYCLING" for each in found[4:8])
    assert not any(each.known for each in found if each.activity != "CYCLING")


# ---- commands ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach")
    bundle.save(folder / "models", framed_bundle())
    bundle.save(folder / "other", simple_bundle())
    labels = np.where(TIMES < 12, ACTIVITIES.index("STANDING"), NO_ACTIVITY)
    labels[TIMES >= 20] = ACTIVITIES.index("WALKING")
    phone_files.write(folder / "labelled.csv", TIMES, ACCELERATION, ANGULAR_RATE, labels)
    phone_files.write(folder / "walk.csv", TIMES, ACCELERATION, ANGULAR_RATE)
    phone_files.write(folder / "short.csv", TIMES[:300], ACCELERATION[:300], ANGULAR_RATE[:300])
    return folder


@pytest.fixture
def har(folder, monkeypatch, capsys):
    """A command in this process: from arguments to what it wrote and said."""
    from typer.main import get_command

    from har.__main__ import app

    monkeypatch.chdir(folder)

    def run(*arguments, model="models"):
        get_command(app).main([*map(str, arguments), "--model", model], standalone_mode=False)
        return capsys.readouterr()

    return run


def test_teach_predict_and_list(har, tmp_path):
    me = tmp_path / "me.json"
    said = har("teach", me, "walk.csv", "--activity", "at the desk").err
    # Of 40 s less 3 s at both ends, in windows of 2.56 s that overlap by half.
    assert "at the desk: 24 windows" in said and "at the desk 24 (windows)" in said
    # What it is like, and that this should be shown too; once it was, no more is asked for.
    like = re.search(r"takes most of them for ([\w ]+): teach that too", said)[1]
    again = tmp_path / "again.json"
    har("teach", again, "walk.csv", "--activity", like)
    assert "teach that too" not in har("teach", again, "walk.csv", "--activity", "hopping").err
    said = har("teach", me, "labelled.csv", "--name", "Ada").err
    assert "standing: 8 windows" in said and "walking: 14 windows" in said
    assert list(profiles.load(me).windows) == ["AT_THE_DESK", "STANDING", "WALKING"]

    out = tmp_path / "table.csv"
    said = har("predict", "walk.csv", "--profile", me, "--out", out).err
    assert "with the profile Ada" in said
    table = pd.read_csv(out)
    assert list(table)[-2:] == ["AT_THE_DESK", "profile"]
    assert set(table.profile) == {"Ada"}
    assert (table[[*NETWORK, "AT_THE_DESK"]].sum(axis=1) - 1).abs().max() < 1e-4

    har("teach", me, "--forget", "at the desk")
    assert f"{me}  Ada: standing 8, walking 14 (windows)\n" in har("profiles", tmp_path).out
    assert "(made with another model)" in har("profiles", tmp_path, model="other").out
    # Those that people keep on the live server are found without naming their folder.
    kept = Path("data/sessions/profiles/Bob.json")
    kept.parent.mkdir(parents=True)
    kept.write_text(me.read_text().replace("Ada", "Bob"))
    assert har("profiles").out == f"{kept}  Bob: standing 8, walking 14 (windows)\n"
    kept.unlink()


def test_a_file_without_times_teaches_at_its_rate(har, folder, tmp_path):
    columns = pd.read_csv(folder / "walk.csv").drop(columns="time_s")
    columns.to_csv(tmp_path / "timeless.csv", index=False)
    arguments = (tmp_path / "timeless.csv", "--activity", "walking", "--rate", 50, "--no-flip")
    taught = [tmp_path / "timed.json", tmp_path / "timeless.json"]
    har("teach", taught[0], "walk.csv", "--activity", "walking", "--name", "me")
    har("teach", taught[1], *arguments, "--name", "me")
    (one,), (other,) = (profiles.load(path).shown for path in taught)
    np.testing.assert_allclose(other.mean, one.mean, atol=2e-3)
    with pytest.raises(HarError, match="should be 1 to 10000"):
        har("teach", taught[1], "walk.csv", "--activity", "walking", "--rate", 0)


def test_a_plot_shows_an_activity_of_ones_own(har, tmp_path):
    me = tmp_path / "me.json"
    har("teach", me, "walk.csv", "--activity", "cycling")
    har("predict", "walk.csv", "--profile", me, "--plot", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new.json"], "give a FILE to learn from, or --forget"),
        (["new.json", "walk.csv"], "no labels: say what it shows"),
        (["new.json", "short.csv", "--activity", "walking"], "too short: a window takes 2.56 s"),
        (["new.json", "walk.csv", "--activity", "a;b"], "should be walking"),
        (["new.json", "walk.csv", "--activity", ""], "should be walking"),
        (["new.json", "walk.csv", "--activity", "walking", "--name", "<b>"], "name should be"),
        (["new.json", "walk.csv", "--activity", "walking", "--mounting", "top-up"], "leave it out"),
        (["new.json", "--forget", "walking"], "walking was not shown"),
        (["walk.csv", "walk.csv", "--activity", "walking"], r"is no profile \(Invalid JSON"),
    ],
)
def test_what_cannot_be_learnt_is_said_and_nothing_is_written(har, folder, arguments, words):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(HarError, match=words):
        har("teach", *arguments)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_profiles_and_models_that_do_not_fit(har, tmp_path):
    me = tmp_path / "me.json"
    har("teach", me, "walk.csv", "--activity", "walking")
    for arguments in (
        ("teach", me, "walk.csv", "--activity", "walking"),
        ("predict", "walk.csv", "--profile", me),
    ):
        with pytest.raises(HarError, match="profile me was made with another model"):
            har(*arguments, model="other")
    with pytest.raises(HarError, match="no profile there"):
        har("predict", "walk.csv", "--profile", tmp_path / "you.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(HarError, match="no profile there"):
        har("profiles", tmp_path / "empty")
    with pytest.raises(HarError, match="no folder there"):
        har("profiles", tmp_path / "nowhere")


def test_a_damaged_profile_is_named_in_the_list_and_another_file_is_not(har, tmp_path):
    har("teach", tmp_path / "me.json", "walk.csv", "--activity", "walking")
    text = (tmp_path / "me.json").read_text()
    (tmp_path / "half.json").write_text(text[: text.index("]")])
    (tmp_path / "other.json").write_text('{"name": "package"}')
    listed = har("profiles", tmp_path)
    assert listed.out.splitlines() == [f"{tmp_path / 'me.json'}  me: walking 24 (windows)"]
    assert listed.err.startswith(f"{tmp_path / 'half.json'} is no profile")
    assert len(listed.err.splitlines()) == 1


def test_a_profile_that_was_changed_meanwhile_is_left_as_it_is(har, tmp_path, monkeypatch):
    me = tmp_path / "me.json"
    har("teach", me, "walk.csv", "--activity", "walking")
    theirs = me.read_text().replace('"me"', '"Ada"')
    learn = profiles.teach

    def slowly(*arguments):
        me.write_text(theirs)
        return learn(*arguments)

    monkeypatch.setattr(profiles, "teach", slowly)
    with pytest.raises(HarError, match="me.json was changed meanwhile"):
        har("teach", me, "walk.csv", "--activity", "sitting")
    assert me.read_text() == theirs


def test_an_error_is_one_line_on_the_command_line(folder):
    done = subprocess.run(
        [sys.executable, "-m", "har", "teach", "new.json", "walk.csv", "--model", "models"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: walk.csv has no labels") and done.stderr.count("\n") == 1


# ---- the embedding ----


def test_an_embedding_keeps_what_tells_groups_apart_and_drops_what_varies_within():
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(12), 30)
    where = rng.normal(size=(12, 2))[groups]
    features = np.hstack([where + rng.normal(0, 0.05, where.shape), rng.normal(0, 0.5, (360, 20))])
    made = embedding.fit(features, groups)
    found = (features - made.offset) @ made.directions
    means = np.array([found[groups == each].mean(axis=0) for each in range(12)])
    nearest = ((found[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == groups).mean() > 0.9
    assert ((found - means[groups]) ** 2).sum(axis=1).mean() <= 1
    again = embedding.fit(features, groups)
    np.testing.assert_array_equal(made.directions, again.directions)
    one_each = embedding.fit(features[::30], groups[::30])  # nothing varies within
    assert np.isfinite(one_each.directions).all()


def test_groups_are_people_with_a_phone_somewhere_doing_something():
    groups = embedding.group(
        np.array([0, 0, 0, 1]), np.array([1, 1, 2, 1]), np.array(["a", "b", "a", "a"])
    )
    assert len(set(groups.tolist())) == 4
    rows = embedding.spread_out(np.repeat([0, 1], [100, 3]), most=4)
    assert rows.tolist() == [0, 33, 66, 99, 100, 101, 102]
