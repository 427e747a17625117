from types import SimpleNamespace

import numpy as np
import pytest
from made_bundle import framed_bundle, simple_bundle
from scipy.spatial.transform import Rotation

from experiments import anyone_postures
from har.errors import HarError
from har.model import postures
from har.model.postures import DOUBT, NEEDED, PAUSE, SPREAD, STEP, STEPS, Posture, learn_angles
from har.recognition.recognizer import Recognizer
from har.signals.recordings import ACTIVITIES, STILL

WALKING, SITTING, STANDING, LAYING = (
    ACTIVITIES.index(name) for name in ("WALKING", "SITTING", "STANDING", "LAYING")
)


def leaning(degrees):
    """Gravity of a phone that leans by so much from z."""
    angle = np.radians(degrees)
    return np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=-1)


def learnt(rows):
    """From rows of person, placement, activity, angle; each row ten windows."""
    person, placement, activity, angle = zip(*rows, strict=True)
    turns = Rotation.random(100, random_state=0)
    up = np.stack([turns[who].apply(leaning(one)) for who, one in zip(person, angle, strict=True)])
    return learn_angles(
        *(np.repeat(each, 10, axis=0) for each in (up, activity, person, placement))
    )


@pytest.fixture(scope="module")
def angles():
    rows = []
    for person in range(4):
        rows += [
            (person, "hip", "WALKING", 0),
            (person, "hip", "SITTING", 30),
            (person, "hip", "STANDING", 5),
            (person, "hip", "LAYING", 90),
            (person + 10, "left_leg", "WALKING_UPSTAIRS", 0),
            (person + 10, "left_leg", "SITTING", 60),
            (person + 10, "left_leg", "STANDING", 5),
            (person + 20, "right_arm", "SITTING", 60),
        ]
    return learnt(rows)


def test_what_is_learnt_is_how_far_a_part_of_the_body_leans(angles):
    assert set(angles) == {"trunk", "leg"}  # nobody walked with a phone on the arm
    for part, posture, degrees in (
        ("trunk", "SITTING", 30),
        ("trunk", "LAYING", 90),
    ):
        shares = np.array(angles[part][posture])
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        assert abs((shares.argmax() + 0.5) * STEP - degrees) <= STEP
        assert shares.min() >= DOUBT / STEPS
        near = np.abs((np.arange(STEPS) + 0.5) * STEP - degrees) < 3 * SPREAD
        assert shares[near].sum() > 0.95
    leg = {posture: np.array(shares) for posture, shares in angles["leg"].items()}
    np.testing.assert_array_equal(leg["SITTING"], leg["LAYING"])
    level = leg["SITTING"].argsort()[-2:] * STEP + STEP / 2  # lying, for lack of others, of trunks
    assert level.min() < 65 and level.max() > 85
    assert leg["STANDING"].argmax() == 0


def test_every_person_counts_alike():
    rows = [(0, "hip", "WALKING", 0), (1, "hip", "WALKING", 0), (1, "hip", "SITTING", 100)]
    few = learnt([*rows, (0, "hip", "SITTING", 20)])
    many = learnt([*rows, *[(0, "hip", "SITTING", 20)] * 9])
    np.testing.assert_allclose(few["trunk"]["SITTING"], many["trunk"]["SITTING"])


def at(activity, probability=0.97):
    found = np.full(len(ACTIVITIES), (1 - probability) / (len(ACTIVITIES) - 1))
    found[activity] = probability
    return found


def still():
    found = np.full(len(ACTIVITIES), 0.01)
    found[[SITTING, STANDING, LAYING]] = [0.32, 0.33, 0.31]
    return found


def walk(posture, turn, start, seconds=NEEDED):
    for time in np.arange(start, start + seconds, 1.0):
        posture.update(time, turn.apply(leaning(0)), at(WALKING))
    return start + seconds


@pytest.mark.parametrize("seed", range(4))
def test_once_a_person_has_walked_the_angle_says_how_he_rests(angles, seed):
    turn = Rotation.random(random_state=seed)
    posture = Posture(angles, ACTIVITIES, "waist", 1.0)
    before = posture.update(0.0, turn.apply(leaning(90)), still())
    np.testing.assert_array_equal(before, still())
    assert posture.up is None
    time = walk(posture, turn, 1.0)
    for degrees, activity in ((35, SITTING), (3, STANDING), (90, LAYING), (92, LAYING)):
        found = posture.update(time, turn.apply(leaning(degrees)), still())
        assert found.argmax() == activity and found[activity] > 0.5
        resting = [ACTIVITIES.index(name) for name in STILL]
        assert found[resting].sum() == pytest.approx(0.96)
        np.testing.assert_array_equal(np.delete(found, resting), np.delete(still(), resting))
        time += 1


def test_a_moment_on_foot_is_too_little(angles):
    posture = Posture(angles, ACTIVITIES, "hip", 1.0)
    walk(posture, Rotation.identity(), 0.0, NEEDED - 1)
    np.testing.assert_array_equal(posture.update(5.0, leaning(90), still()), still())


