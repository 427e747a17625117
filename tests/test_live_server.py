"""The live server, from a client's side."""

import asyncio
import errno
import gzip
import ipaddress
import json
import random
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import httpx
import numpy as np
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from imports import ROOT
from live import full_disk, serving
from made_bundle import framed_bundle, simple_bundle
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_now

from har.__main__ import main
from har.errors import HarError
from har.live import certificate, saved, server, uploads
from har.live import profiles as live_profiles
from har.live.connection import Connections, Limits
from har.model import bundle
from har.recognition import profile as profiles
from har.recognition.recognizer import Recognizer
from har.signals.recordings import UCI_HAR_ACTIVITIES
from har.signals.sensors import MOUNTINGS

HELLO = {"type": "hello", "acceleration_unit": "g", "angular_rate_unit": "rad/s", "hop": 32}
HEADER = "time_s,acc_x_g,acc_y_g,acc_z_g,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s,activity"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "models"
    bundle.save(folder, simple_bundle())
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    (folder / "recordings").mkdir()
    (folder / "recordings/one.csv").write_text(HEADER + "\n")
    (folder / "secret.csv").write_text("no")
    return folder


@pytest.fixture(scope="module")
def address(models, data):
    with serving(models, data) as running:
        yield running


def walk(count, seed=0, start=0.0):
    """Samples that look like somebody's: times, acceleration in g, angular rate in rad/s."""
    rng = np.random.default_rng(seed)
    times = start + np.arange(count) / 50
    acceleration = [1, 0, 0] + 0.2 * np.sin(9 * times)[:, None] + rng.normal(0, 0.02, (count, 3))
    return times, acceleration, rng.normal(0, 0.3, (count, 3))


def as_message(times, acceleration, angular_rate):
    return json.dumps(
        {
            "type": "samples",
            "times": times.tolist(),
            "acceleration": acceleration.tolist(),
            "angular_rate": angular_rate.tolist(),
        }
    )


def in_messages(samples, size):
    return [
        as_message(*(each[at : at + size] for each in samples))
        for at in range(0, len(samples[0]), size)
    ]


def converse(address, messages, hello=HELLO):
    """Say all that, and `bye`; all answers."""
    with connect_now(f"ws://{address}/live") as client:
        for message in [json.dumps(hello), *messages, '{"type": "bye"}']:
            client.send(message)
        return [json.loads(each) for each in client]


def of_type(answers, kind):
    return [each for each in answers if each["type"] == kind]


@pytest.mark.parametrize("size", [1, 7, 500])
def test_predictions_are_the_recognizers_however_samples_come(address, models, size):
    samples = walk(700)
    recognizer = Recognizer(bundle.load(models), hop=32)
    expected = recognizer.push(recognizer.stream(), *samples)
    answers = converse(address, in_messages(samples, size))
    assert answers[0] == {
        "type": "ready",
        "activities": list(UCI_HAR_ACTIVITIES),
        "window": 128,
        "hop": 32,
    }
    got = of_type(answers, "prediction")
    assert [each["time"] for each in got] == pytest.approx([each.time for each in expected])
    for one, other in zip(got, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
        assert (one["activity"], one["known"]) == (other.activity, other.known)
    assert of_type(answers, "status")[-1]["samples"] == 700


def test_units_mounting_and_hop_are_the_clients(address):
    times, acceleration, rate = walk(400)
    plain = of_type(converse(address, in_messages((times, acceleration, rate), 50)), "prediction")
    mounting = MOUNTINGS["top-up"]
    worn = (times, acceleration @ mounting * 9.80665, rate @ mounting * 180 / np.pi)
    hello = {
        "type": "hello",
        "acceleration_unit": "m/s2",
        "angular_rate_unit": "deg/s",
        "rotation": mounting.flatten().tolist(),
    }
    turned = of_type(converse(address, in_messages(worn, 50), hello | {"hop": 32}), "prediction")
    for one, other in zip(plain, turned, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
    often = of_type(converse(address, in_messages(worn, 50), hello | {"hop": 16}), "prediction")
    assert len(often) == 2 * len(turned) - 1 or len(often) == 2 * len(turned)


def test_wrong_units_are_told_and_not_recognised(address):
    times, acceleration, rate = walk(300)
    answers = converse(address, in_messages((times, acceleration * 9.81, rate), 50))
    assert not of_type(answers, "prediction")
    assert "is it in m/s2" in of_type(answers, "status")[-1]["problem"]


def test_what_cannot_be_is_counted(address):
    samples = walk(200)
    samples[1][50, 0], samples[2][60, 1] = np.nan, 1e9
    status = of_type(converse(address, in_messages(samples, 40)), "status")[-1]
    assert status["rejected"] == {
        "not a finite number": 1,
        "beyond what a phone can measure": 1,
    }
    assert status["samples"] == 198


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        ('{"type": "save"}', None, "hello should come first"),
        (json.dumps(HELLO), json.dumps(HELLO), "hello should come first, and once"),
        (json.dumps(HELLO | {"hop": 1}), None, "hop: .*greater"),
        (json.dumps(HELLO | {"rotation": [0.0] * 9}), None, "rotation: should be a rotation"),
        (json.dumps(HELLO | {"rotation": [float("nan")] * 9}), None, "should be a rotation"),
        (json.dumps(HELLO | {"rotation": [1, 0, 0, 0, 1, 0, 0, 0, -1]}), None, "not a mirror"),
        (json.dumps(HELLO | {"path": "/etc"}), None, "path: .*not permitted"),
        (json.dumps(HELLO), '{"type": "record", "name": "../../x"}', "name: .*pattern"),
        (json.dumps(HELLO), '{"type": "label", "activity": "FLYING"}', "activity"),
        (json.dumps(HELLO), in_messages(walk(501), 501)[0], "at most 500"),
        (
            json.dumps(HELLO),
            '{"type": "samples", "times": [1], "acceleration": [], "angular_rate": []}',
            "equally long",
        ),
        ("[" * 30_000, None, "(?i)json"),
        ("no", None, "(?i)json"),
        (b"\0\1", None, "should be text"),
    ],
)
def test_a_message_that_is_none_ends_the_connection_with_the_reason(address, first, then, reason):
    with connect_now(f"ws://{address}/live") as client:
        client.send(first)
        if then is not None:
            client.send(then)
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                client.recv(timeout=10)
    assert caught.value.rcvd.code in (1003, 1007)
    assert re.search(reason, caught.value.rcvd.reason), caught.value.rcvd.reason


@pytest.fixture(scope="module")
def of_acceleration(tmp_path_factory):
    """A server whose model needs acceleration alone, and no mounting."""
    folder = tmp_path_factory.mktemp("acceleration")
    bundle.save(folder / "models", framed_bundle(gyroscope=False))
    with serving(folder / "models", folder) as running:
        yield running, folder


def without_rate(samples, size):
    for message in in_messages(samples, size):
        told = json.loads(message)
        del told["angular_rate"]
        yield json.dumps(told)


def test_samples_without_angular_rate_are_for_a_model_that_needs_none(address, of_acceleration):
    samples = walk(400)
    running, _ = of_acceleration
    recognizer = Recognizer(framed_bundle(gyroscope=False), hop=32)
    expected = recognizer.push(recognizer.stream(), *samples[:2])
    for messages in (without_rate(samples, 50), in_messages(samples, 50)):
        found = of_type(converse(running, messages), "prediction")
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
            assert one["activity"] == other.activity
    with connect_now(f"ws://{address}/live") as client:
        client.send(json.dumps(HELLO))
        client.send(next(without_rate(samples, 50)))
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                client.recv(timeout=10)
    assert caught.value.rcvd.code == 1007
    told = "needs angular rate too .* windowing.channels=.total_acc. does without$"
    assert re.search(told, caught.value.rcvd.reason)


