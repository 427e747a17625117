"""Recognition in the browser against Python's, in Chromium."""

import asyncio
import io
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZipFile

import numpy as np
import pytest
from made_bundle import framed_bundle, made_bundle, movement

from har.errors import HarError
from har.live import browser as page_folder
from har.live.browser import PACKAGES, assemble
from har.live.javascript import RUNTIME
from har.recognition import profile as profiles
from har.recognition.profile import Profile
from har.recognition.recognizer import NOT_FINITE, NOT_LATER, OUT_OF_RANGE, Recognizer
from har.signals.sensors import ACCELERATION_UNITS, ANGULAR_RATE_UNITS, MOUNTINGS, Readings

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def made():
    return made_bundle()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(made, tmp_path_factory):
    yield from assembled(made, tmp_path_factory)


def assembled(made, tmp_path_factory):
    """The folder that is served, and the address of the page in it."""
    if not (PACKAGES / "onnxruntime-web").is_dir():
        pytest.skip("onnxruntime-web is not there: npm ci in har/live")
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
    assert any(url.endswith(".wasm") for url in asked)
    assert all(url.startswith(address) or "/favicon" in url for url in asked), asked
    page.close()


RECOGNIZE = """async ({ address, blocks, options, readings, settled }) => {
  const { Recognizer } = await import(address + "recognizer.js");
  const { load } = await import(address + "local.js");
  const { description, model } = await load();
  const recognizer = new Recognizer(description, model, options);
  const stream = recognizer.stream(readings, { settled });
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


def compare(site, page, bundle, samples, blocks, readings, settled=True, **options):
    """Python's predictions and stream for samples (n, 7), after the page's were found equal."""
    recognizer = Recognizer(bundle, **options)
    stream = recognizer.stream(readings, settled)
    expected = []
    for block in np.split(samples, np.cumsum(blocks)[:-1]):
        rate = block[:, 4:] if bundle.description.needs_gyroscope else None
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
    postures = [bundle.description.activities.index(name) for name in bundle.description.postures]
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
    """The answer still too, with and without smoothing; and acceleration alone."""
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
    assert {path.name for path in (folder / "onnxruntime").iterdir()} == set(RUNTIME)
    config = json.loads((folder / "config.json").read_text())
    assert config["recognition"] == "browser"
    assert config["activities"] == made.description.activities


def test_the_server_offers_it_where_it_has_been_made(site, made, tmp_path):
    from httpx import ASGITransport, AsyncClient

    from har.live.server import make_app

    names = ("model.onnx", "recognizer.json", f"onnxruntime/{RUNTIME[0]}")

    async def ask(bundle, folder):
        app = make_app(Recognizer(bundle), tmp_path, tmp_path, runtime=folder)
        async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
            config = (await client.get("/config.json")).json()
            return config["localModel"], [await client.get(f"/{name}") for name in names]

    def answers(*arguments):
        with ThreadPoolExecutor() as thread:  # Playwright has an event loop running in this one
            return thread.submit(lambda: asyncio.run(ask(*arguments))).result()

    offered, files = answers(made, site[0] / "onnxruntime")
    assert offered is True
    assert files[0].content == made.model
    assert files[1].json() == json.loads((site[0] / names[1]).read_text())
    assert files[2].content == (site[0] / names[2]).read_bytes()
    for folder in (tmp_path / "none", None):
        offered, files = answers(made, folder)
        assert offered is False
        assert [file.status_code for file in files] == [404] * 3


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


def test_onnxruntime_web_missing_or_in_another_version_is_said(made, tmp_path, monkeypatch):
    monkeypatch.setattr(page_folder, "PACKAGES", tmp_path)
    with pytest.raises(HarError, match="is not in .*: run `npm ci`"):
        assemble(made, tmp_path / "out")
    (tmp_path / "onnxruntime-web").mkdir()
    (tmp_path / "onnxruntime-web" / "package.json").write_text('{"version": "0.1"}')
    with pytest.raises(HarError, match=r"has onnxruntime-web 0\.1, not "):
        assemble(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_lock_file_leaves_the_registry_to_npm():
    lock = (page_folder.HERE / "package-lock.json").read_text()
    assert "://" not in lock
    wanted = json.loads((page_folder.HERE / "package.json").read_text())["dependencies"]
    assert json.loads(lock)["packages"][""]["dependencies"] == wanted
    assert wanted["onnxruntime-web"][0].isdigit()
