"""Recordings in files, folders and zips: which tables belong to one."""

import csv
import gzip
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from har.data.phone_files import text
from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Metadata
from har.data.phone_files.recording import Recording, Samples, in_a_line
from har.data.phone_files.table import Choices, Table, find_table
from har.errors import HarError
from har.signals.sensors import NO_ANGULAR_RATE

Blocks = Callable[[], Iterable[bytes]]

MAX_BYTES = 4 << 30
"""What a table may hold, unpacked: weeks."""

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".gz")
"""What a table's name ends in, in a folder or zip; a file that is named may end in anything."""

_SENSORS_IN_NAMES = re.compile(
    r"(un)?calibrated|total|linear|gravity|acc(el(ero(meter)?|eration|erate)?)?|gyr(o(scope)?)?"
    r"|angular[ _-]?velocity|rotation[ _-]?rate"
)
_MOST_BESIDE = 100
_LATEST_HEADINGS = 4 << 20
_EXCEL = "is an Excel file: let the logger export CSV (in phyphox: Export Data, CSV)"
_KINDS = {
    b"\xd0\xcf\x11\xe0": _EXCEL,
    b"SQLi": "is an SQLite file: let the logger export CSV",
    b"%PDF": "is a PDF file: let the logger export CSV",
}


@dataclass
class _Files:
    """Tables among the files of a folder or zip, or a single one."""

    tables: list[Table] = field(default_factory=list)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    others: list[Blocks] = field(default_factory=list)
    problem: str = ""

    def add(self, name: str, place: str, blocks: Blocks, size: int, choices: Choices) -> None:
        if PurePosixPath(name).name.lower() == "metadata.csv":
            self.metadata[_folder(name)] = _metadata(blocks)
            return
        try:
            table = find_table(name, blocks, choices) if size else None
        except HarError as error:
            self.problem = self.problem or str(error)
            return
        if table is None:
            if not name.endswith(".json"):
                self.others.append(blocks)
        else:
            size = 0 if name.endswith(".gz") else size
            self.tables.append(replace(table, place=place, size=size))

    def add_file(self, path: Path, name: str, choices: Choices) -> None:
        size = path.stat().st_size
        self.add(name, os.path.realpath(path), partial(_of_file, path), size, choices)


def find(path: Path, choices: Choices | None = None, gyroscope: bool = True) -> list[Recording]:
    """The recordings of a file, a zip, or a folder of either.

    A file of one sensor is joined by those beside it that belong to it.

    Args:
        path: Where.
        choices: What the user says about the tables, rather than their headings.
        gyroscope: Whether angular rate is needed; if not, it is not looked at.

    Raises:
        HarError: There is none.
    """
    choices = choices or Choices()
    with in_a_line(str(path)):
        if path.is_dir():
            found = _in_folder(path, choices, gyroscope)
        elif path.exists() and not path.is_file():
            raise HarError("is not a regular file; from a pipe, - reads standard input")
        else:
            with path.open("rb") as file:
                beginning = file.read(4)
            if beginning == b"PK\x03\x04":
                found = _in_zip(path, choices, gyroscope)
            else:
                found = _in_file(path, beginning, choices, gyroscope)
    return found


def find_one(path: Path, choices: Choices | None = None, gyroscope: bool = True) -> Recording:
    """The one recording in a file, zip or folder; arguments as for `find`.

    Raises:
        HarError: There is none or several.
    """
    found = find(path, choices, gyroscope)
    if len(found) > 1:
        names = ", ".join(each.name for each in found[:3])
        raise HarError(f"{path}: holds {len(found)} recordings ({names}): name one of them")
    return found[0]


def read(path: Path, choices: Choices | None = None, gyroscope: bool = True) -> Samples:
    """All of the one recording in a file, zip or folder; arguments as for `find`.

    Raises:
        HarError: There is none or several, or it cannot be read.
    """
    return find_one(path, choices, gyroscope).read()


def find_in_stream(
    source: Iterator[bytes], choices: Choices | None = None, gyroscope: bool = True
) -> Recording:
    """The recording that comes as bytes, such as on standard input; it can be read once.

    Args:
        source: As many bytes at a time as there are.
        choices: As for `find`.
        gyroscope: Likewise.

    Raises:
        HarError: It is none.
    """
    choices = choices or Choices()
    kept: list[bytes] = []

    def keeping() -> Iterator[bytes]:
        for each in source:
            kept.append(each)
            yield each
            if sum(map(len, kept)) > _LATEST_HEADINGS:
                return

    name = "standard input"
    with in_a_line(name):
        table = find_table("-", keeping, choices, whole=False)
        beginning = list(kept)
        if table is None:
            raise HarError(_what_is_there([lambda: beginning], choices))
        rest = (each for part in (iter(kept.copy()), source) for each in part)
        table = replace(table, blocks=lambda: rest)
        problem = _lacking([table], gyroscope)
        if problem:
            raise HarError(problem)
        return Recording(name, dict.fromkeys(table.sensors, table), choices, gyroscope, again=False)


