import numpy as np
import torch
from scipy.cluster.vq import kmeans2

from har.model import novelty


def summarized(signals, channels):
    return novelty.summarize(torch.from_numpy(signals), channels).numpy()


def distances(fitted, summaries):
    given = (np.asarray(each, np.float64) for each in (summaries, fitted.scale, fitted.centres))
    return novelty.distances(*map(torch.from_numpy, given), torch.tensor(fitted.limit)).numpy()


def test_a_summary_is_posture_and_movement():
    signals = np.zeros((1, 50, 4))
    signals[0, :, 0] = 0.7
    signals[0, :, 1] = np.tile([2.0, -2.0], 25)
    found = summarized(signals, ["total_acc_x", "body_acc_x", "body_gyro_x", "body_gyro_y"])
    np.testing.assert_allclose(found, [[0.7, np.log(2), np.log(1e-4), np.log(1e-4)]])
    with_gravity = summarized(signals[..., :1], ["total_acc_x"])
    np.testing.assert_allclose(with_gravity, [[0.7, np.log(1e-4)]])


def two_groups(rng, people=6, windows=40):
    label = np.tile([0, 1], people * windows // 2)
    subject = np.repeat(np.arange(people), windows)
    summaries = rng.normal(0, 1, (len(label), 3)) + label[:, None] * [8, 0, 0]
    return summaries, label, subject


def test_what_is_far_from_all_training_windows_is_novel():
    rng = np.random.default_rng(0)
    fitted = novelty.fit(*two_groups(rng))
    more, _, _ = two_groups(rng)
    assert (distances(fitted, more) > 1).mean() < 0.08
    # Between the groups, to the side, and beyond.
    assert (distances(fitted, [[4.0, 6, 0], [0, 9, 0], [16, 0, 0]]) > 1).all()


def test_the_limit_is_found_on_people_left_out():
    rng = np.random.default_rng(1)
    summaries, label, subject = two_groups(rng)
    own_ways = summaries + rng.normal(0, 3, (6, 3))[subject]
    assert (
        novelty.fit(own_ways, label, subject).limit > novelty.fit(summaries, label, subject).limit
    )


def test_centres_begin_where_scipy_s_own_do():
    scaled = np.random.default_rng(3).normal(size=(400, 5))
    theirs, nearest = kmeans2(scaled, novelty.CENTRES, minit="++", rng=np.random.default_rng(0))
    np.testing.assert_array_equal(novelty._centres(scaled), theirs[np.unique(nearest)])


def test_of_more_windows_than_memory_is_for_an_even_choice_is_fitted(monkeypatch):
    scaled = np.random.default_rng(4).normal(size=(1000, 3))
    monkeypatch.setattr(novelty, "MOST", 500)
    chosen = scaled[(np.arange(500) * 999 / 499).astype(int)]
    np.testing.assert_array_equal(novelty._centres(scaled), novelty._centres(chosen))


def test_it_repeats_and_needs_neither_many_people_nor_many_windows():
    summaries, label, subject = two_groups(np.random.default_rng(2))
    first, second = (novelty.fit(summaries, label, subject) for _ in range(2))
    for name in ("scale", "centres", "limit"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    alone = novelty.fit(summaries[:3], label[:3], subject[:3])
    assert np.isfinite(distances(alone, summaries)).all()