def test_a_session_of_acceleration_alone_has_no_other_columns_and_goes_on(of_acceleration):
    running, folder = of_acceleration
    first = list(without_rate(walk(100), 50))
    record = '{"type": "record"}'
    save = '{"type": "save"}'
    answers = converse(running, [record, *first, save])
    name = of_type(answers, "saved")[0]["name"]
    path = folder / "sessions" / f"{name}.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == "time_s,acc_x_g,acc_y_g,acc_z_g,activity"
    assert len(lines) == 101 and {line.count(",") for line in lines} == {4}
    again = json.dumps({"type": "record", "name": name})
    converse(running, [again, *without_rate(walk(50, start=2.0), 50), save])
    assert len(path.read_text().splitlines()) == 151


def test_a_session_of_other_sensors_is_not_gone_on_with(address, data):
    name = "20260101-000000-00000000"
    (data / "sessions").mkdir(exist_ok=True)
    text = "time_s,acc_x_g,acc_y_g,acc_z_g,activity\n0.000000,1,0,0,\n"
    (data / "sessions" / f"{name}.csv").write_text(text)
    answers = converse(address, [json.dumps({"type": "record", "name": name})])
    assert "of a model with other sensors" in of_type(answers, "error")[0]["reason"]
    assert (data / "sessions" / f"{name}.csv").read_text() == text


def test_the_page_is_told_what_the_model_needs(address, of_acceleration):
    told = [
        httpx.get(f"http://{each}/config.json").json() for each in (address, of_acceleration[0])
    ]
    assert [each["needsGyroscope"] for each in told] == [True, False]
    assert list(told[0]["mountings"]) == list(MOUNTINGS)
    assert told[1]["mountings"] is None
    assert told[1]["trainedOn"] == "right arm, waist"
    still = {"answer": "STILL", "postures": ["SITTING", "STANDING", "LAYING"]}
    for each in told:
        assert each["still"] == still
        assert set(each["colours"]) >= {"STILL", *each["activities"]}


def test_a_file_of_acceleration_alone_is_for_a_model_that_needs_no_more(address, of_acceleration):
    rows = "\n".join(f"{n / 50},0,0,9.80665" for n in range(100))
    text = f"time (s),ax (m/s^2),ay (m/s^2),az (m/s^2)\n{rows}\n"
    answers = [
        httpx.post(f"http://{each}/read", params={"name": "mine.csv"}, content=text)
        for each in (address, of_acceleration[0])
    ]
    assert [answer.status_code for answer in answers] == [422, 200]
    assert "the file: no angular rate in it: the model needs" in answers[0].json()["detail"]
    lines = answers[1].json()["recording"].splitlines()
    assert lines[0] == "time_s,acc_x_g,acc_y_g,acc_z_g,activity"
    assert lines[6].startswith("0.1,0.0,0.0,1.0")


def test_a_message_that_is_too_large_ends_the_connection(address):
    with connect_now(f"ws://{address}/live") as client:
        client.send(json.dumps(HELLO))
        with pytest.raises(ConnectionClosed) as caught:
            client.send(" " * 140_000)
            while True:
                client.recv(timeout=10)
    assert caught.value.rcvd.code == 1009


def test_other_pages_and_other_names_are_refused(address, models, data):
    url = f"ws://{address}/live"
    port = address.rpartition(":")[2]
    for origin in (f"http://{address}", None):
        with connect_now(url, origin=origin) as client:
            client.send(json.dumps(HELLO))
            assert json.loads(client.recv(timeout=10))["type"] == "ready"
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", f"http://evil:{port}"):
        with pytest.raises(InvalidStatus) as caught, connect_now(url, origin=origin):
            pass
        assert caught.value.response.status_code == 403
    with httpx.Client(base_url=f"http://{address}") as client:
        for host, code in [
            (f"localhost:{port}", 200),
            (f"[::1]:{port}", 200),
            ("evil.example", 400),
            (f"127.0.0.1.evil.example:{port}", 400),
            (f"localhost.evil.example:{port}", 400),
            (f"www.localhost:{port}", 400),
            ("", 400),
            ("[", 400),
        ]:
            answer = client.get("/config.json", headers={"Host": host})
            assert answer.status_code == code, host
        other = client.get("/config.json", headers={"Origin": "http://evil.example"})
        assert other.status_code == 403
    # A page whose own name points here: to the browser this is its own server.
    for host, origin in [("evil.example", "http://evil.example"), ("evil.example", None)]:
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            with (
                pytest.raises(InvalidStatus) as caught,
                connect_now(f"ws://{host}/live", origin=origin, sock=connection),
            ):
                pass
            assert caught.value.response.status_code == 400
    with serving(models, data, names=("har.local",)) as named:
        answer = httpx.get(f"http://{named}/config.json", headers={"Host": "HAR.local:8000"})
        assert answer.status_code == 200


def test_the_page_loads_nothing_from_elsewhere_and_serves_no_other_file(address):
    with httpx.Client(base_url=f"http://{address}") as client:
        page = client.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-" not in policy and "*" not in policy
        assert client.get("/recordings/one.csv").text.strip() == HEADER
        for path in (
            "/recordings/../secret.csv",
            "/recordings/..%2fsecret.csv",
            "/recordings/%2e%2e/secret.csv",
            "/recordings/none.csv",
            "/../server.py",
            "/%2e%2e/server.py",
            "/docs",
            "/openapi.json",
        ):
            assert client.get(path).status_code == 404, path
    for path in (ROOT / "har/live/static").iterdir():
        if path.suffix in (".html", ".css", ".js"):
            addresses = set(re.findall(r"https?://[\w.]+", path.read_text()))
            allowed = {"https://www.w3.org", "https://developer.apple.com"}  # sources, in comments
            assert addresses <= allowed, path


def test_a_session_is_on_the_disk_when_it_is_said_to_be(address, data):
    samples = walk(250)
    messages = in_messages(samples, 50)
    script = [
        '{"type": "record"}',
        messages[0],
        '{"type": "label", "activity": "SITTING"}',
        *messages[1:4],
        '{"type": "label"}',
        messages[4],
        '{"type": "save"}',
    ]
    [saved] = of_type(converse(address, script), "saved")
    assert saved["rows"] == 250 and saved["until"] == pytest.approx(4.98)
    lines = (data / "sessions" / f"{saved['name']}.csv").read_text().splitlines()
    assert lines[0] == HEADER
    rows = [line.split(",") for line in lines[1:]]
    assert [row[7] for row in rows] == [""] * 50 + ["SITTING"] * 150 + [""] * 50
    numbers = np.array([row[:7] for row in rows], float)
    assert np.allclose(numbers, np.column_stack(samples), atol=1e-6)


def test_a_session_is_written_in_g_along_the_axes_of_the_training_data(address, data):
    times, acceleration, rate = walk(50)
    mounting = MOUNTINGS["left-edge-up-screen-in"]
    hello = {"type": "hello", "rotation": mounting.flatten().tolist()}
    worn = in_messages((times, acceleration @ mounting * 9.80665, np.degrees(rate @ mounting)), 50)
    script = ['{"type": "record"}', *worn, '{"type": "save"}']
    [saved] = of_type(converse(address, script, hello), "saved")
    written = np.loadtxt(
        data / "sessions" / f"{saved['name']}.csv", delimiter=",", skiprows=1, usecols=range(7)
    )
    assert np.allclose(written, np.column_stack([times, acceleration, rate]), atol=1e-6)