def _in_folder(path: Path, choices: Choices, gyroscope: bool) -> list[Recording]:
    files, found = _Files(), []
    for each in sorted(each for each in path.rglob("*") if each.is_file()):
        name = each.relative_to(path).as_posix()
        if each.suffix.lower() == ".zip" and not _is_other(name):
            try:
                found += find(each, choices, gyroscope)
            except HarError as error:
                problem = str(error).removeprefix(f"{each}: ")
                found.append(Recording(str(each), {}, choices, gyroscope, problem=problem))
        elif _is_table(name):
            files.add_file(each, name, choices)
    return found + (_grouped(path, files, choices, gyroscope) if files.tables or not found else [])


def _in_zip(path: Path, choices: Choices, gyroscope: bool) -> list[Recording]:
    archive, files = ZipFile(path), _Files()
    members = archive.infolist()
    if any(each.filename == "xl/workbook.xml" for each in members):
        raise HarError(_EXCEL)
    for each in members:
        if _is_table(each.filename):
            place = f"{os.path.realpath(path)}/{each.filename}"
            blocks = partial(_of_member, archive, each)
            files.add(each.filename, place, blocks, each.file_size, choices)
    return _grouped(path, files, choices, gyroscope)


def _in_file(path: Path, beginning: bytes, choices: Choices, gyroscope: bool) -> list[Recording]:
    if beginning in _KINDS or path.suffix.lower() in (".xls", ".xlsx"):
        raise HarError(_KINDS.get(beginning, _EXCEL))
    files = _Files()
    files.add_file(path, path.name, choices)
    if files.tables and (_lacking(files.tables, gyroscope) or files.tables[0].named_by_file):
        there = [each for each in path.parent.iterdir() if each.is_file() and _is_table(each.name)]
        if len(there) > _MOST_BESIDE:
            there = [each for each in there if _key(each.name) == _key(path.name)]
        siblings = _Files()
        for each in sorted({*there, path}):
            siblings.add_file(each, each.name, choices)
        with suppress(HarError):  # then the file is said to lack something, not the folder
            for recording in _grouped(path.parent, siblings, choices, gyroscope):
                if not recording.problem and path.name in recording.files:
                    recording.name = str(path)
                    return [recording]
    return _grouped(path, files, choices, gyroscope)


def _is_other(name: str) -> bool:
    *folders, file = name.lower().split("/")
    # phyphox puts meta/time.csv and meta/device.csv beside its data.
    return bool({"meta", "__macosx"} & set(folders)) or file.startswith(
        (".", "watch", "wrist", "headph")
    )


def _is_table(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not _is_other(name)


def _of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) if packed else nullcontext(raw) as file:
            yield from _limited(iter(partial(file.read, text.BLOCK), b""))


