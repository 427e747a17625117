"""Faults by the hundred: each area makes one after the other, and says what must hold after it.

`tests/faults/test_areas.py` tries a few of each with every test run; `make faults` tries many, and
writes reports/faults.csv.
"""

import hashlib
import importlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    chdir,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, seed
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from live import serving
from made_bundle import movement, simple_bundle, trained
from misbehaving import FAULTS, Server
from project import ROOT, SMALL, STAGES, Project
from session_faults import SessionsUnderFaults
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from har.__main__ import main as har_main
from har.data import archive, phone_files, windows
from har.errors import HarError
from har.learning import weights
from har.live.connection import Limits
from har.model import bundle
from har.params import Params
from har.signals.filters import filter_recording
from stages import common
from stages.reports import read_history, read_metrics, read_scores

Once = Callable[[Random], None]
"""Try one fault; an exception if something is wrong afterwards."""


class Area(NamedTuple):
    """Faults of a kind.

    Attributes:
        prepare: From a folder to what tries one fault, in a context.
        few: How many are tried with every test run.
        many: By `make faults`.
    """

    prepare: Callable[[Path], AbstractContextManager[Once]]
    few: int
    many: int


def one_line(error: HarError) -> None:
    """What a person may be told."""
    text = str(error)
    assert "\n" not in text and len(text) < 3000, text
    assert "Errno None" not in text and "Traceback" not in text, text


def damaged(content: bytes, random: Random) -> bytes:
    """A file after one of the things that happen to files."""
    at = random.randrange(len(content))
    kind = random.choice(["flip", "flip", "flip", "cut", "hole", "zeros", "twice", "noise"])
    length = random.randrange(1, 200)
    match kind:
        case "flip":
            changed = bytearray(content)
            changed[at] ^= 1 << random.randrange(8)
            return bytes(changed)
        case "cut":
            return content[:at]
        case "hole":
            return content[:at] + content[at + length :]
        case "zeros":
            return content[:at] + bytes(len(content[at : at + length])) + content[at + length :]
        case "twice":
            return content[: at + length] + content[at:]
        case _:
            return content[:at] + random.randbytes(length) + content[at:]


# Blanks stand between them.
NASTY = (ROOT / "tests/faults/nasty.txt").read_text().split()
"""Values that are none, or none of most settings."""


@contextmanager
def settings(folder: Path) -> Iterator[Once]:
    """params.yaml, damaged, and values on the command line."""
    path = folder / "params.yaml"
    whole = (ROOT / "params.yaml").read_text()
    names = list(Params().flat())

    def once(random: Random) -> None:
        lines, arguments = whole.splitlines(keepends=True), []
        for _ in range(random.randrange(3)):
            at, value = random.randrange(len(lines)), random.choice(NASTY)
            match random.randrange(5):
                case 0:
                    lines[at] = lines[at].partition(":")[0] + f": {value}\n"
                case 1:
                    lines.insert(at, lines[random.randrange(len(lines))])
                case 2:
                    lines[at] = " " * random.randrange(9) + lines[at]
                case 3:
                    del lines[at]
                case _:
                    lines[at] = random.choice([value * 3000, "[" * 3000, "a: " * 99]) + "\n"
            if not lines:
                break
        path.write_text("".join(lines))
        if random.random() < 0.5:
            path.write_bytes(damaged(path.read_bytes() + b" ", random))
        for _ in range(random.randrange(3)):
            value = random.choice([*NASTY, "9" * 5000, "[" * 999, "\udc80", "a" * 9999])
            arguments.append(f"--{random.choice(names)}={value}")
        began = time.monotonic()
        try:
            params = Params.read(path, arguments)
        except HarError as error:
            one_line(error)
        else:
            assert Params.model_validate(params.model_dump()) == params
        assert time.monotonic() - began < 10

    yield once