def test_a_session_goes_on_after_a_lost_connection_without_a_row_twice(address, data):
    messages = in_messages(walk(300), 50)
    with connect_now(f"ws://{address}/live") as client:
        for message in [json.dumps(HELLO), '{"type": "record"}', *messages[:3]]:
            client.send(message)
        name = None
        while name is None:
            answer = json.loads(client.recv(timeout=10))
            name = answer.get("name")
        client.socket.close()  # gone without a word
    script = [json.dumps({"type": "record", "name": name}), *messages[1:], '{"type": "save"}']
    answers = converse(address, script)
    [kept], [saved] = of_type(answers, "kept")[:1], of_type(answers, "saved")
    assert kept["name"] == saved["name"] == name
    assert saved["rows"] == (300 if kept["rows"] else 250)
    path = data / "sessions" / f"{name}.csv"
    times = np.loadtxt(path, delimiter=",", skiprows=1, usecols=0)
    assert (np.diff(times) > 0).all() and len(times) == saved["rows"]


def test_a_row_cut_off_by_a_failure_is_dropped_when_the_session_goes_on(address, data):
    script = ['{"type": "record"}', *in_messages(walk(60), 60), '{"type": "save"}']
    [saved] = of_type(converse(address, script), "saved")
    path = data / "sessions" / f"{saved['name']}.csv"
    whole = path.read_text()
    path.write_text(whole[:-9])
    again = [
        json.dumps({"type": "record", "name": saved["name"]}),
        *in_messages(walk(60), 60),
        '{"type": "save"}',
    ]
    assert of_type(converse(address, again), "saved")[0]["rows"] == 60
    assert path.read_text() == whole


def test_a_clock_that_is_set_back_begins_a_further_file_and_nothing_is_lost(address, data):
    forward, (times, *rest) = walk(500), walk(500, start=10)
    odd = walk(1, start=1e10)
    back = (times - 100, *rest)
    before = set((data / "sessions").glob("*"))
    messages = [
        each
        for part in (forward, back, odd, walk(500, start=20))
        for each in in_messages(part, 100)
    ]
    answers = converse(address, ['{"type": "record"}', *messages, '{"type": "save"}'])
    [saved] = of_type(answers, "saved")
    assert (saved["rows"], saved["files"], saved["leftOut"]) == (1501, 3, 0)
    made = sorted(set((data / "sessions").glob("*")) - before, key=lambda path: path.stat().st_ino)
    tables = [np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(7)) for path in made]
    assert sorted(map(len, tables)) == [500, 500, 501]
    assert all((np.diff(table[:, 0]) > 0).all() for table in tables)
    assert saved["name"] in {path.stem for path in made}


def test_samples_that_no_file_has_are_counted(address):
    times, acceleration, rate = walk(100)
    acceleration[10:20] = 1e6
    times[50:60] = times[49] - 0.1  # not later, and no clock that was set back
    script = ['{"type": "record"}', *in_messages((times, acceleration, rate), 100)]
    [saved] = of_type(converse(address, [*script, '{"type": "save"}']), "saved")
    assert (saved["rows"], saved["leftOut"]) == (80, 20)


@pytest.mark.parametrize(
    "row", ["", "x", "1.0,2", "nan,0,0,0,0,0,0,", "1e400,0,0,0,0,0,0,", "\udcff,0,0,0,0,0,0,"]
)
def test_a_session_whose_last_row_is_damaged_is_an_error_and_stays(address, data, row):
    name = "20200101-000000-0000000a"
    (data / "sessions").mkdir(exist_ok=True)
    path = data / "sessions" / f"{name}.csv"
    content = f"{HEADER}\n1.0,0,0,0,0,0,0,\n{row}\n".encode(errors="surrogateescape")
    path.write_bytes(content)
    [answer] = of_type(converse(address, [json.dumps({"type": "record", "name": name})]), "error")
    assert answer["reason"] == f"session {name} is damaged: its last row is none"
    assert path.read_bytes() == content


def test_of_several_connections_that_want_one_session_one_has_it(address, data):
    """Whoever was told that rows are on the disk finds them there, each once."""
    [saved] = of_type(
        converse(address, ['{"type": "record"}', *in_messages(walk(50), 50), '{"type": "save"}']),
        "saved",
    )
    name, path = saved["name"], data / "sessions" / f"{saved['name']}.csv"

    async def one(start):
        told = []
        async with connect(f"ws://{address}/live") as client:
            for message in (json.dumps(HELLO), json.dumps({"type": "record", "name": name})):
                await client.send(message)
            for message in in_messages(walk(100, start=start), 10):
                await client.send(message)
                await asyncio.sleep(0.02)
            await client.send('{"type": "save"}')
            await client.send('{"type": "bye"}')
            async for answer in client:
                told.append(json.loads(answer))
        return told

    async def all_at_once(first):
        return await asyncio.gather(*(one(first + 10 * n) for n in range(4)))

    for attempt in range(3):
        answers = asyncio.run(all_at_once(10.0 + 100 * attempt))
        assert not [each for told in answers for each in told if "failed" in str(each)]
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        assert {len(row) for row in rows} == {8}
        times = [float(row[0]) for row in rows]
        assert (np.diff(times) > 0).all()
        most = max(each["rows"] for told in answers for each in told if "rows" in each)
        assert len(rows) >= most
        for told in answers:
            for each in of_type(told, "kept") + of_type(told, "saved"):
                if each["name"] == name:
                    assert each["until"] in times


def test_a_session_that_cannot_be_written_is_not_said_to_be_saved(address, monkeypatch):
    monkeypatch.setattr("har.live.sessions.os.fsync", full_disk)
    script = ['{"type": "record"}', *in_messages(walk(60), 60), '{"type": "save"}']
    answers = converse(address, script)
    assert {each["reason"] for each in of_type(answers, "error")} == {
        "the session cannot be written: No space left on device"
    }
    assert not of_type(answers, "saved")


def test_a_session_that_is_not_there_is_an_error_and_nothing_is_written(address, data):
    script = ['{"type": "record", "name": "20200101-000000-00000000"}']
    before = set((data / "sessions").glob("*"))
    [answer] = of_type(converse(address, script), "error")
    assert "no session" in answer["reason"]
    converse(address, ['{"type": "record"}', '{"type": "save"}'])  # nothing measured
    assert set((data / "sessions").glob("*")) == before


def test_who_says_nothing_or_is_one_too_many_is_ended(models, data):
    with serving(models, data, Limits(streams=1, silence=0.5)) as address:
        url = f"ws://{address}/live"
        with connect_now(url) as quiet:
            with connect_now(url) as second, pytest.raises(ConnectionClosed) as caught:
                second.recv(timeout=10)
            assert caught.value.rcvd.code == 1013
            with pytest.raises(ConnectionClosed) as caught:
                quiet.recv(timeout=10)
            assert "nothing came" in caught.value.rcvd.reason
        converse(address, [])  # there is room again


def test_who_stays_too_long_is_ended(models, data):
    with serving(models, data, Limits(seconds=0.5)) as address:
        with (
            connect_now(f"ws://{address}/live") as client,
            pytest.raises(ConnectionClosed) as caught,
        ):
            client.send(json.dumps(HELLO))
            for message in in_messages(walk(20_000), 10):
                client.send(message)
                time.sleep(0.01)
        assert "reached its maximum length" in caught.value.rcvd.reason


def test_who_sends_too_much_is_slowed_down_and_loses_nothing(models, data):
    with serving(models, data, Limits(samples=1000.0, windows=1e6)) as address:
        began = time.monotonic()
        answers = converse(address, in_messages(walk(3000), 100))
        took = time.monotonic() - began
    assert took > 1.5  # 3000 at 1000 a second, but for one second's burst
    assert of_type(answers, "status")[-1]["samples"] == 3000


