"""A few faults of each kind, with every test run; `make faults` tries many."""

from random import Random

import pytest
from areas import AREAS


@pytest.mark.parametrize("name", [name for name, area in AREAS.items() if area.few])
def test_nothing_is_lost_and_nothing_is_wrong_in_silence(tmp_path, name):
    area = AREAS[name]
    with area.prepare(tmp_path) as once:
        for number in range(area.few):
            once(Random(f"{name} {number}"))