@contextmanager
def bundles(folder: Path) -> Iterator[Once]:
    """Bundles, damaged; and signals that no phone measures."""
    good = folder / "good"
    bundle.save(good, simple_bundle())
    signals = filter_recording(*movement(np.arange(600) / 50, np.random.default_rng(3)))
    some = signals[:128][None].astype(np.float32)
    expected = simple_bundle().predict(some).probabilities

    def once(random: Random) -> None:
        models = folder / "models"
        shutil.copytree(good, models, dirs_exist_ok=True)
        name = random.choice([bundle.DESCRIPTION, bundle.DESCRIPTION, bundle.MODEL])
        if random.random() < 0.8:
            (models / name).write_bytes(damaged((good / name).read_bytes(), random))
        given = some.copy()
        if random.random() < 0.3:
            for _ in range(random.randrange(1, 9)):
                where = random.randrange(128), random.randrange(9)
                given[(0, *where)] = random.choice([np.nan, np.inf, 1e38, -1e30, 1e4, 0])
        try:
            found = bundle.predict_windows(bundle.load(models), given)
        except HarError as error:
            one_line(error)
        else:
            assert np.isfinite(found).all() and np.allclose(found.sum(), 1)
            if (given == some).all():
                assert (found == expected).all()

    yield once


@contextmanager
def trained_weights(folder: Path) -> Iterator[Once]:
    """Files of weights, damaged."""
    network, record, _ = trained()
    path = folder / "weights.safetensors"
    weights.save(path, network, record)
    whole = path.read_bytes()
    expected = {name: value.numpy() for name, value in network.state_dict().items()}

    def once(random: Random) -> None:
        path.write_bytes(damaged(whole, random))
        try:
            back, same = weights.load(path)
        except HarError as error:
            one_line(error)
        else:
            assert same == record
            for name, value in back.state_dict().items():
                assert (expected[name] == value.numpy()).all()

    yield once


@contextmanager
def stored_windows(folder: Path) -> Iterator[Once]:
    """Files of windows, damaged."""
    _, _, made = trained()
    made = made.select(np.arange(0, len(made), 40))
    path = folder / "windows.npz"
    windows.save(path, made)
    whole = path.read_bytes()

    def once(random: Random) -> None:
        path.write_bytes(damaged(whole, random))
        try:
            back, more = windows.load(path)
        except HarError as error:
            one_line(error)
        else:
            assert not more
            for name, value in vars(made).items():
                assert np.array_equal(getattr(back, name), value), name

    yield once


@contextmanager
def tables(folder: Path) -> Iterator[Once]:
    """Tables and scores in reports/, damaged."""
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    scored = [path.name for path in (common.PREDICTIONS, common.PER_CLASS, common.PER_SUBJECT)]
    names = [*scored, *(path.name for path in (common.HISTORY, common.METRICS, common.TEST))]
    good = {name: (ROOT / "reports" / name).read_bytes() for name in names}

    def once(random: Random) -> None:
        for name, content in good.items():
            (reports / name).write_bytes(content)
        name = random.choice(names)
        (reports / name).write_bytes(damaged(good[name], random))
        before = Path.cwd()
        os.chdir(folder)
        try:
            if name in scored:
                tables = zip(scored, read_scores(), strict=True)
                assert all(len(table) == good[each].count(b"\n") - 1 for each, table in tables)
            elif name == common.HISTORY.name:
                assert len(read_history())
            else:
                assert 0 <= read_metrics()["test"]["accuracy"] <= 1
        except HarError as error:
            one_line(error)
        finally:
            os.chdir(before)

    yield once


@contextmanager
def archives(folder: Path) -> Iterator[Once]:
    """Zips, damaged."""
    members = {"a/README.txt": b"read", "a/train/y.txt": bytes(range(256)) * 40}

    def once(random: Random) -> None:
        kinds = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", random.choice(kinds)) as made:
            for name, content in members.items():
                made.writestr(name, content)
        content = buffer.getvalue()
        if random.random() < 0.3:
            outer = io.BytesIO()
            with zipfile.ZipFile(outer, "w") as made:
                made.writestr("inner.zip", damaged(content, random))
            content = outer.getvalue()
        path, out = folder / "a.zip", folder / "out"
        path.write_bytes(damaged(content, random))
        shutil.rmtree(out, ignore_errors=True)
        try:
            archive.unpack(path, ("README.txt", "train/y.txt"), out)
        except HarError as error:
            one_line(error)
        else:
            assert (out / "README.txt").read_bytes() == members["a/README.txt"]
            assert (out / "train/y.txt").read_bytes() == members["a/train/y.txt"]
        assert {path.name for path in folder.iterdir()} <= {"a.zip", "out"}

    yield once