def opened(address, sent):
    """A socket on which that much of a request was sent."""
    host, _, port = address.rpartition(":")
    client = socket.create_connection((host, int(port)), timeout=10)
    client.sendall(sent)
    return client


def everything_from(client):
    """What comes until the server ends the connection."""
    got = b""
    try:
        while part := client.recv(1 << 16):
            got += part
    except ConnectionResetError:
        pass
    return got


HALF = [
    b"",
    b"GET / HT",
    b"GET /config.json HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
    b"POST /config.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc",
    b"POST /read?name=a.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc",
]


@pytest.mark.parametrize("sent", HALF)
def test_who_sends_half_a_request_is_ended(models, data, sent):
    with serving(models, data, Limits(request=1, upload=1)) as address:
        with opened(address, sent) as client:
            began = time.monotonic()
            got = everything_from(client)
            assert 0.5 < time.monotonic() - began < 8
        assert got.startswith({HALF[4]: b"HTTP/1.1 408", HALF[3]: b"HTTP/1.1 4"}.get(sent, b""))
        assert httpx.get(f"http://{address}/config.json").status_code == 200


@pytest.mark.parametrize("sent", [b"GET /", HALF[3].replace(b"9", b"99", 1)])
def test_who_sends_a_request_drop_by_drop_is_ended(models, data, sent):
    drops = 0
    with (
        serving(models, data, Limits(request=1)) as address,
        opened(address, sent) as client,
        suppress(OSError),
    ):
        while drops < 80:
            client.sendall(b"a")
            time.sleep(0.1)
            drops += 1
    assert 3 < drops < 80


def test_who_does_not_take_an_answer_is_ended(models, tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/long.csv").write_bytes(b"0" * (40 << 20))
    request = b"GET /recordings/long.csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(models, tmp_path, Limits(request=1)) as address, opened(address, request) as deaf:
        time.sleep(2)
        assert len(everything_from(deaf)) < 40 << 20


def test_half_requests_leave_room_for_others(models, data, monkeypatch):
    monkeypatch.setattr(server, "OTHERS", 30)
    with serving(models, data, Limits(streams=1, request=2, upload=2)) as address:
        silent = [opened(address, HALF[n % 2]) for n in range(40)]
        assert httpx.get(f"http://{address}/config.json").status_code == 503
        for client in silent:
            everything_from(client)
            client.close()
        assert httpx.get(f"http://{address}/config.json").status_code == 200


def test_where_descriptors_run_out_connections_are_refused_and_others_are_served(models, tmp_path):
    """Left alone, asyncio asks for one more 2,000 times a second, with a line each."""
    limit = 60, 60
    running, where = started(
        *("--model", str(models), "--sessions", str(tmp_path / "sessions")),
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
    )
    process, clients = psutil.Process(running.pid), []
    try:
        with connect_now(f"ws://{where[2]}/live") as phone:
            phone.send(json.dumps(HELLO))
            clients = [opened(where[2], b"") for _ in range(150)]
            before = sum(process.cpu_times()[:2])
            time.sleep(3)
            assert sum(process.cpu_times()[:2]) - before < 1
            assert process.num_fds() < 40
            phone.send('{"type": "record"}')
            for message in in_messages(walk(500), 50):
                phone.send(message)
            phone.send('{"type": "bye"}')
            kinds = [json.loads(each)["type"] for each in phone]
        assert "prediction" in kinds and "error" not in kinds
        for client in clients:
            client.close()
        wait_for(lambda: process.num_fds() < 20)
        assert httpx.get(f"http://{where[2]}/config.json").status_code == 200
    finally:
        for client in clients:
            client.close()
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=20)[1]
    assert said.count("\n") == 1
    assert "warning: connections are refused: the system lets this process open no more" in said
    [path] = (tmp_path / "sessions").iterdir()
    assert path.read_text().count("\n") == 501


def wait_for(ready):
    end = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_quiet_websocket_is_not_taken_for_half_a_request(models, data):
    with (
        serving(models, data, Limits(request=1)) as address,
        connect_now(f"ws://{address}/live") as client,
    ):
        time.sleep(1.5)
        client.send(json.dumps(HELLO))
        assert json.loads(client.recv(timeout=10))["type"] == "ready"


class Deaf:
    """A client's socket that answers cannot be written to."""

    def __init__(self, messages):
        self.messages, self.closed = list(messages), None

    async def accept(self):
        pass

    async def receive(self):
        return {"type": "websocket.receive", "text": self.messages.pop(0)}

    async def send_text(self, _):
        await asyncio.sleep(60)

    async def close(self, code, reason):
        self.closed = code, reason


def test_who_takes_no_answers_is_ended(models, data):
    connections = Connections(Recognizer(bundle.load(models)), data, Limits(sending=0.05))
    deaf = Deaf([json.dumps(HELLO), *in_messages(walk(300), 100)])
    asyncio.run(connections.serve(deaf))
    assert deaf.closed == (1008, "the client does not read its answers")
    assert not connections.open


# ---- anything at all -----------------------------------------------------------------------------


def odd(rng):
    """A message of a right form, with odd content."""
    count = rng.randrange(4)
    number = [0.0, 1.0, -1.0, 1e300, -1e-320, 1e9, float("nan"), float("inf"), 5e-4, rng.random()]

    def numbers(*shape):
        if not shape:
            return rng.choice(number)
        return [numbers(*shape[1:]) for _ in range(shape[0])]

    return rng.choice(
        [
            {"type": "label", "activity": rng.choice([None, *UCI_HAR_ACTIVITIES])},
            *[
                {
                    "type": "samples",
                    "times": numbers(count),
                    "acceleration": numbers(count, 3),
                    "angular_rate": numbers(count, 3),
                }
            ]
            * 60,
            {"type": "record"},
            {"type": "record", "name": "20200101-000000-00000000"},
            {"type": "save"},
        ]
    )


def rubbish(rng):
    """A message of a wrong form; or nearly of a right one, now and then of one."""
    nearly = rng.choice([dict(HELLO), odd(rng), {"type": "bye"}])
    value = rng.choice(
        [None, True, -1, 2**70, 1e308, "NaN", "", [], {}, [[]], "\0", "../x", float("nan"), 10**400]
        + [float("inf"), -1e-320, "😀" * 50, {"type": "hello"}, [1] * 600]
    )
    match rng.randrange(7):
        case 0:
            return rng.randbytes(rng.randrange(200))
        case 1:
            return "".join(
                chr(rng.choice([9, 34, 91, 123, rng.randrange(32, 0xD7FF)])) for _ in "x" * 40
            )
        case 2:
            return rng.choice("[{") * rng.randrange(1, 20_000)
        case 3:
            return json.dumps(value)
        case 4:
            return json.dumps(nearly | {rng.choice([*nearly, "x"]): value})
        case 5:
            return json.dumps({key: each for key, each in nearly.items() if rng.random() < 0.7})
        case _:
            text = list(json.dumps(nearly))
            text[rng.randrange(len(text))] = chr(rng.randrange(32, 127))
            return "".join(text)


async def be_rude(address, count, rng):
    """Send that many messages, on as many connections as it takes; how often one was ended."""
    ended = 0
    while count > 0:
        try:
            # No limit to its queue: it never reads, and must see its pings answered all the same.
            where = f"ws://{address}/live"
            async with connect(where, compression=None, max_queue=None) as client:
                if rng.random() < 0.9:
                    await client.send(json.dumps(HELLO))
                while count > 0:
                    for _ in range(rng.randrange(1, 50)):
                        count -= 1
                        await client.send(json.dumps(odd(rng)))
                    count -= 1
                    await client.send(rubbish(rng))
                    await (await client.ping())  # all of them have been read
        except (ConnectionClosed, OSError):
            ended += 1
    return ended


