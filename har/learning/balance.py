"""How often each training window is drawn, where several data sets teach together."""

import numpy as np

from har.data.windows import Windows


def draw_weights(windows: Windows, balance: float) -> np.ndarray | None:
    """Chances to be drawn, so that neither a large data set nor a common activity outweighs others.

    With n windows in a data set and m of them of one activity at one placement, a data set's share
    is as n ** (1 - balance), and within it that of an activity and placement as
    m ** (1 - balance).

    Args:
        windows: The training windows.
        balance: 0, as they come, to 1, all alike.

    Returns:
        float64 (windows,) with the sum 1, or None for `balance` 0: each once.
    """
    if not balance:
        return None
    weights = np.zeros(len(windows))
    for name in np.unique(windows.dataset):
        rows = np.flatnonzero(windows.dataset == name)
        cells = np.unique(
            np.rec.fromarrays([windows.label[rows], windows.placement[rows]]), return_inverse=True
        )[1]
        within = np.bincount(cells)[cells].astype(float) ** -balance
        weights[rows] = within / within.sum() * len(rows) ** (1 - balance)
    chances: np.ndarray = weights / weights.sum()
    return chances
