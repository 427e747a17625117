"""`make faults`: many faults of each kind, and the table of them, reports/faults.csv.

python tests/faults/run.py            # all areas; an hour or two
python tests/faults/run.py settings   # some, which the table is given anew
"""

import csv
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import made_bundle
from areas import AREAS

from har.files import replacing_file

TABLE = ROOT / "reports/faults.csv"


def main(names: list[str]) -> int:
    """Try the faults of some areas, or of all; the number of those that did not pass."""
    failed = 0
    if unknown := [name for name in names if name not in AREAS]:
        sys.exit(f"error: area {unknown[0]!r}: expected one of {', '.join(AREAS)}")
    with tempfile.TemporaryDirectory() as folder:
        made_bundle.SHARED = Path(folder)
        for name in names or AREAS:
            tried, passed = try_area(name, Path(folder) / name.replace(" ", "_"))
            failed += tried - passed
            write(name, tried, passed)
    return failed


def try_area(name: str, folder: Path) -> tuple[int, int]:
    """How many faults of an area were tried, and how many passed."""
    area, began, passed = AREAS[name], time.monotonic(), 0
    folder.mkdir()
    with area.prepare(folder) as once:
        for number in range(area.many):
            try:
                once(Random(f"{name} {number}"))
                passed += 1
            except Exception:
                print(f"{name}, number {number}:\n{traceback.format_exc()}", flush=True)
    print(f"{name}: {passed} of {area.many}, {time.monotonic() - began:.0f} s", flush=True)
    return area.many, passed


def write(name: str, tried: int, passed: int) -> None:
    """Put the area's row into the table."""
    rows = {}
    if TABLE.exists():
        with TABLE.open(newline="") as file:
            rows = {row["area"]: row for row in csv.DictReader(file)}
    rows[name] = {"area": name, "tried": str(tried), "passed": str(passed)}
    with replacing_file(TABLE) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["area", "tried", "passed"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[area] for area in AREAS if area in rows)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