def be_polite(address, samples, done):
    """Stream until the others are done; the answers, and how long each message took."""
    answers, delays = [], []
    with connect_now(f"ws://{address}/live", max_queue=None) as client:
        client.send(json.dumps(HELLO))
        client.recv(timeout=20)
        for message in in_messages(samples, 32):
            began = time.monotonic()
            client.send(message)
            assert client.ping().wait(20)
            delays.append(time.monotonic() - began)
            if done.wait(0.1):
                break
        client.send('{"type": "bye"}')
        for text in client:
            if (answer := json.loads(text))["type"] == "prediction":
                answers.append(answer)
    return answers, delays


def test_anything_at_all_from_one_client_does_not_disturb_another(models, tmp_path):
    samples = walk(20_000)
    recognizer = Recognizer(bundle.load(models), hop=32)
    expected = recognizer.push(recognizer.stream(), *samples)

    async def be_rude_at_once(address):
        rude = (be_rude(address, 1_250, random.Random(seed)) for seed in range(16))
        return sum(await asyncio.gather(*rude))

    with serving(models, tmp_path, Limits(messages=1e6, samples=1e7)) as address:
        done = threading.Event()
        with ThreadPoolExecutor(1) as thread:
            polite = thread.submit(be_polite, address, samples, done)
            try:
                ended = asyncio.run(be_rude_at_once(address))
            finally:
                done.set()
            answers, delays = polite.result(60)
        assert httpx.get(f"http://{address}/config.json").status_code == 200
    assert ended > 300
    assert len(answers) > 5
    assert sorted(delays)[len(delays) // 2] < 0.5
    for one, other in zip(answers, expected, strict=False):
        assert one["time"] == pytest.approx(other.time)
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
    for path in tmp_path.rglob("*"):
        inside = path.parent == tmp_path / "sessions" and path.suffix == ".csv"
        assert inside or path == tmp_path / "sessions", path


# ---- the command ---------------------------------------------------------------------------------


def started(*arguments, **streams):
    command = [sys.executable, "-m", "har", "live", "--port", "0", *arguments]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **streams)
    return running, re.match(r"(https?)://(\S+)", running.stdout.readline())


def test_ctrl_c_leaves_sessions_whole(models, tmp_path):
    running, where = started("--model", str(models), "--sessions", str(tmp_path / "made/here"))
    try:
        with connect_now(f"ws://{where[2]}/live") as client:
            for message in [json.dumps(HELLO), '{"type": "record"}', *in_messages(walk(1000), 50)]:
                client.send(message)
            while len(client.recv(timeout=20)) < 10 or not of_seen(client, samples=900):
                pass
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0
    finally:
        running.kill()
    assert "sessions are complete" in running.stdout.read()
    [path] = (tmp_path / "made/here").iterdir()
    lines = path.read_text().split("\n")
    assert lines[0] == HEADER and lines[-1] == ""
    assert len(lines) > 900 and all(line.count(",") == 7 for line in lines[:-1])


def of_seen(client, samples):
    """Wait until the server says that it has taken so many samples."""
    while True:
        answer = json.loads(client.recv(timeout=20))
        if answer["type"] == "status" and answer["samples"] >= samples:
            return True
        if answer["type"] == "prediction" and answer["time"] * 50 >= samples:
            return True


def test_over_https_with_a_certificate_of_ones_own(models, data, tmp_path):
    paths = tmp_path / "c.pem", tmp_path / "c.key"
    assert "phone.example" in certificate.make(*paths, names=("phone.example", "10.1.2.3"))
    assert paths[1].stat().st_mode & 0o077 == 0
    trust = ssl.create_default_context(cafile=paths[0])
    with serving(models, data, certificate=paths[0], key=paths[1]) as address:
        assert httpx.get(f"https://{address}/config.json", verify=trust).status_code == 200
        with connect_now(f"wss://{address}/live", ssl=trust, origin=f"https://{address}") as client:
            client.send(json.dumps(HELLO))
            assert json.loads(client.recv(timeout=10))["type"] == "ready"


def test_a_certificate_is_made_once_and_anew_for_other_addresses(tmp_path, monkeypatch):
    paths = tmp_path / "c.pem", tmp_path / "c.key"

    def names():
        found = x509.load_pem_x509_certificate(paths[0].read_bytes())
        every = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return {str(each.value) for each in every}

    assert certificate.ensure(*paths, names=("phone.example",))
    first = paths[0].read_bytes()
    assert not certificate.ensure(*paths)
    assert not certificate.ensure(*paths, names=("phone.example",))
    assert paths[0].read_bytes() == first
    monkeypatch.setattr(certificate, "own_address", lambda: "10.1.2.9")
    assert certificate.ensure(*paths)
    assert names() >= {"10.1.2.9", "phone.example", "localhost"}
    server.check_certificate(*paths)
    paths[0].write_text("no certificate")
    with pytest.raises(HarError, match="cannot be read"):
        certificate.ensure(*paths)


def test_a_key_beside_the_certificate_is_not_given_away(tmp_path):
    paths = tmp_path / "c.pem", tmp_path / "c.key"
    certificate.make(*paths)
    both = tmp_path / "both.pem"
    both.write_bytes(paths[1].read_bytes() + paths[0].read_bytes())
    given = certificate.alone(both)
    found = x509.load_der_x509_certificate(given)
    assert found.public_bytes(serialization.Encoding.DER) == given


def test_saved_sessions_are_listed_renamed_and_deleted(address, data):
    folder = data / "sessions"
    folder.mkdir(exist_ok=True)
    (folder / "mine.csv").write_text("time_s\n")
    (folder / "other.csv").write_text("other\n")
    (data / "secret.csv").write_text("secret\n")

    def ask(method, name, **more):
        return httpx.request(method, f"http://{address}/sessions{name}", **more)

    listed = {each["name"]: each for each in ask("GET", ".json").json()}
    assert listed["mine"]["bytes"] == 7
    assert listed["mine"]["saved"] == pytest.approx(time.time(), abs=60)
    assert ask("GET", "/mine.csv").text == "time_s\n"
    for name in (
        "..%2Fsecret",
        "..%2f..%2fetc%2fpasswd",
        "none",
        "%2Fetc%2Fpasswd",
        "..",
        "mine%00",
    ):
        assert ask("GET", f"/{name}.csv").status_code in (400, 404)
        assert ask("DELETE", f"/{name}").status_code in (400, 404, 405)
        assert ask("PATCH", f"/{name}", json={"name": "new"}).status_code in (400, 404, 405, 409)
    for name in ("../out", "", ".hidden", "a/b", "x" * 200, "other", " a", "a\n"):
        assert ask("PATCH", "/mine", json={"name": name}).status_code == 409
    assert (folder / "other.csv").read_text() == "other\n"
    assert ask("PATCH", "/mine", json={"name": "to work 1"}).status_code == 204
    assert (folder / "to work 1.csv").read_text() == "time_s\n"
    assert not (folder / "mine.csv").exists()
    foreign = {"Origin": "http://bank.example"}
    assert ask("DELETE", "/to work 1", headers=foreign).status_code == 403
    assert ask("DELETE", "/to work 1").status_code == 204
    assert ask("DELETE", "/to work 1").status_code == 404
    assert (data / "secret.csv").exists()