@contextmanager
def downloads(folder: Path) -> Iterator[Once]:
    """Servers that break off, send pages, other ranges, other files."""
    content = b"PK" + Random(0).randbytes(200_000)
    with Server(content) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def once(random: Random) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            part = folder / "archive.zip.part"
            if random.random() < 0.5:
                part.write_bytes(random.choice([content[:90_000], b"x" * 300, content + b"y"]))
            server.faults = [random.choice(FAULTS) for _ in range(random.randrange(6))]
            try:
                found = archive.download(server.archive(), folder, pause=0.0001)
            except HarError as error:
                one_line(error)
                left = {path.name for path in folder.iterdir()}
                assert left <= {part.name}
            else:
                assert found.read_bytes() == content
                assert [path.name for path in folder.iterdir()] == ["archive.zip"]

        try:
            yield once
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def sessions(folder: Path) -> Iterator[Once]:
    """Recordings with full disks, kills, clocks that are set, several owners: by hypothesis."""
    SessionsUnderFaults.folder = folder

    def once(random: Random) -> None:
        machine = seed(random.randrange(2**32))(SessionsUnderFaults)
        run_state_machine_as_test(
            machine,
            settings=hypothesis_settings(
                max_examples=1,
                stateful_step_count=40,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )

    yield once


@contextmanager
def live(folder: Path) -> Iterator[Once]:
    """Clients that say anything at all to the live server, beside one that must be served."""
    models = folder / "models"
    bundle.save(models, simple_bundle())
    limits = Limits(silence=5, request=2, upload=2)
    hello = '{"type": "hello", "acceleration_unit": "g", "angular_rate_unit": "rad/s", "hop": 32}'
    usual = [
        hello,
        '{"type": "record"}',
        '{"type": "label", "activity": "WALKING"}',
        '{"type": "samples", "times": [0.02, 0.04], "acceleration": [[1, 0, 0], [1, 0, 0]], '
        '"angular_rate": [[0, 0, 0], [0, 0, 0]]}',
        '{"type": "save"}',
        '{"type": "bye"}',
    ]
    count = 3 * 128
    acceleration, rate = movement(np.arange(count) / 50, np.random.default_rng(0))
    walked = json.dumps(
        {
            "type": "samples",
            "times": (np.arange(count) / 50).tolist(),
            "acceleration": acceleration.tolist(),
            "angular_rate": rate.tolist(),
        }
    )

    with serving(models, folder, limits) as address:

        def once(random: Random) -> None:
            with suppress(ConnectionClosed, OSError), connect(f"ws://{address}/live") as client:
                if random.random() < 0.8:
                    client.send(hello)
                for _ in range(random.randrange(1, 9)):
                    text = random.choice(usual)
                    if random.random() < 0.7:
                        text = damaged(text.encode(), random).decode(errors="replace")
                    if random.random() < 0.2:
                        text = text.replace("0.02", random.choice(["1e400", "NaN", "-1e10", "[]"]))
                    client.send(text if random.random() < 0.95 else text.encode())
                if random.random() < 0.3:
                    client.socket.close()
            with connect(f"ws://{address}/live") as client:
                for text in (hello, walked, '{"type": "bye"}'):
                    client.send(text)
                kinds = [json.loads(answer)["type"] for answer in client]
            assert kinds.count("prediction") >= 6, kinds

        yield once


class Finished:
    """A project whose pipeline has run on simulated recordings, and the digests of what it made."""

    project: Project | None = None
    digests: dict[str, str]
    seconds: dict[str, float]

    @classmethod
    def get(cls, folder: Path) -> "Finished":
        """Made once for all areas."""
        if cls.project is None:
            project = Project.copy(folder.parent / "project", folder.parent, SMALL)
            project.environment |= {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
            project.dvc("repro")
            project.commit("a run")
            cls.project, cls.seconds = project, {}
            cls.digests = cls.now()
        return cls()

    @classmethod
    def now(cls) -> dict[str, str]:
        """Digests of the outputs as they are."""
        folder = cls.project.folder
        paths = [*folder.glob("data/*.npz"), *folder.glob("models/*"), *folder.glob("reports/**/*")]
        paths += folder.glob("data/raw/**/*")
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(paths)
            if path.is_file() and ".partial" not in str(path)
        }

    def left(self) -> list[Path]:
        """What killed processes have left."""
        return list(self.project.folder.rglob("*.partial"))

    def start(self, *command: str) -> subprocess.Popen:
        """A program in the project, whose whole process group can be killed."""
        return subprocess.Popen(
            command,
            cwd=self.project.folder,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, after: float, *command: str) -> None:
        """Run a program, and kill it and all that it started after some seconds."""
        process = self.start(*command)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=after)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def stage(self, name: str, after: float | None = None) -> float:
        """Run a stage in a process that has imported everything already; seconds that it took.

        Args:
            name: Of the stage.
            after: Kill it after so many seconds; None to let it end.
        """
        began = time.monotonic()
        if not (process := os.fork()):
            try:
                made = self.project.call(name)
                assert made is not None
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        if after is not None:
            time.sleep(after)
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert status in (0, signal.SIGKILL), name
        return time.monotonic() - began