@pytest.mark.parametrize("later", [PAUSE + 1, -3.0])
def test_after_a_pause_or_a_jump_of_the_clock_up_is_anywhere(angles, later):
    posture = Posture(angles, ACTIVITIES, "hip", 1.0)
    time = walk(posture, Rotation.identity(), 100.0) - 1
    np.testing.assert_array_equal(posture.update(time + later, leaning(90), still()), still())
    known = Posture(angles, ACTIVITIES, "hip", 1.0, up=leaning(0))
    walk(known, Rotation.identity(), 100.0)
    assert known.update(time + later, leaning(90), still()).argmax() == LAYING


def test_a_phone_that_was_put_in_anew_is_understood_after_the_next_walk(angles):
    posture = Posture(angles, ACTIVITIES, "pocket", 0.5)
    first, second = Rotation.random(2, random_state=3)
    time = walk(posture, first, 0.0, 60)
    time = walk(posture, second, time, 60)
    found = posture.update(time, second.apply(leaning(2)), still())
    assert found[STANDING] > 0.8


def test_in_a_pocket_standing_is_told_from_the_others_which_stay_alike(angles):
    posture = Posture(angles, ACTIVITIES, "pocket", 1.0)
    time = walk(posture, Rotation.identity(), 0.0)
    for degrees in (60, 90):
        found = posture.update(time, leaning(degrees), at(LAYING))
        assert found[SITTING] == found[LAYING] > 0.45
    found = posture.update(time, leaning(2), at(LAYING))
    assert found.argmax() == STANDING and found[STANDING] > 0.8


def test_a_placement_that_helps_nothing_is_refused(angles):
    with pytest.raises(HarError, match="pocke: not a placement; it should be waist, hip, torso"):
        Posture(angles, ACTIVITIES, "pocke", 1.0)
    with pytest.raises(HarError, match="this model makes nothing of a placement: leave it out"):
        Recognizer(simple_bundle()).stream(placement="waist")


def test_a_recognizer_told_the_placement_differs_in_postures_only(monkeypatch):
    monkeypatch.setattr(postures, "SURE", 0.6)  # the network is untrained
    rng = np.random.default_rng(0)
    times = np.arange(6000) / 50
    moving = np.cumsum(rng.normal(0, 0.02, (6000, 3)), axis=0)
    moving -= np.linspace(0, 1, 6000)[:, None] * moving[-1]
    acceleration = moving + rng.normal(0, 0.05, (6000, 3)) + [1, 0, 0]
    recognizer = Recognizer(framed_bundle(gyroscope=False))
    assert recognizer.description.placements == ["waist", "hip", "torso", "arm"]
    plain = recognizer.push(recognizer.stream(), times, acceleration)
    stream = recognizer.stream(placement="hip")
    told = recognizer.push(stream, times, acceleration)
    assert stream.posture.up is not None
    resting = [recognizer.description.activities.index(name) for name in STILL]
    one, other = (np.array([each.probabilities for each in made]) for made in (plain, told))
    np.testing.assert_allclose(np.delete(one, resting, 1), np.delete(other, resting, 1))
    np.testing.assert_allclose(one[:, resting].sum(axis=1), other[:, resting].sum(axis=1))
    assert np.abs(one - other).max() > 0.02
    np.testing.assert_array_equal(one[0], other[0])


def test_told_the_place_an_experiment_looks_at_the_network_s_walks_and_at_no_label(angles):
    """Two people, one who walks; and a phone at a place of which nothing is known."""
    turns = Rotation.random(3, random_state=1)
    degrees, truth = [0] * 10 + [35, 3, 90], [WALKING] * 10 + [SITTING, STANDING, LAYING]
    up = np.concatenate([turn.apply(leaning(np.array(degrees))) for turn in turns])
    signals = np.zeros((39, 128, 9), np.float32)
    signals[..., 6:] = up[:, None]
    sees = np.stack([at(WALKING)] * 10 + [still()] * 3)
    idle = np.stack([still()] * 13)
    windows = SimpleNamespace(
        signals=signals,
        label=np.tile(truth, 3),
        subject=np.repeat([1, 2, 3], 13),
        placement=np.repeat(["hip", "hip", "head"], 13),
        activities=np.array(ACTIVITIES),
        size=128,
        overlap=0.5,
    )
    description = SimpleNamespace(angles=angles, activities=list(ACTIVITIES))
    given = np.concatenate([sees, idle, sees])
    found = anyone_postures.told(windows, given, description)
    assert found[:13].argmax(axis=1).tolist() == truth
    np.testing.assert_array_equal(found[13:], given[13:])

    first = SimpleNamespace(label=windows.label[:13], activities=windows.activities)
    before = anyone_postures.scores(first, given[:13])
    assert (before["accuracy"], before["postures"]) == (11 / 13, 1 / 3)
    assert before["named"] == 0
    after = anyone_postures.scores(first, found[:13])
    assert after == {"accuracy": 1, "postures": 1, "named": 1, "named_right": 1}