def test_a_session_that_is_being_recorded_is_neither_renamed_nor_deleted(address):
    with connect_now(f"ws://{address}/live") as client:
        client.send(json.dumps(HELLO))
        client.send(json.dumps({"type": "record"}))
        while (kept := json.loads(client.recv(timeout=10)))["type"] != "kept":
            pass
        for method, more in (("DELETE", {}), ("PATCH", {"json": {"name": "new"}})):
            answer = httpx.request(method, f"http://{address}/sessions/{kept['name']}", **more)
            assert answer.status_code == 409
            assert "being recorded" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("phone.example", True),
        ("10.1.2.3", True),
        ("bank.example", False),
        ("10.1.2.4", False),
    ],
)
def test_a_trusted_certificate_vouches_for_its_own_names_alone(tmp_path, name, accepted):
    """Whoever gets hold of its key cannot make certificates of other names with it."""
    paths = tmp_path / "c.pem", tmp_path / "c.key"
    certificate.make(*paths, names=("phone.example", "10.1.2.3"))
    authority = x509.load_pem_x509_certificate(paths[0].read_bytes())
    key = serialization.load_pem_private_key(paths[1].read_bytes(), None)
    forged = signed_by(authority, key, name)
    trust = ssl.create_default_context(cafile=paths[0])
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(*paths)
    (tmp_path / "forged.pem").write_bytes(forged)
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(tmp_path / "forged.pem")
    for serves in (own, other):
        if accepted:
            shake_hands(trust, serves, name)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                shake_hands(trust, serves, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad name ü", "'bad name \\xfc': no host name"),
        ("", "'': no host name"),
        ("*.example", "no host name"),
        ("fe80::1%eth0", "no host name"),
        ("a" * 64, "no host name"),
        ("two\nlines", "no host name"),
    ],
)
def test_a_certificate_of_a_wrong_name_is_one_line(tmp_path, monkeypatch, name, message):
    assert message in refusal(monkeypatch, tmp_path / "c", tmp_path / "k", "--name", name)
    assert not list(tmp_path.iterdir())


def test_a_certificate_is_not_written_over_unless_wanted(tmp_path, monkeypatch):
    one, key = tmp_path / "c", tmp_path / "k"
    certificate.make(one, key)
    before = one.read_bytes(), key.read_bytes()
    assert "--replace" in refusal(monkeypatch, one, key)
    assert "--replace" in refusal(monkeypatch, tmp_path / "new", key)
    same = refusal(monkeypatch, one, tmp_path / "x/../c", "--replace")
    assert "two files" in same
    assert (one.read_bytes(), key.read_bytes()) == before
    monkeypatch.setattr(sys, "argv", command_of(one, key, "--replace"))
    with suppress(SystemExit):
        main()
    assert one.read_bytes() != before[0] and key.read_bytes() != before[1]
    server.check_certificate(one, key)


def command_of(one, key, *arguments):
    return ["har", "certificate", "--certificate", str(one), "--key", str(key), *arguments]