USED = ("torch", "onnxruntime", "onnx", "safetensors.torch", "sklearn.metrics", "seaborn", "mlflow")
"""What stages import where they use it."""


@contextmanager
def killed_stages(folder: Path) -> Iterator[Once]:
    """Each stage, killed at any moment: run again, it makes what it made before."""
    made = Finished.get(folder)
    for module in (*USED, *(f"stages.{stage}" for stage in STAGES)):
        importlib.import_module(module)
    turn = iter(list(STAGES) * 10_000)

    def once(random: Random) -> None:
        stage = next(turn)
        if stage not in made.seconds:
            made.seconds[stage] = made.stage(stage)
            assert made.now() == made.digests, stage
        made.stage(stage, random.uniform(0.0, 1.0) * made.seconds[stage])
        if stage != "train" and not made.left():
            assert made.now() == made.digests, stage
            return
        made.stage(stage)
        assert made.now() == made.digests, stage
        assert not made.left(), stage

    yield once


@contextmanager
def killed_pipelines(folder: Path) -> Iterator[Once]:
    """`dvc repro`, killed at any moment with all its stages: the next one makes the same."""
    made = Finished.get(folder)
    params, lock = (made.project.folder / name for name in ("params.yaml", "dvc.lock"))
    usual, whole = params.read_text(), lock.read_text()

    def once(random: Random) -> None:
        changed = usual.replace("temperature: 0.57", f"temperature: {random.uniform(0.3, 2):.3f}")
        assert changed != usual
        params.write_text(changed)
        made.kill(random.uniform(1, 25), sys.executable, "-m", "dvc", "repro")
        params.write_text(usual)
        run_again(made)
        assert lock.read_text() == whole
        assert made.now() == made.digests
        assert not made.left()

    yield once


@contextmanager
def torn_locks(folder: Path) -> Iterator[Once]:
    """dvc.lock, cut off anywhere as where DVC is killed while it writes it."""
    made = Finished.get(folder)
    lock = made.project.folder / "dvc.lock"
    whole = lock.read_text()

    def once(random: Random) -> None:
        lock.write_text(whole[: random.randrange(len(whole))])
        run_again(made)
        assert lock.read_text() == whole
        assert made.now() == made.digests

    yield once


READERS = {
    "data/windows.npz": ("normalization", "explore", "evaluate"),
    "data/normalized.npz": ("explore", "train", "package", "evaluate"),
    "models/weights.safetensors": ("package", "evaluate", "track"),
    "models/bundle.json": ("evaluate", "plots", "track"),
    "models/model.onnx": ("evaluate",),
    "reports/history.csv": ("plots", "track"),
    "reports/predictions.csv": ("plots",),
    "reports/per_class.csv": ("plots", "track"),
    "reports/per_subject.csv": ("plots",),
    "reports/metrics.json": ("track",),
    "reports/test.json": ("track",),
}
"""Files between the stages, and the stages that read each."""

