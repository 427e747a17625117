"""Recognition in the browser against Python's, in Chromium."""

import asyncio
import gzip
import io
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from made_bundle import framed_bundle, made_bundle, movement, untrained
from onnxruntime import InferenceSession

from har.errors import HarError
from har.live import browser as page_folder
from har.live.browser import assemble
from har.model import bundle, export
from har.model.deployed import DeployedModel
from har.model.embedding import Embedding
from har.model.novelty import Novelty
from har.recognition import profile as profiles
from har.recognition import steps
from har.recognition.profile import Profile
from har.recognition.recognizer import NOT_FINITE, NOT_LATER, OUT_OF_RANGE, Recognizer
from har.signals.recordings import UCI_HAR_ACTIVITIES
from har.signals.scaling import Scaling
from har.signals.sensors import ACCELERATION_UNITS, ANGULAR_RATE_UNITS, MOUNTINGS, Readings

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def made():
    return made_bundle()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    @classmethod
    @contextmanager
    def serving(cls, folder):
        """A folder at an address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(cls, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def site(made, tmp_path_factory):
    yield from assembled(made, tmp_path_factory)


def assembled(made, tmp_path_factory):
    """The folder that is served, and the address of the page in it."""
    root = tmp_path_factory.mktemp("site")
    assemble(made, root / "below" / "here")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield root / "below" / "here", f"http://127.0.0.1:{server.server_port}/below/here/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not there")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(site, chromium):
    yield from opened(site, chromium)


def opened(site, chromium):
    """The page, which may ask nobody but its server."""
    _, address = site
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    assert any(url.endswith("model.onnx") for url in asked)
    assert all(url.startswith(address) or "/favicon" in url for url in asked), asked
    page.close()


RECOGNIZE = """async ({ address, blocks, options, readings, settled, placement }) => {
  const { Recognizer } = await import(address + "recognizer.js");
  const { load } = await import(address + "local.js");
  const { description, model } = await load();
  const recognizer = new Recognizer(description, model, options);
  const stream = recognizer.stream(readings, { settled, placement });
  const response = await fetch(address + "samples.bin", { cache: "no-store" });
  const numbers = new Float64Array(await response.arrayBuffer());
  const predictions = [];
  let first = 0;
  for (const count of blocks) {
    const block = [];
    for (; block.length < count; first += 7) block.push([...numbers.subarray(first, first + 7)]);
    const made = await recognizer.push(
      stream,
      block.map((row) => row[0]),
      block.map((row) => row.slice(1, 4)),
      description.needs_gyroscope ? block.map((row) => row.slice(4)) : null,
    );
    predictions.push(...made);
  }
  const { samples, rejected, rejectedWindows, restarts, problem } = stream;
  return { predictions, samples, rejected, rejectedWindows, restarts, problem };
}"""


def compare(site, page, made, samples, blocks, readings, settled=True, placement=None, **options):
    """Python's predictions and stream for samples (n, 7), after the page's were found equal."""
    recognizer = Recognizer(made, **options)
    stream = recognizer.stream(readings, settled, placement=placement)
    expected = []
    for block in np.split(samples, np.cumsum(blocks)[:-1]):
        rate = block[:, 4:] if made.description.needs_gyroscope else None
        expected += recognizer.push(stream, block[:, 0], block[:, 1:4], rate)

    folder, address = site
    (folder / "samples.bin").write_bytes(samples.astype("<f8").tobytes())
    arguments = {
        "address": address,
        "blocks": [int(count) for count in blocks],
        "options": options,
        "readings": {
            "accelerationUnit": readings.acceleration_unit,
            "angularRateUnit": readings.angular_rate_unit,
            "rotation": readings.rotation.flatten().tolist(),
        },
        "settled": settled,
        "placement": placement,
    }
    found = page.evaluate(RECOGNIZE, arguments)
    predictions = found.pop("predictions")
    assert found == {
        "samples": stream.samples,
        "rejected": dict(stream.rejected),
        "rejectedWindows": stream.rejected_windows,
        "restarts": stream.restarts,
        "problem": stream.problem,
    }
    assert len(predictions) == len(expected) > 0
    for name, tolerance in (("time", 1e-6), ("probabilities", 1e-4), ("novelty", 1e-4)):
        np.testing.assert_allclose(
            np.array([each[name] for each in predictions]),
            np.array([getattr(each, name) for each in expected]),
            atol=tolerance,
            err_msg=name,
        )
    # Where two activities or a limit are level within the tolerance, either will do.
    postures = [made.description.activities.index(name) for name in made.description.postures]
    for mine, other in zip(predictions, expected, strict=True):
        first, second = np.sort(other.probabilities)[-2:][::-1]
        likely = np.array([first, other.probabilities[postures].sum()])
        if (np.abs(likely - recognizer.threshold) > 1e-3).all():
            if first - second > 1e-3:
                assert mine["activity"] == other.activity
            if abs(other.novelty - 1) > 1e-3:
                assert mine["known"] == other.known
            assert abs(mine["probability"] - other.probability) < 3e-4
    return expected, stream


def made_up(rate, start, readings, rng):
    """45 s of samples (n, 7) in the units of the readings, with all that goes wrong on the way."""
    intervals = rng.uniform(0.6, 1.4, 45 * rate) / rate
    times = start + np.cumsum(intervals)
    acceleration, angular_rate = movement(times, rng)
    seconds = times - times[0]
    acceleration[(seconds > 30) & (seconds < 33)] *= 9.8
    acceleration[(seconds > 33) & (seconds < 34.5)] *= 0.05
    angular_rate[(seconds > 36) & (seconds < 38)] *= 20
    back = readings.rotation  # a row times a matrix is turned by its transpose
    samples = np.hstack(
        [
            times[:, None],
            acceleration @ back / ACCELERATION_UNITS[readings.acceleration_unit],
            angular_rate @ back / ANGULAR_RATE_UNITS[readings.angular_rate_unit],
        ]
    )
    second = np.searchsorted(seconds, np.arange(45))
    samples[second[3], 2] = np.nan
    samples[second[4], 6] = np.inf
    samples[second[5], 0] = np.nan
    samples[second[6], 1] = 1e308
    samples[second[7], 4] = 1e6
    samples[second[8], 0] -= 1.5 / rate  # a sample that comes late
    samples[second[9], 0] = samples[second[9] - 1, 0]  # and one twice
    samples[second[10], 0] += 1e12
    quick = second[11]  # three come at once, as a phone hands on what it had held back
    samples[quick + 1 : quick + 3, 0] = samples[quick, 0] + [3e-4, 6e-4]
    samples[second[20] :, 0] -= 7.3  # the clock is set back
    lost = np.zeros(len(samples), bool)
    lost[second[14] : second[14] + rate // 6] = True  # bridged
    lost[second[25] : second[26]] = True  # a gap
    return samples[~lost]


@pytest.mark.parametrize(
    ("rate", "start", "readings", "options"),
    [
        (60, 1.7e9, Readings("m/s2", "deg/s", MOUNTINGS["top-down-screen-in"]), {"hop": 5}),
        (100, 0.0, Readings(), {"smoothing": False}),
        (50, -3.0, Readings("m/s2", "rad/s", MOUNTINGS["top-up"]), {"hop": 40, "gap": 1.5}),
    ],
)
def test_the_same_as_in_python(site, page, made, rate, start, readings, options):
    rng = np.random.default_rng(rate)
    samples = made_up(rate, start, readings, rng)
    blocks = rng.integers(0, 40, len(samples))
    blocks = blocks[np.cumsum(blocks) < len(samples)]
    blocks = np.append(blocks, len(samples) - blocks.sum())
    expected, stream = compare(site, page, made, samples, blocks, readings, **options)
    # It was put to the test.
    assert set(stream.rejected) == {NOT_FINITE, OUT_OF_RANGE, NOT_LATER}
    assert stream.restarts >= (1 if options.get("gap") else 2)
    assert stream.rejected_windows > 0
    assert len({each.activity for each in expected}) >= 4
    assert {each.known for each in expected} == {True, False}
    assert np.ptp([each.probability for each in expected]) > 0.4


@pytest.mark.parametrize("gyroscope", [True, False])
def test_the_same_as_in_python_for_models_that_need_no_mounting(
    gyroscope, chromium, tmp_path_factory
):
    """The answer still too, with and without smoothing or a placement; acceleration alone."""
    made = framed_bundle(gyroscope)
    for site in assembled(made, tmp_path_factory):
        for page in opened(site, chromium):
            rng = np.random.default_rng(1)
            samples = made_up(50, 0.0, Readings(), rng)
            blocks = [len(samples)]
            for options in ({"smoothing": False}, {"smoothing": True, "threshold": 0.9}):
                expected, _ = compare(
                    site, page, made, samples, blocks, Readings(), hop=10, **options
                )
                answers = {each.activity for each in expected if each.known}
                assert "STILL" in answers and len(answers) >= 3
            without, _ = compare(site, page, made, samples, blocks, Readings(), hop=10)
            told, stream = compare(
                site, page, made, samples, blocks, Readings(), placement="waist", hop=10
            )
            assert stream.posture.up is not None
            assert any(
                one.activity != other.activity for one, other in zip(told, without, strict=True)
            )


TEACH = """async ({ address, text, options, lessons, wrong }) => {
  const { Recognizer } = await import(address + "recognizer.js");
  const { load } = await import(address + "local.js");
  const { Profile } = await import(address + "profile.js");
  const { description, model } = await load();
  const recognizer = new Recognizer(description, model, options);
  const response = await fetch(address + "samples.bin", { cache: "no-store" });
  const numbers = new Float64Array(await response.arrayBuffer());
  const rows = [];
  for (let i = 0; i < numbers.length; i += 7) rows.push([...numbers.subarray(i, i + 7)]);
  const samples = [
    rows.map((row) => row[0]),
    rows.map((row) => row.slice(1, 4)),
    rows.map((row) => row.slice(4)),
  ];
  const refused = [];
  for (const each of wrong) {
    try {
      Profile.parse(each, description);
    } catch (error) {
      refused.push(error.message);
    }
  }
  let profile = text === null ? Profile.begin("me", description) : Profile.parse(text, description);
  const plain = await recognizer.push(recognizer.stream(), ...samples);
  for (const [activity, first, last] of lessons) {
    profile = profile.teach(activity, plain.slice(first, last));
  }
  const again = Profile.parse(profile.json(), description);
  const stream = recognizer.stream({}, { profile: again });
  const predictions = await recognizer.push(stream, ...samples);
  const { activities } = stream;
  return { json: profile.json(), windows: profile.windows, predictions, refused, activities };
}"""


def test_a_profile_is_taught_and_used_as_in_python(chromium, tmp_path_factory):
    made = framed_bundle()
    lessons = [("sitting", 3, 6), ("At the desk", 20, 21), ("WALKING", 40, 46), ("sitting", 60, 61)]
    samples = made_up(50, 0.0, Readings(), np.random.default_rng(1))
    model = made.description.model_sha256
    for site in assembled(made, tmp_path_factory):
        for page in opened(site, chromium):
            for smoothing in (False, True):
                recognizer = Recognizer(made, hop=20, smoothing=smoothing)
                parts = samples[:, 0], samples[:, 1:4], samples[:, 4:]
                plain = recognizer.push(recognizer.stream(), *parts)
                mine = Profile(name="me", model_sha256=model)
                for activity, first, last in lessons:
                    some = plain[first:last]
                    features = np.array([each.features for each in some])
                    mine = profiles.teach(mine, activity, features, [e.novelty for e in some])
                expected = recognizer.push(recognizer.stream(profile=mine), *parts)

                (site[0] / "samples.bin").write_bytes(samples.astype("<f8").tobytes())
                other = mine.model_copy(update={"model_sha256": "0" * 64})
                texts = ["", "[1]", "null", profiles.as_json(mine)[:-20], profiles.as_json(other)]
                for text, taught in ((None, lessons), (profiles.as_json(mine), [])):
                    found = page.evaluate(
                        TEACH,
                        {
                            "address": site[1],
                            "text": text,
                            "options": {"hop": 20, "smoothing": smoothing},
                            "lessons": taught,
                            "wrong": texts,
                        },
                    )
                    assert found["refused"][:4] == ["this is no profile"] * 4
                    assert "made with another model" in found["refused"][4]
                    theirs = Profile.model_validate_json(found["json"])
                    assert theirs.model_copy(update={"shown": []}) == Profile(
                        name="me", model_sha256=model
                    )
                    for one, their in zip(mine.shown, theirs.shown, strict=True):
                        assert (one.activity, one.windows) == (their.activity, their.windows)
                        np.testing.assert_allclose(one.mean, their.mean, atol=2e-3)
                        assert one.novelty == pytest.approx(their.novelty, abs=2e-3)
                    assert found["windows"] == mine.windows
                    assert found["activities"][-1] == "AT_THE_DESK"
                    answers = found["predictions"]
                    np.testing.assert_allclose(
                        [each["probabilities"] for each in answers],
                        [each.probabilities for each in expected],
                        atol=2e-2,
                    )
                    assert {each["profile"] for each in answers} == {"me"}
                    same = [
                        one["activity"] == two.activity and one["known"] == two.known
                        for one, two in zip(answers, expected, strict=True)
                    ]
                    assert np.mean(same) > 0.97
                    assert "AT_THE_DESK" in {each["activity"] for each in answers}


def test_wrong_units_are_named_in_the_same_words(site, page, made):
    rng = np.random.default_rng(0)
    times = np.arange(300) / 50
    acceleration, angular_rate = movement(times, rng)
    for factors, words in (((9.8, 1), "m/s2?"), ((0.1, 1), "left out"), ((1, 60), "deg/s?")):
        wrong = np.hstack([acceleration * factors[0], angular_rate * factors[1]])
        samples = np.hstack([times[:, None], wrong])
        # A first half that is right, so that there is something to compare.
        right = np.hstack([times[:, None] - 10, acceleration, angular_rate])
        both = np.concatenate([right, samples])
        _, stream = compare(site, page, made, both, [len(both)], Readings())
        assert words in stream.problem


def test_a_test_subjects_recording(site, page, made, hapt_archive):
    def table(archive, sensor):
        return np.loadtxt(io.BytesIO(archive.read(f"RawData/{sensor}_exp04_user02.txt")))

    with ZipFile(hapt_archive) as archive:
        sensors = [table(archive, "acc"), table(archive, "gyro")]
    times = np.arange(len(sensors[0]))[:, None] / 50
    samples = np.hstack([times, *sensors])[:12000]
    expected, stream = compare(
        site, page, made, samples, [3000] * 4, Readings(), settled=False, hop=16
    )
    assert stream.samples == 12000
    assert len(expected) > 600
    assert not stream.rejected


BACKEND = """async ({ address, settings, times, acceleration, rate }) => {
  const { LocalBackend } = await import(address + "local.js");
  const seen = { states: [], predictions: [], statuses: [] };
  const backend = new LocalBackend(settings);
  backend.onstate = (...state) => seen.states.push(state);
  backend.onprediction = (prediction) => seen.predictions.push(prediction);
  backend.onstatus = (status) => seen.statuses.push(status);
  backend.push(times.slice(0, 100), acceleration.slice(0, 100), rate.slice(0, 100));
  await backend.start();
  for (let i = 100; i < times.length; i += 30) {
    if (i > 400) await new Promise((resolve) => setTimeout(resolve));
    backend.push(...[times, acceleration, rate].map((all) => all.slice(i, i + 30)));
  }
  backend.push([times.at(-1) + 0.02], [[0, null, 0]], [[0, 0, 0]]);
  backend.push([times.at(-1) + 0.04], [null], [undefined]);
  await backend.stop();
  backend.push([times.at(-1) + 0.06], [[0, 0, 0]], [[0, 0, 0]]);
  return seen;
}"""


def test_the_pages_backend_recognises_all_that_is_pushed(site, page, made):
    rng = np.random.default_rng(5)
    times = np.arange(1000) / 50
    acceleration, rate = movement(times, rng)
    arguments = {
        "address": site[1],
        "settings": {"hop": 10, "smoothing": True, "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        "times": times.tolist(),
        "acceleration": acceleration.tolist(),
        "rate": rate.tolist(),
    }
    seen = page.evaluate(BACKEND, arguments)
    recognizer = Recognizer(made, hop=10)
    expected = recognizer.push(recognizer.stream(), times, acceleration, rate)
    assert seen["states"] == [["open", ""]]
    np.testing.assert_allclose(
        [each["probabilities"] for each in seen["predictions"]],
        [each.probabilities for each in expected],
        atol=1e-4,
    )
    assert seen["statuses"][-1] == {
        "samples": 1000,
        "rejected": {NOT_FINITE: 2},
        "rejectedWindows": 0,
        "restarts": 0,
        "problem": "",
    }

    for wrong, words in (
        ({"hop": 0}, "hop=0"),
        ({"accelerationUnit": "ft"}, "unit of acceleration: ft"),
        ({"rotation": [1]}, "rotation"),
    ):
        seen = page.evaluate(BACKEND, arguments | {"settings": wrong})
        assert [state for state, _ in seen["states"]] == ["failed"]
        assert words in seen["states"][0][1]
        assert seen["predictions"] == []


def test_a_model_that_is_not_there_is_said(site, chromium):
    folder, address = site
    (folder / "model.onnx").rename(folder / "away")
    try:
        page = chromium.new_page()
        page.goto(address)
        script = """async (address) => {
          const { LocalBackend } = await import(address + "local.js");
          const backend = new LocalBackend({});
          const states = [];
          backend.onstate = (...state) => states.push(state);
          await backend.start();
          return states;
        }"""
        failed = "recognition in the browser: model.onnx: the server says 404"
        assert page.evaluate(script, address) == [["failed", failed]]
        (folder / "away").rename(folder / "model.onnx")
        assert page.evaluate(script, address) == [["open", ""]]
        page.close()
    finally:
        if (folder / "away").exists():
            (folder / "away").rename(folder / "model.onnx")


def test_the_page_may_send_nothing_elsewhere(page):
    asked = []

    class Elsewhere(Quiet):
        def do_GET(self):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for way in ("fetch(url)", "new Promise((_, no) => { new WebSocket(url).onerror = no; })"):
            url = f"http://127.0.0.1:{server.server_port}/"
            script = f"(url) => ({way}).then(() => 'sent', () => 'refused')"
            assert page.evaluate(script, url) == "refused"
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_the_folder_has_what_is_needed_and_no_more(site, made):
    folder, _ = site
    config = json.loads((folder / "config.json").read_text())
    assert config["recognition"] == "browser"
    assert config["activities"] == made.description.activities
    worker = (folder / "service-worker.js").read_text().splitlines()[0]
    kept = set(json.loads(worker.removeprefix("const KEPT = ").removesuffix(";"))["files"])
    assert kept | {"service-worker.js"} == {path.name for path in folder.iterdir()} - {
        "samples.bin"
    }


def test_the_whole_page_of_the_released_model_is_small(tmp_path):
    assemble(bundle.load(bundle.RELEASED), tmp_path / "page")
    sizes = [len(gzip.compress(path.read_bytes())) for path in (tmp_path / "page").iterdir()]
    assert sum(sizes) < 1_000_000


def test_the_server_offers_what_recognition_in_the_browser_needs(site, made, tmp_path):
    from httpx import ASGITransport, AsyncClient

    from har.live.server import make_app

    async def ask():
        app = make_app(Recognizer(made), tmp_path, tmp_path)
        async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
            return [await client.get(f"/{name}") for name in ("model.onnx", "recognizer.json")]

    with ThreadPoolExecutor() as thread:  # Playwright has an event loop running in this one
        model, description = thread.submit(lambda: asyncio.run(ask())).result()
    assert model.content == made.model
    assert description.json() == json.loads((site[0] / "recognizer.json").read_text())


RUN = """async ({ address, name, dims }) => {
  const { Model } = await import(address + "onnx.js");
  const read = async (file) => new Uint8Array(await (await fetch(address + file)).arrayBuffer());
  const model = new Model(await read(`${name}.onnx`));
  const data = new Float32Array((await read(`${name}.bin`)).buffer);
  const outputs = model.run({ signals: { dims, data } });
  const plain = ([key, { dims, data }]) => [key, { dims, data: [...data] }];
  return Object.fromEntries(Object.entries(outputs).map(plain));
}"""

KINDS = {
    "lstm": ("recurrent", {"cell": "lstm", "bidirectional": True, "num_layers": 2}),
    "gru": ("recurrent", {"cell": "gru", "bidirectional": False}),
    "convolutions-lstm": (
        "conv_recurrent",
        {"cell": "lstm", "bidirectional": False, "num_layers": 2},
    ),
    "convolutions-gru": ("conv_recurrent", {"cell": "gru", "bidirectional": True}),
    "convolutions": ("conv_recurrent", {"num_layers": 0, "companding": []}),
    "frames": ("conv_recurrent", {"num_layers": 0, "frames": ["measured", "upright", "lengths"]}),
}


@pytest.mark.parametrize("kind", [*KINDS, "released"])
def test_every_kind_of_network_gives_what_onnx_runtime_gives(site, page, kind):
    folder, address = site
    if kind == "released":
        content, size = bundle.load(bundle.RELEASED).model, 128
    else:
        name, settings = KINDS[kind]
        size = 8  # the exporter takes its time for each step of a window
        nothing = Scaling(np.zeros(3, np.float32), np.ones(3, np.float32))
        fixed = Novelty(np.ones(3), np.zeros((1, 3)), 1.0)
        if "frames" not in settings:
            fixed = Novelty(np.ones(6), np.zeros((1, 6)), 1.0)
        network = untrained(name, 3, **settings)
        groups = ["total_acc"]
        points = Embedding(
            np.zeros(network.feature_size, np.float32),
            np.eye(network.feature_size, 4, dtype=np.float32),
        )
        model = DeployedModel(network, UCI_HAR_ACTIVITIES, groups, nothing, 0.5, 1.0, fixed, points)
        content = export.to_onnx(model, size)
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 0.3, (5, size, 9)).astype(np.float32)
    signals[:, :, 6] += 1
    signals[0] = 0  # without a direction
    signals[1] *= 20
    (folder / f"{kind}.onnx").write_bytes(content)
    (folder / f"{kind}.bin").write_bytes(signals.tobytes())
    found = page.evaluate(RUN, {"address": address, "name": kind, "dims": signals.shape})
    for suffix in ("onnx", "bin"):
        (folder / f"{kind}.{suffix}").unlink()
    session = InferenceSession(content)
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(None, {"signals": signals}), strict=True))
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name]["dims"] == list(values.shape)
        np.testing.assert_allclose(
            np.reshape(found[name]["data"], values.shape), values, rtol=1e-4, atol=2e-5
        )


CADENCE = """async ({ address, windows, activity }) => {
  const { cadence } = await import(address + "steps.js");
  return windows.map((lengths) => {
    const found = cadence(lengths, activity);
    return Number.isNaN(found) ? null : found;
  });
}"""


@pytest.mark.parametrize("activity", list(steps.CADENCES))
def test_steps_are_counted_as_in_python(site, page, activity):
    rng = np.random.default_rng(0)
    times = np.arange(128) / 50
    hertz = rng.uniform(0.8, 4, (60, 1))
    strength = rng.uniform(0, 0.5, (60, 1))
    lengths = 1 + strength * np.sin(2 * np.pi * hertz * times)
    lengths += strength / 3 * np.sin(np.pi * hertz * times) + rng.normal(0, 0.05, lengths.shape)
    acceleration = np.stack([lengths, 0 * lengths, 0 * lengths], axis=2)
    expected = steps.cadence(acceleration, activity)
    arguments = {"address": site[1], "windows": lengths.tolist(), "activity": activity}
    found = np.array(page.evaluate(CADENCE, arguments), float)
    assert 10 < np.isfinite(expected).sum() < 60
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    ranges = page.evaluate(
        "async (address) => (await import(address + 'steps.js')).CADENCES", site[1]
    )
    assert {name: tuple(each) for name, each in ranges.items()} == steps.CADENCES


def test_a_model_with_operations_that_the_page_does_not_know_is_refused(site, page):
    import onnx

    folder, address = site
    signals, out = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        for name in ("signals", "out")
    )
    node = onnx.helper.make_node("Erf", ["signals"], ["out"])
    graph = onnx.helper.make_graph([node], "graph", [signals], [out])
    (folder / "erf.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    (folder / "erf.bin").write_bytes(b"")
    with pytest.raises(Exception, match="does not know: Erf"):
        page.evaluate(RUN, {"address": address, "name": "erf", "dims": [1]})
    for suffix in ("onnx", "bin"):
        (folder / f"erf.{suffix}").unlink()


def test_it_works_without_network_once_it_has_been_there(made, chromium, tmp_path_factory):
    from playwright.sync_api import expect

    root = tmp_path_factory.mktemp("offline")
    assemble(made, root / "here")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context()
    page = context.new_page()
    address = f"http://127.0.0.1:{server.server_port}/here/"
    page.goto(address)
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    server.shutdown()
    server.server_close()
    page.reload()
    expect(page.locator("#labels input").first).to_be_attached()
    expect(page.locator("#fetching")).to_be_hidden()
    seen = page.evaluate(BACKEND, a_second_of(address))
    assert seen["states"] == [["open", ""]]
    installable = page.evaluate(
        """async () => {
          const link = document.querySelector("link[rel=manifest]");
          const { name, icons, display, start_url } = await (await fetch(link.href)).json();
          return { name, display, start_url, icon: (await fetch(icons[0].src)).ok };
        }"""
    )
    assert installable["display"] == "standalone" and installable["icon"]
    context.close()


def a_second_of(address):
    return {
        "address": address,
        "settings": {"hop": 10, "smoothing": True, "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        "times": (np.arange(50) / 50).tolist(),
        "acceleration": [[1, 0, 0]] * 50,
        "rate": [[0, 0, 0]] * 50,
    }


def test_without_a_server_sessions_are_kept_in_the_browser(site, chromium):
    from playwright.sync_api import expect

    context = chromium.new_context()
    page = context.new_page()
    page.goto(site[1])
    shown = page.evaluate(
        """async () => {
          const { shelf } = await import("./shelf.js");
          await shelf.add("one", "time_s");
          await shelf.add("two", "time");
          const refused = await shelf.rename("two", "one").catch(({ message }) => message);
          await shelf.rename("two", "three");
          await shelf.remove("one");
          const names = (await shelf.list()).map(({ name, bytes }) => [name, bytes]);
          return [refused, names, await shelf.read("three")];
        }"""
    )
    assert shown == ["There is a session one already.", [["three", 4]], "time"]
    page.reload()
    expect(page.locator("#session-list")).to_contain_text("three")
    context.close()


def test_the_page_recognises_a_file_by_itself(site, made, chromium, tmp_path):
    from playwright.sync_api import expect

    times = np.arange(1500) / 50
    acceleration, rate = movement(times, np.random.default_rng(2))
    columns = [f"acc_{axis}_g" for axis in "xyz"] + [f"gyro_{axis}_rad_s" for axis in "xyz"]
    table = np.hstack([times[:, None], acceleration, rate])
    header = ",".join(["time_s", *columns])
    np.savetxt(tmp_path / "mine.csv", table, "%.9g", ",", header=header, comments="")
    page = chromium.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(site[1])
    expect(page.locator("#labels input").first).to_be_attached()
    page.locator("input[name=source][value=file]").check(force=True)
    page.set_input_files("#chosen", tmp_path / "mine.csv")
    page.locator("#start").click()
    expect(page.locator("#connection-text")).to_have_text("stopped", timeout=20_000)
    expect(page.locator("#samples")).to_have_text("1,500")
    assert page.locator("#problems").inner_text() == ""
    recognizer = Recognizer(made, hop=25)
    last = recognizer.push(recognizer.stream(), times, acceleration, rate)[-1]
    shown = [int(each.split()[0]) for each in page.locator("#bars .value").all_inner_texts()]
    np.testing.assert_allclose(shown, 100 * last.probabilities, atol=0.51)
    assert wrong == []
    page.close()


def test_a_folder_of_something_else_is_left_alone(made, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(HarError, match="not of this command's making"):
        assemble(made, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_lock_file_leaves_the_registry_to_npm():
    folder = Path(page_folder.__file__).parent
    lock = (folder / "package-lock.json").read_text()
    assert "://" not in lock
    wanted = json.loads((folder / "package.json").read_text())
    assert "dependencies" not in wanted  # the page needs none
    assert json.loads(lock)["packages"][""]["devDependencies"] == wanted["devDependencies"]
    assert wanted["devDependencies"]["axe-core"][0].isdigit()