def refusal(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", command_of(*arguments))
    with pytest.raises(SystemExit) as caught:
        main()
    assert re.fullmatch(r"error: [^\n]+", caught.value.code)
    return caught.value.code


def signed_by(authority, key, name):
    """A certificate that this authority signs for a name, and its key."""
    try:
        general = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        general = x509.DNSName(name)
    private = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([general]), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    return made.public_bytes(pem) + private.private_bytes(pem, form, serialization.NoEncryption())


def shake_hands(trust, serves, name):
    """TLS between these contexts, in memory; raises what the client finds wrong."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname=name)
    server_side = serves.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server_side):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert client.version()


@contextmanager
def taken_port():
    """A port on which somebody else listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


def assert_one_line(message):
    """The command ends in an error of one line that says this."""
    with pytest.raises(SystemExit) as caught:
        main()
    assert re.match(r"error: [^\n]+$", caught.value.code)
    assert message in caught.value.code


def test_what_cannot_be_served_is_one_line(models, tmp_path, monkeypatch):
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with taken_port() as port:
        for arguments, message in [
            (["--port", port, "--model", models], f"cannot listen on 127.0.0.1, port {port}"),
            (["--model", tmp_path / "none", "--port", "0"], "no trained model"),
            (["--certificate", bad], "belong together"),
            (["--name", "*.example"], "--name *.example: should be a host name"),
            (["--certificate", bad, "--key", bad, "--port", "0"], "not a certificate and its key"),
            (["--certificate", bad, "--key", tmp_path / "k", "--port", "0"], "no such file"),
        ]:
            monkeypatch.setattr(sys, "argv", ["har", "live", *map(str, arguments)])
            assert_one_line(message)


def test_where_nothing_can_be_served_the_certificate_stays(models, tmp_path, monkeypatch):
    """Phones may trust it; one for an address that is not this machine's would replace it."""
    monkeypatch.chdir(tmp_path)
    arguments = ["--host", "203.0.113.7", "--port", "0", "--model", str(models.resolve())]
    monkeypatch.setattr(sys, "argv", ["har", "live", *arguments])
    assert_one_line("cannot listen on 203.0.113.7")
    assert not (tmp_path / "data").exists()


# ---- several workers -----------------------------------------------------------------------------


@contextmanager
def served_by_two(models, tmp_path):
    """The command with two workers; yields it, its host and port, and the workers."""
    arguments = ["--workers", "2", "--model", str(models), "--sessions", str(tmp_path / "sessions")]
    running, where = started(*arguments, stderr=subprocess.PIPE)
    try:
        yield running, where[2], psutil.Process(running.pid).children()
    finally:
        running.kill()
        running.communicate()


@contextmanager
def only(worker, workers):
    """This worker alone takes connections meanwhile."""
    others = [each for each in workers if each != worker]
    for each in others:
        each.suspend()
    try:
        yield
    finally:
        for each in others:
            each.resume()


@contextmanager
def recording_at(address, messages, name=None):
    """A client that records, and has sent this."""
    with connect_now(f"ws://{address}/live") as client:
        for message in (json.dumps(HELLO), json.dumps({"type": "record", "name": name}), *messages):
            client.send(message)
        yield client


def told(client, timeout=20):
    """What the client is told next of what is on the disk."""
    while True:
        answer = json.loads(client.recv(timeout=timeout))
        assert answer["type"] != "error", answer
        if answer["type"] in ("kept", "saved"):
            return answer


def test_a_session_is_found_by_another_worker_and_has_one_owner(models, tmp_path):
    """A phone that went unnoticed comes back at the other worker, and goes on where it was."""
    with served_by_two(models, tmp_path) as (_, address, workers), ExitStack() as clients:
        one, other = workers
        samples = in_messages(walk(600), 10)
        with only(one, workers):
            gone = clients.enter_context(recording_at(address, samples[:30]))
            name = told(gone)["name"]
        with only(other, workers):
            listed = httpx.get(f"http://{address}/sessions.json").json()
            assert [each["name"] for each in listed] == [name]
            renaming = {"json": {"name": "new"}}
            for method, more in (("DELETE", {}), ("PATCH", renaming)):
                answer = httpx.request(method, f"http://{address}/sessions/{name}", **more)
                assert answer.status_code == 409
                assert "being recorded" in answer.json()["detail"]
            back = clients.enter_context(connect_now(f"ws://{address}/live"))
            back.send(json.dumps(HELLO))
            assert json.loads(back.recv(timeout=20))["type"] == "ready"
        back.send(json.dumps({"type": "record", "name": name}))
        goes_on = told(back)
        assert goes_on["name"] == name and goes_on["rows"] <= 300
        while (ended := told(gone))["type"] != "saved":
            pass
        assert (ended["name"], ended["rows"]) == (name, goes_on["rows"])
        for message in [*samples, '{"type": "save"}']:
            back.send(message)
        while (saved := told(back))["type"] != "saved":
            pass
        assert saved["rows"] == 600
        rows = (tmp_path / "sessions" / f"{name}.csv").read_text().splitlines()[1:]
        times = [float(row.split(",")[0]) for row in rows]
        assert len(times) == 600 and (np.diff(times) > 0).all()
        with only(one, workers):
            assert httpx.patch(f"http://{address}/sessions/{name}", **renaming).is_success
        with only(other, workers):
            assert httpx.delete(f"http://{address}/sessions/new").is_success
        assert not list((tmp_path / "sessions").iterdir())


def test_a_worker_that_is_killed_is_said_and_started_again_and_loses_nothing(models, tmp_path):
    with served_by_two(models, tmp_path) as (running, address, workers):
        one, other = workers
        samples = iter(in_messages(walk(3000), 10))
        with only(one, workers), recording_at(address, []) as client:
            kept = told(client)
            while not kept["rows"]:
                client.send(next(samples))
                with suppress(TimeoutError):
                    kept = told(client, timeout=0.05)
            one.kill()
            with pytest.raises(ConnectionClosed):
                while True:
                    client.recv(timeout=20)
        assert running.stderr.readline() == (
            "warning: worker 1 of 2 ended (SIGKILL) and is started again; "
            "what it said to be saved is on the disk\n"
        )
        with recording_at(address, [], kept["name"]) as back:
            assert told(back)["rows"] >= kept["rows"]
        [again] = set(psutil.Process(running.pid).children()) - {other}
        with only(again, [again, other]):
            assert httpx.get(f"http://{address}/config.json", timeout=20).is_success
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        assert "sessions are complete" in running.stdout.read()
        assert running.stderr.read() == ""
        assert not psutil.wait_procs([again, other], timeout=20)[1]
        lines = (tmp_path / "sessions" / f"{kept['name']}.csv").read_text().split("\n")
        assert lines[-1] == "" and len(lines) - 2 >= kept["rows"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command_however_it_ends(models, tmp_path, how):
    with served_by_two(models, tmp_path) as (running, address, workers):
        running.send_signal(how)
        assert running.wait(20) == (-how if how == signal.SIGKILL else 128 + how)
        assert not psutil.wait_procs(workers, timeout=20)[1]
        with pytest.raises(ConnectionRefusedError):
            connect_now(f"ws://{address}/live", legacy=True)


def test_a_worker_that_would_serve_another_model_ends_all(models, tmp_path):
    mine = tmp_path / "models"
    shutil.copytree(models, mine)
    with served_by_two(mine, tmp_path) as (running, _, workers):
        bundle.save(mine, framed_bundle(gyroscope=False))
        workers[0].kill()
        assert running.wait(20) == 1
        said = running.stderr.read().splitlines()
        assert said[1:] == [f"error: {mine} holds another model now: start the server again"]
        assert not psutil.wait_procs(workers, timeout=20)[1]


def test_what_several_workers_cannot_serve_is_one_line(models, tmp_path, monkeypatch, capfd):
    with taken_port() as port:
        for arguments, message in [
            (["--port", port, "--model", models], f"cannot listen on 127.0.0.1, port {port}"),
            (["--model", tmp_path / "none", "--port", "0"], "no trained model"),
        ]:
            monkeypatch.setattr(
                sys, "argv", ["har", "live", "--workers", "2", *map(str, arguments)]
            )
            assert_one_line(message)
    assert capfd.readouterr() == ("", "")
    for number in ("0", "-1", "many"):
        monkeypatch.setattr(sys, "argv", ["har", "live", "--workers", number])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        assert "'--workers': Input should be" in capfd.readouterr().err


# ---- streams of one recognizer -------------------------------------------------------------------


@pytest.mark.parametrize("rate", [50, 43.7, 60, 101])
def test_no_window_comes_before_it_is_due(models, rate):
    recognizer = Recognizer(bundle.load(models))
    stream, late = recognizer.stream(hop=20), 0
    assert stream.due == -np.inf
    for time_s in 5 + np.arange(int(12 * rate)) / rate:
        due = stream.due
        batch = stream.push(np.array([time_s]), np.array([[1.0, 0, 0]]), np.zeros((1, 3)))
        assert len(batch.times) <= (time_s >= due - 1e-6)
        late += len(batch.times)
    assert late == pytest.approx((12 * 50 - 128) / 20, abs=1.5)


def test_streams_with_hops_of_their_own_share_a_call(models):
    recognizer = Recognizer(bundle.load(models), hop=64)
    samples = walk(600)
    settings = [(64, True), (16, True), (64, False)]
    streams = [recognizer.stream(hop=hop, smoothing=smoothing) for hop, smoothing in settings]
    together = recognizer.recognize([(stream, stream.push(*samples)) for stream in streams])
    for found, (hop, smoothing) in zip(together, settings, strict=True):
        alone = Recognizer(bundle.load(models), hop=hop, smoothing=smoothing)
        for one, other in zip(found, alone.push(alone.stream(), *samples), strict=True):
            assert one.time == other.time
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_a_loggers_file_is_read_as_a_recording(address):
    rows = "\n".join(f"{n / 50},0,0,9.80665,0,0,180" for n in range(100))
    heading = "time (s),ax (m/s^2),ay (m/s^2),az (m/s^2),gx (deg/s),gy (deg/s),gz (deg/s)"
    with httpx.Client(base_url=f"http://{address}") as client:
        answer = client.post("/read", params={"name": "mine.csv"}, content=f"{heading}\n{rows}\n")
        assert answer.status_code == 200, answer.text
        lines = answer.json()["recording"].splitlines()
        assert lines[0].startswith("time_s,acc_x_g")
        assert [float(each) for each in lines[6].split(",")[:-1]] == pytest.approx(
            [0.1, 0, 0, 1, 0, 0, np.pi], abs=1e-6
        )


def test_files_of_other_kinds_are_read(address):
    rows = [(n / 50, 0, 0, 9.80665, 0, 0, 0) for n in range(100)]
    names = ("time", "ax", "ay", "az", "wx", "wy", "wz")
    text = "\n".join(",".join(map(str, each)) for each in [names, *rows])
    objects = json.dumps([dict(zip(names, each, strict=True)) for each in rows])
    found = []
    for name, content in (("a.csv.gz", gzip.compress(text.encode())), ("a.json", objects)):
        with httpx.Client(base_url=f"http://{address}") as client:
            answer = client.post("/read", params={"name": name}, content=content)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    assert found[0]["recording"] == found[1]["recording"]
    assert found[0]["recording"].splitlines()[100].startswith("1.98,0.0,0.0,1.0,0.0,0.0,0.0,")
    assert any("acceleration taken to be in m/s2" in note for note in found[0]["notes"])


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("mine.exe", b"", 422, "should end in"),
        ("mine.csv", b"", 422, "the file"),
        ("mine.csv", b"a,b\n1,2\n", 422, "; `har predict` takes these options"),
        ("mine.csv", b"\x00\xff" * 500, 422, "the file"),
        ("mine.zip", b"PK\x03\x04 no", 422, "not a zip"),
        ("../../etc/passwd.csv", b"a,b\n1,2\n", 422, "the file"),
        ("large.csv", b"1" * (65 << 20), 413, "larger than 64 MB"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_line(address, name, content, status, says):
    with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
        answer = client.post("/read", params={"name": name}, content=content)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert "/tmp" not in answer.text


def posting(length, sent=b""):
    head = f"POST /read?name=a.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + sent


def test_a_file_is_refused_by_its_announced_size(address):
    with opened(address, posting(65 << 20)) as client:
        assert client.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_file_that_drips_delays_no_other(models, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        uploads, "converted", lambda content, *_: taken.append(len(content)) or b"{}"
    )
    size = 16 << 20
    with serving(models, tmp_path, Limits(upload=60)) as address:
        clients = [opened(address, posting(size, b"1" * 10)) for _ in range(3)]
        for client in reversed(clients):
            client.settimeout(30)
            client.sendall(b"1" * (size - 10))
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            client.close()
    assert taken == [size] * 3


def test_a_zip_that_would_fill_the_memory_is_refused(address, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Accelerometer.csv", b"0" * (300 << 20))
    with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
        answer = client.post("/read", params={"name": "bomb.zip"}, content=path.read_bytes())
    assert answer.status_code == 422
    assert "315 MB" in answer.json()["detail"]


def test_a_placement_is_taken_where_the_model_makes_something_of_it(address, of_acceleration):
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.normal(0, 0.03, (2500, 3)), axis=0)
    times, acceleration, rate = walk(2500)
    samples = times, acceleration + drift - np.linspace(0, 1, 2500)[:, None] * drift[-1], rate
    recognizer = Recognizer(framed_bundle(gyroscope=False), hop=32)
    stream = recognizer.stream(placement="waist")
    expected = recognizer.push(stream, *samples[:2])
    assert stream.posture.up is not None
    running, _ = of_acceleration
    messages = list(without_rate(samples, 50))
    found = of_type(converse(running, messages, HELLO | {"placement": "waist"}), "prediction")
    for one, other in zip(found, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
    for asked, placement, reason in (
        (running, "head", "head: not a placement; it should be waist, hip, torso, arm"),
        (address, "waist", "this model makes nothing of a placement: leave it out"),
    ):
        with connect_now(f"ws://{asked}/live") as client:
            client.send(json.dumps(HELLO | {"placement": placement}))
            with pytest.raises(ConnectionClosed) as caught:
                client.recv(timeout=10)
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, reason)


def test_a_session_that_is_deleted_while_they_are_listed_is_no_failure(tmp_path):
    (tmp_path / "stays.csv").touch()
    others, done = [tmp_path / f"{number}.csv" for number in range(30)], threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for path in others:
                path.touch()
            for path in others:
                path.unlink()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(3000):
            assert "stays" in {each["name"] for each in saved.listed(tmp_path)}
    finally:
        done.set()
        thread.join()


# ---- profiles that are kept here -----------------------------------------------------------------


def profile_of(sha256, name="Ada", activity="WALKING"):
    shown = [{"activity": activity, "windows": 3, "mean": [0.5] * 19, "novelty": 0.5}]
    return {"format": 1, "name": name, "model_sha256": sha256, "shown": shown}


@pytest.fixture(scope="module")
def sha256(models):
    return bundle.describe(models).model_sha256


@pytest.fixture
def ask(address):
    """A request about profiles."""

    def send(method, name, **more):
        return httpx.request(method, f"http://{address}/profiles{name}", **more)

    return send


def test_profiles_are_kept_listed_taken_and_deleted(ask, data, sha256):
    first, second = profile_of(sha256), profile_of(sha256, activity="CYCLING")
    new = {"If-None-Match": "*"}
    assert ask("GET", ".json").json() == []
    assert ask("PUT", "/Ada.json", json=first, headers=new).status_code == 204
    path = data / "sessions/profiles/Ada.json"
    assert profiles.load(path).windows == {"WALKING": 3}
    listed = ask("GET", ".json").json()
    assert [(each["name"], each["bytes"]) for each in listed] == [("Ada", path.stat().st_size)]
    assert listed[0]["saved"] == pytest.approx(time.time(), abs=60)
    # Another person of that name does not take its place unless that is meant.
    assert ask("PUT", "/Ada.json", json=second, headers=new).status_code == 412
    assert ask("GET", "/Ada.json").json() == first
    assert ask("PUT", "/Ada.json", json=second).status_code == 204
    assert ask("GET", "/Ada.json").json() == second
    # A profile is no session.
    assert "Ada" not in httpx.get(str(ask("GET", ".json").url.join("sessions.json"))).text
    assert ask("DELETE", "/Ada.json", headers={"Origin": "http://bank.example"}).status_code == 403
    assert ask("DELETE", "/Ada.json").status_code == 204
    for method in ("GET", "DELETE"):
        assert ask(method, "/Ada.json").status_code == 404
    assert ask("GET", ".json").json() == []


@pytest.mark.parametrize(
    ("name", "change", "status", "says"),
    [
        ("Ada", {"format": 2}, 422, "no profile"),
        ("Ada", {"shown": [{}]}, 422, "no profile"),
        ("Ada", {"model_sha256": "0" * 64}, 422, "another model"),
        ("Bob", {}, 422, "the profile's name is Ada, not Bob"),
        ("x" * 60, {"name": "x" * 60}, 422, "no profile"),
        ("a.b", {"name": "a.b"}, 422, "no profile"),
        ("Ada", {"more": "x" * (1 << 20)}, 413, "larger than 1024 kB"),
    ],
)
def test_what_is_no_profile_is_not_kept(ask, data, sha256, name, change, status, says):
    answer = ask("PUT", f"/{name}.json", json=profile_of(sha256) | change)
    assert answer.status_code == status and says in answer.json()["detail"]
    assert not list((data / "sessions/profiles").glob("*.json"))


@pytest.mark.parametrize("name", ["..%2F..%2Fsecret", "%2Fetc%2Fpasswd", "..", "Ada%00", ".lock"])
def test_nothing_but_profiles_is_reached(ask, data, sha256, name):
    (data / "secret.json").write_text("{}")
    for method, more in (("GET", {}), ("DELETE", {}), ("PUT", {"json": profile_of(sha256)})):
        answer = ask(method, f"/{name}.json", **more)
        assert answer.status_code in (400, 404, 405, 422), (method, answer.text)
    assert (data / "secret.json").read_text() == "{}"


def test_servers_that_share_a_folder_keep_whole_profiles_and_no_more_than_fit(
    ask, models, data, sha256, monkeypatch
):
    monkeypatch.setattr(live_profiles, "MOST", 5)
    with serving(models, data) as other, ThreadPoolExecutor(8) as threads:
        addresses = [str(ask("GET", ".json").url.host), other]
        addresses[0] = f"{addresses[0]}:{ask('GET', '.json').url.port}"

        def put(number):
            name = f"P{number % 10}"
            return httpx.put(
                f"http://{addresses[number % 2]}/profiles/{name}.json",
                json=profile_of(sha256, name),
                headers={"If-None-Match": "*"},
            ).status_code

        answers = list(threads.map(put, range(40)))
    # Each name once, five of them; all else is refused, and said.
    assert answers.count(204) == 5 and set(answers) == {204, 412, 422}
    kept = sorted((data / "sessions/profiles").glob("*.json"))
    assert len(kept) == 5
    for path in kept:
        assert profiles.load(path).name == path.stem
        assert ask("DELETE", f"/{path.name}").status_code == 204


def test_a_disk_that_is_full_loses_no_profile(ask, sha256, monkeypatch):
    assert ask("PUT", "/Ada.json", json=profile_of(sha256)).status_code == 204

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(profiles, "as_json", full)
    answer = ask("PUT", "/Ada.json", json=profile_of(sha256, activity="CYCLING"))
    assert answer.status_code == 507 and "No space left" in answer.json()["detail"]
    monkeypatch.undo()
    assert ask("GET", "/Ada.json").json() == profile_of(sha256)
    assert ask("DELETE", "/Ada.json").status_code == 204