OF_ANOTHER_RUN = {
    "explore": ("data/windows.npz", "data/normalized.npz"),
    "package": ("data/normalized.npz", "models/weights.safetensors"),
    "evaluate": ("data/windows.npz", "data/normalized.npz", *tuple(READERS)[2:5]),
    "plots": tuple(READERS)[6:9],
    "track": ("models/weights.safetensors", "models/bundle.json"),
}
"""Stages, and files that may be of the right kind and not of this run."""

COMMANDS = (
    "predict FILE",
    "predict walk.csv --profile FILE",
    "predict walk.csv --model FILE",
    "teach new.json FILE --activity walking",
    "teach FILE walk.csv --activity walking",
    "live --certificate FILE --key FILE",
    "profiles FILE",
    "browser --model FILE",
)
"""Commands with a file in one of their places."""

SWAPS = [
    *(
        (stage, path, each)
        for path in READERS
        for stage in READERS[path]
        for each in READERS
        if path != each or path in OF_ANOTHER_RUN.get(stage, ())
    ),
    *((command, "", each) for command in COMMANDS for each in (*READERS, "reports/a.png")),
]
"""Who reads, the file in whose place another lies ("" for commands), and that other."""


@contextmanager
def swapped(folder: Path) -> Iterator[Once]:
    """Every file in the place of every other, and those of another run; for commands likewise."""
    made = Finished.get(folder)
    own = made.project
    shutil.copytree(own.folder, folder / "other", symlinks=True)
    other = Project(folder / "other", folder)
    for stage in STAGES[:-1]:
        other.call(stage, "--simulated.seed", "7")
    acceleration, rate = movement(np.arange(600) / 50, np.random.default_rng(0))
    walk = own.folder / "walk.csv"
    phone_files.write(walk, np.arange(600) / 50, acceleration, rate)
    shutil.copy(own.folder / "reports/figures/training_loss.png", own.folder / "reports/a.png")
    contents = {name: (own.folder / name).read_bytes() for name in made.digests}
    turn = iter(SWAPS)

    def once(_: Random) -> None:
        reader, path, source = next(turn)
        try:
            if path:
                given = (other if path == source else own).folder / source
                (own.folder / path).write_bytes(given.read_bytes())
                output = own.call(reader, fails=True)
            else:
                output = told(own.folder, reader.replace("FILE", source).split())
            assert re.fullmatch(r"error: .{10,1000}\n", output), (reader, path, source, output)
            assert not (own.folder / "new.json").exists()
        finally:
            for name, content in contents.items():
                if name != path:
                    assert (own.folder / name).read_bytes() == content, (reader, path, source)
                (own.folder / name).write_bytes(content)

    yield once
    for path in (walk, own.folder / "reports/a.png"):
        path.unlink()


def told(folder: Path, arguments: list[str]) -> str:
    """What a command that fails says."""
    output, status = io.StringIO(), None
    with (
        chdir(folder),
        mock.patch.object(sys, "argv", ["har", *arguments]),
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        try:
            har_main()
        except SystemExit as ended:
            status = ended.code
            print(status if isinstance(status, str) else "")
    assert status, (arguments, output.getvalue())
    return output.getvalue()


def run_again(made: Finished) -> None:
    """`make run`, the way that it names included."""
    for _ in range(3):
        output, _ = (process := made.start(sys.executable, "-m", "stages")).communicate()
        if process.returncode == 0:
            return
        named = re.fullmatch(
            r"error: \S+ is damaged, .*`(git checkout dvc.lock|rm \S+)`.*\n", output
        )
        assert named, output
        made.project.run(*named[1].split())
    raise AssertionError(output)


AREAS = {
    "settings": Area(settings, 30, 2000),
    "bundles": Area(bundles, 20, 1000),
    "weights": Area(trained_weights, 10, 500),
    "windows": Area(stored_windows, 10, 500),
    "tables and scores": Area(tables, 10, 1000),
    "archives": Area(archives, 20, 1000),
    "downloads": Area(downloads, 10, 500),
    "recorded sessions": Area(sessions, 10, 500),
    "live connections": Area(live, 8, 1000),
    "files swapped": Area(swapped, 0, len(SWAPS)),
    "stages killed": Area(killed_stages, 0, 20 * len(STAGES)),
    "pipelines killed": Area(killed_pipelines, 0, 15),
    "dvc.lock cut off": Area(torn_locks, 0, 20),
}