def _of_member(archive: ZipFile, member: ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        yield from _limited(iter(partial(file.read, text.BLOCK), b""), f"{member.filename} ")


def _limited(blocks: Iterable[bytes], which: str = "") -> Iterator[bytes]:
    done = 0
    for block in blocks:
        done += len(block)
        if done > MAX_BYTES:
            raise HarError(f"{which}holds more than {MAX_BYTES / (1 << 30):.2g} GiB")
        yield block


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _metadata(blocks: Blocks) -> Metadata:
    lines = next(text.decoded(blocks()), "").split("\n")[:2]
    if len(lines) < 2:
        return {}
    keys, values = (next(csv.reader([each]), []) for each in lines)
    named = dict(zip(keys, values, strict=False))
    if len(values) > len(keys):  # a device's name with a comma that is not quoted
        named |= dict(zip(reversed(keys), reversed(values), strict=False))
    return {key.strip().lower(): value.strip().lower() for key, value in named.items()}


def _key(name: str) -> str:
    """A name without its ending and what it says about the sensor: alike within a recording."""
    stem = name.lower().removesuffix(".gz").rpartition(".")[0]
    return re.sub(r"[\W_]+", " ", _SENSORS_IN_NAMES.sub("", stem)).strip()


def _grouped(path: Path, files: _Files, choices: Choices, gyroscope: bool) -> list[Recording]:
    """Recordings among the tables of a folder or zip."""
    if not files.tables:
        raise HarError(files.problem or _what_is_there(files.others, choices))
    groups: dict[str, list[Table]] = {}
    for table in files.tables:
        alone = not table.named_by_file and not _lacking([table], gyroscope)
        groups.setdefault(table.name if alone else f" {_key(table.name)}", []).append(table)
    lacking = {key: _lacking(group, gyroscope) for key, group in groups.items()}
    incomplete = [table for key, group in groups.items() if lacking[key] for table in group]
    sensors = [sensor for table in incomplete for sensor in table.sensors]
    if len(sensors) == len(set(sensors)) and not _lacking(incomplete, gyroscope):
        # Their names have no more in common than the folder; there is one of each sensor.
        groups = {key: group for key, group in groups.items() if not lacking[key]}
        groups[" "] = incomplete
        lacking[" "] = ""
    if all(lacking[key] for key in groups):
        raise HarError(_lacking(files.tables, gyroscope) or next(iter(lacking.values())))
    found = []
    for key, group in groups.items():
        group.sort(key=lambda each: "uncalibrated" in each.name.lower())
        tables: dict[str, Table] = {}
        for table in group:
            for sensor in table.sensors:
                tables.setdefault(sensor, table)
        if lacking[key] and not {ACCELERATION, LINEAR} & set(tables):
            continue  # a gyroscope's or gravity's that belongs to nothing
        name = str(path)
        if len(groups) > 1:
            name += "/" + (group[0].name if len(group) == 1 else _common(group))
        metadata = files.metadata.get(_folder(group[0].name), files.metadata.get(".", {}))
        found.append(Recording(name, tables, choices, gyroscope, metadata, problem=lacking[key]))
    return found


def _common(group: Sequence[Table]) -> str:
    folder = _folder(group[0].name)
    key = _key(PurePosixPath(group[0].name).name)
    return "/".join(each for each in (folder if folder != "." else "", key) if each)


def _lacking(tables: Sequence[Table], gyroscope: bool) -> str:
    """What a recording of these tables lacks, or empty."""
    sensors = {sensor: table for table in tables for sensor in table.sensors}
    if ACCELERATION not in sensors and not {LINEAR, GRAVITY} <= set(sensors):
        if LINEAR in sensors:
            one = len(tables) == 1
            which = "its acceleration" if one else f"the acceleration of {sensors[LINEAR].name}"
            return (
                f"{which} is without gravity, which tells postures apart: record "
                "gravity too, or acceleration with gravity"
            )
        return (
            "no acceleration in it: the model needs acceleration with gravity"
            + (" and angular rate" if gyroscope else "")
            + _open(tables, "--acc")
        )
    if gyroscope and ANGULAR_RATE not in sensors:
        return f"no angular rate in it: {NO_ANGULAR_RATE}{_open(tables, '--gyro')}"
    return ""


def _open(tables: Sequence[Table], option: str) -> str:
    """The headings that are taken for nothing, one of which may be what lacks."""
    taken = {
        (table.name, column)
        for table in tables
        for each in table.sensors.values()
        for column in (*each.axes, *table.times)
    }
    left = [
        heading
        for table in tables
        for column, heading in enumerate(table.headings)
        if heading and (table.name, column) not in taken
    ]
    if not left:
        return ""
    shown = ", ".join(left[:9]) + (", ..." if len(left) > 9 else "")
    return f"; if it is among the columns {shown}, say {option} X,Y,Z"


def _what_is_there(others: Sequence[Blocks], choices: Choices) -> str:
    """Why there is no table."""
    if not others:
        return "holds no CSV file, nor JSON of a sensor"
    for blocks in others:
        first = next((each for each in blocks() if each.strip()), b"")
        if not first:
            continue
        if b"\0" in first and "\0" in "".join(text.decoded([first])):
            return "is neither CSV nor zip"
        words = "".join(text.decoded([first])).split("\n")
        line = next((each.strip() for each in words if each.strip()), "")
        begins = line if len(line) <= 120 else f"{line[:117]}..."
        if choices.headings:
            return (
                f"no line has columns of the names {', '.join(choices.headings)}; it begins with: "
                f"{begins}"
            )
        return (
            "no line heads columns of x, y, z of a sensor (--time, --acc, --gyro name them); it "
            f"begins with: {begins}"
        )
    return "is empty"
