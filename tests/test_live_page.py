"""The live page in a browser."""

import re
import zipfile
from itertools import pairwise

import numpy as np
import pytest
from cryptography import x509
from live import (
    CHROMIUM,
    complaints,
    full_disk,
    hapt_recording,
    needs_axe,
    serving,
    write_recording,
)
from made_bundle import framed_bundle, movement, simple_bundle

from har.data import phone_files
from har.live import certificate
from har.model import bundle
from har.recognition.recognizer import Recognizer
from har.signals.sensors import MOUNTINGS

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=20_000)

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM} to test the page with"),
]

NAMES = {
    "WALKING": "Walking",
    "WALKING_UPSTAIRS": "Walking upstairs",
    "WALKING_DOWNSTAIRS": "Walking downstairs",
    "SITTING": "Sitting",
    "STANDING": "Standing",
    "LAYING": "Lying",
}
STILL = {"Sitting", "Standing", "Lying", "Still"}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM)
        yield running
        running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made_here = tmp_path_factory.mktemp("page")
    bundle.save(made_here / "models", simple_bundle())
    rng = np.random.default_rng(0)
    times = np.arange(500) / 50
    signals = np.hstack([[1.0, 0, 0] + rng.normal(0, 0.01, (500, 3)), rng.normal(0, 0.1, (500, 3))])
    activity = np.repeat(["SITTING", ""], [400, 100])
    write_recording(made_here / "recordings/short.csv", times, signals, activity)
    return made_here


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder / "models", folder) as running:
        yield running


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.mistakes = []
    opened.on("pageerror", lambda error: opened.mistakes.append(str(error)))
    opened.on(
        "console", lambda line: opened.mistakes.append(line.text) if is_mistake(line) else None
    )
    yield opened
    assert opened.mistakes == []
    context.close()


def is_mistake(line):
    # That a server was ended, or that it refused a file, is part of a test.
    meant = ("ERR_CONNECTION_REFUSED", "422 (Unprocessable Entity)", "409 (Conflict)")
    return line.type == "error" and not any(each in line.text for each in meant)


def visit(page, address):
    page.goto(f"http://{address}/")
    expect(page.locator("#labels input").first).to_be_attached()


def choose(page, source):
    page.locator(f"input[name=source][value={source}]").check(force=True)


def start(page):
    page.locator("#start").click()


def stop(page):
    page.locator("#start").click()
    expect(page.locator("#start")).to_have_attribute("data-running", "false")


MOVE = """({ acceleration, rate }) => {
  const around = (value) => value + 0.05 * Math.random();
  const dispatch = () => window.dispatchEvent(new DeviceMotionEvent("devicemotion", {
    accelerationIncludingGravity: {
      x: around(acceleration[0]), y: around(acceleration[1]), z: around(acceleration[2]),
    },
    rotationRate: { alpha: rate[0], beta: rate[1], gamma: rate[2] },
    interval: 20,
  }));
  clearInterval(window.moving);
  window.moving = setInterval(dispatch, 20);
}"""


def move(page, acceleration=(0, 9.81, 0), rate=(1, 2, 3)):
    """A phone that hangs upright, unless told otherwise, turning slowly."""
    page.evaluate(MOVE, {"acceleration": acceleration, "rate": rate})


def rows_of(text):
    return [line.split(",") for line in text.splitlines()[1:]]


def test_a_phones_motion_is_recognised_recorded_saved_and_downloaded(page, address, folder):
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#connection-text")).to_have_text("connected")
    page.locator("#record").click()
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    expect(page.locator("#latency")).to_have_text(re.compile(r"\d+ ms"))
    page.locator("#labels input[value=STANDING]").check(force=True)
    expect(page.locator("#kept")).to_have_text(re.compile(r"Recording; [1-9][\d,]+ samples"))
    page.locator("#record").click()  # which ends it
    expect(page.locator("#kept")).to_have_text(re.compile(r"Saved: .*csv"))
    assert f"Saved: {folder / 'sessions'}/" in page.locator("#kept").inner_text()
    name = re.search(r"([\w-]+)\.csv", page.locator("#kept").inner_text())[1]
    with page.expect_download() as download:
        page.locator("#download").click()
    stop(page)

    saved = rows_of((folder / "sessions" / f"{name}.csv").read_text())
    downloaded = rows_of(download.value.path().read_text())
    assert download.value.suggested_filename == f"{name}.csv"
    assert len(saved) > 100
    assert [row[0] for row in downloaded] == [row[0] for row in saved]
    assert [row[7] for row in downloaded] == [row[7] for row in saved]
    assert {row[7] for row in saved} == {"", "STANDING"}
    for rows in (saved, downloaded):
        numbers = np.array([row[:7] for row in rows], float)
        # Upright: its y axis is up, UCI HAR's x; alpha, beta, gamma are about x, y, z.
        assert np.allclose(numbers[:, 1:4], [1, 0, 0], atol=0.02)
        turned = MOUNTINGS["top-up"] @ np.radians([1, 2, 3])
        assert np.allclose(numbers[:, 4:], turned, atol=1e-6)
        assert np.all(np.diff(numbers[:, 0]) > 0)


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_can_be_recorded_before_recognition_has_begun(page, address, stopped):
    held = []
    page.route("**/socket.js", lambda route: held.append(route))
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_contain_text("Listening…")
    expect(page.locator("#record")).to_be_disabled()
    if stopped:
        stop(page)
    held.pop().continue_()
    if stopped:
        expect(page.locator("#record")).to_be_disabled()
        start(page)
    expect(page.locator("#connection-text")).to_have_text("connected")
    page.locator("#record").click()
    expect(page.locator("#kept")).to_have_text(re.compile(r"Recording; [1-9][\d,]+ samples"))
    stop(page)


def test_what_the_server_cannot_save_can_be_downloaded(page, address, monkeypatch):
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    page.locator("#record").click()
    expect(page.locator("#kept")).to_have_text(re.compile(r"Recording; [1-9][\d,]+ samples"))
    monkeypatch.setattr("har.live.sessions.os.fsync", full_disk)
    page.wait_for_timeout(300)
    page.locator("#record").click()  # which ends it
    expect(page.locator("#kept")).to_have_text(re.compile("could not save all"))
    expect(page.locator("#problems")).to_contain_text("No space left")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert len(rows_of(download.value.path().read_text())) > 10
    stop(page)
    expect(page.locator("#kept")).to_have_text(re.compile("could not save all"))


def test_an_iphones_sign_is_turned_round(page, address):
    page.add_init_script(APPLE)
    visit(page, address)
    choose(page, "phone")
    move(page, acceleration=(0, -9.81, 0))
    start(page)
    page.locator("#record").click()
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    page.locator("#record").click()  # which ends it
    expect(page.locator("#kept")).to_have_text(re.compile("Saved"))
    with page.expect_download() as download:
        page.locator("#download").click()
    numbers = np.array([row[1:4] for row in rows_of(download.value.path().read_text())], float)
    assert np.allclose(numbers, [1, 0, 0], atol=0.02)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "DeviceMotionEvent.requestPermission = async () => 'denied'",
            "may not use the motion sensors",
        ),
        (
            "DeviceMotionEvent.requestPermission = async () => { throw new DOMException('no') }",
            "may not use the motion sensors",
        ),
        ("delete window.DeviceMotionEvent", "has no motion sensors"),
        (
            "Object.defineProperty(window, 'isSecureContext', {get: () => false})",
            "secure pages only",
        ),
        ("", "No motion comes from this device"),
    ],
)
def test_it_says_why_there_is_no_motion(page, address, script, message):
    page.add_init_script(script)
    visit(page, address)
    choose(page, "phone")
    start(page)
    expect(page.locator("#problems")).to_contain_text(message)


def test_it_asks_for_permission_and_goes_on_when_it_is_given(page, address):
    page.add_init_script(
        "DeviceMotionEvent.requestPermission = async () => (window.asked = true, 'granted')"
    )
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    assert page.evaluate("() => window.asked")
    page.evaluate("() => clearInterval(window.moving)")
    expect(page.locator("#problems")).to_contain_text("sensors have stopped")
    move(page)
    expect(page.locator("#problems")).to_be_empty()


def test_wrong_units_are_caught(page, address):
    visit(page, address)
    choose(page, "phone")
    move(page, acceleration=(0, 1, 0))  # in g, where m/s² is the standard
    start(page)
    expect(page.locator("#problems")).to_contain_text("is it in g and not in m/s2")
    expect(page.locator("#activity-name")).to_have_text("I don’t know")
    stop(page)
    page.locator("details summary", has_text="Advanced").click()
    page.locator("#acceleration-unit").select_option("g")
    start(page)
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    expect(page.locator("#problems")).to_be_empty()


@pytest.fixture(scope="module")
def of_anyone(tmp_path_factory):
    """A server whose model needs no mounting, and one that needs acceleration alone too."""
    folder = tmp_path_factory.mktemp("anyone")
    bundle.save(folder / "models", framed_bundle())
    bundle.save(folder / "acceleration", framed_bundle(gyroscope=False))
    times = np.arange(3000) / 50
    signals = np.hstack(movement(times, np.random.default_rng(0)))
    activity = np.repeat(["STANDING", "WALKING", "SITTING", "RUNNING", "LAYING", ""], 500)
    write_recording(folder / "recordings/made.csv", times, signals, activity)
    with (
        serving(folder / "models", folder) as of_both,
        serving(folder / "acceleration", folder) as of_acceleration,
    ):
        yield of_both, of_acceleration, (times, signals, activity)


def test_a_mounting_is_asked_for_only_where_the_model_needs_it(page, address, of_anyone):
    for each, asked, hint in [
        (address, True, "on phones at the waist, right edge up."),
        (of_anyone[0], False, "on phones worn here: right arm, waist."),
        (of_anyone[1], False, "on phones worn here: right arm, waist."),
    ]:
        page.goto(f"http://{each}/")
        choose(page, "phone")
        page.locator("#advanced summary").click()
        expect(page.locator("#worn-hint")).to_contain_text(hint)
        for control in ("#mounting-choice", "#align"):
            expect(page.locator(control)).to_be_visible(visible=asked)
        expect(page.locator("#placement-choice")).to_be_visible(visible=not asked)
    options = ["anywhere", "waist", "hip", "torso", "arm"]
    assert page.locator("#placement option").all_text_contents() == options


WATCH = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  new MutationObserver(() => {
    if (all("#activity-name")[0].textContent !== "Still") return;
    const bold = all("#bars .best").map((row) => row.firstChild.textContent);
    const note = all("#activity-note")[0].textContent;
    window.still = [all("#figure")[0].getAttribute("href"), note, bold];
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def test_still_is_shown_counted_and_right_for_any_posture(page, of_anyone):
    address, _, (times, signals, activity) = of_anyone
    recognizer = Recognizer(framed_bundle(), hop=25, smoothing=False)
    found = recognizer.push(recognizer.stream(), times, signals[:, :3], signals[:, 3:])
    postures = ("SITTING", "STANDING", "LAYING")
    right = [
        one.known and (truth == one.activity or (one.activity == "STILL" and truth in postures))
        for one in found
        if (truth := activity[round(one.time * 50)])
    ]
    page.goto(f"http://{address}/")
    choose(page, "file")
    path = "() => fetch('recordings/made.csv').then((answer) => answer.text())"
    text = page.evaluate(path)
    page.set_input_files("#chosen", {"name": "a.csv", "mimeType": "", "buffer": text.encode()})
    page.locator("details summary", has_text="Advanced").click()
    page.locator("#smoothing").uncheck()
    page.locator("#bouts summary").click()
    page.evaluate(WATCH)
    start(page)
    expect(page.locator("#activity-name")).to_have_text("Done")
    expected = f"{100 * np.mean(right):.1f} % of {len(right)} right"
    expect(page.locator("#accuracy")).to_have_text(expected)
    expect(page.locator("#bout-rows")).to_contain_text("Still")
    [figure, note, bold] = page.evaluate("() => window.still")
    assert figure == "#STILL"
    assert re.fullmatch(r"\d+ % sure: sitting, standing or lying", note)
    assert bold == ["Sitting", "Standing", "Lying"]


def test_a_phone_without_gyroscope_is_for_a_model_that_needs_none(page, address, of_anyone):
    visit(page, address)
    choose(page, "phone")
    move(page, rate=(None, None, None))
    start(page)
    expect(page.locator("#problems")).to_contain_text("This phone has no gyroscope")
    expect(page.locator("#problems")).to_contain_text("a model trained on acceleration alone")
    stop(page)
    page.goto(f"http://{of_anyone[1]}/")
    choose(page, "phone")
    move(page, rate=(None, None, None))
    start(page)
    page.locator("#record").click()
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    expect(page.locator("#problems")).to_be_empty()
    page.locator("#record").click()  # which ends it
    expect(page.locator("#kept")).to_have_text(re.compile("Saved"))
    with page.expect_download() as download:
        page.locator("#download").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "time_s,acc_x_g,acc_y_g,acc_z_g,activity"
    assert len(lines) > 50
    # Along the phone's own axes: nobody said how it is worn.
    assert np.allclose(np.array(lines[9].split(",")[1:4], float), [0, 1, 0], atol=0.02)
    stop(page)


def test_aligning_makes_up_for_how_the_phone_hangs(page, address):
    page.clock.install()
    visit(page, address)
    choose(page, "phone")
    page.locator("#align").click()
    askew = 9.81 * np.array([np.sin(0.35), np.cos(0.35), 0])
    send = MOVE.replace("Math.random()", "0")
    page.evaluate(send, {"acceleration": askew.tolist(), "rate": [0, 0, 0]})
    page.clock.run_for(9_000)
    expect(page.locator("#aligned")).to_have_text(
        re.compile(r"Aligned: upright, screen outward, tilted by 20°")
    )


def test_a_server_that_goes_and_comes_back(browser, folder):
    """What was measured meanwhile is in the session all the same."""
    with serving(folder / "models", folder) as address:
        page = browser.new_page()
        visit(page, address)
        choose(page, "phone")
        move(page)
        start(page)
        page.locator("#record").click()
        expect(page.locator("#kept")).to_have_text(re.compile(r"Recording; [1-9][\d,]+ samples"))
        kept = page.locator("#kept").inner_text()
    expect(page.locator("#problems")).to_contain_text("server does not answer")
    expect(page.locator("#connection-text")).to_have_text("connection lost")
    before = int(re.search(r"[\d,]+", kept)[0].replace(",", ""))
    path = max((folder / "sessions").iterdir(), key=lambda each: each.stat().st_mtime_ns)
    assert len(rows_of(path.read_text())) >= before
    page.wait_for_timeout(2000)
    with serving(folder / "models", folder, port=int(address.rpartition(":")[2])):
        expect(page.locator("#connection-text")).to_have_text("connected")
        expect(page.locator("#problems")).to_be_empty()
        page.locator("#record").click()  # which ends it
        expect(page.locator("#kept")).to_have_text(re.compile(f"Saved: .*{path.stem}"))
        times = np.array([row[0] for row in rows_of(path.read_text())], float)
        assert len(times) > before
        assert np.diff(times).max() < 1  # no gap where the server was away
        stop(page)
    page.context.close()


def test_a_server_that_goes_while_a_recording_is_played(browser, folder):
    with serving(folder / "models", folder) as address:
        page = browser.new_page()
        visit(page, address)
        choose(page, "replay")
        start(page)
        expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    expect(page.locator("#connection-text")).to_have_text("connection lost")
    with serving(folder / "models", folder, port=int(address.rpartition(":")[2])):
        expect(page.locator("#connection-text")).to_have_text("connected")
        page.locator("#speed").select_option("20")
        expect(page.locator("#start")).to_have_attribute("data-running", "false")
        expect(page.locator("#accuracy")).to_have_text(re.compile(r"of 1[0-9] right"))
    page.context.close()


FAKE_SOCKET = """
  class FakeSocket {
    static OPEN = 1;
    constructor() {
      FakeSocket.last = this;
      Object.assign(this, { readyState: 0, bufferedAmount: 0, sent: [] });
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    open() { this.readyState = 1; this.onopen(); this.answer({ type: "ready" }); }
    answer(message) { this.onmessage({ data: JSON.stringify(message) }); }
    lose() { this.readyState = 3; this.onclose({ code: 1006, reason: "" }); }
    samples() {
      return this.sent.filter(({ type }) => type === "samples").flatMap(({ times }) => times);
    }
  }
  const { SocketBackend } = await import("/socket.js");
  window.WebSocket = FakeSocket;
  let timers = 0;
  for (const name of ["setInterval", "setTimeout"]) {
    const real = window[name];
    window[name] = (...given) => { timers += 1; return real(...given); };
  }
  const backend = new SocketBackend({ maxSamples: 500 });
  let at = 0;
  const push = () => {
    const times = [0, 1, 2, 3, 4].map((step) => (at + step) / 50);
    at += 5;
    return backend.push(times, times.map(() => [1, 0, 0]), times.map(() => [0, 0, 0]));
  };
  const turn = () => new Promise((resolve) => setTimeout(resolve, 50));
  await backend.start();
"""


def with_fake_socket(page, script):
    return page.evaluate(f"async () => {{ {FAKE_SOCKET} {script} }}")


def test_pushes_that_nobody_awaits_do_not_pile_up_while_the_server_is_away(page, address):
    visit(page, address)
    counted = with_fake_socket(
        page,
        """
        FakeSocket.last.open();
        FakeSocket.last.lose();
        timers = 0;
        const waiting = new Set();
        for (let count = 0; count < 5000; count++) waiting.add(push());
        const made = timers, kept = backend.batches.length;
        let done = false;
        [...waiting][0].then(() => { done = true; });
        backend.connect();
        FakeSocket.last.open();
        await turn();
        const times = FakeSocket.last.samples();
        const [from, to, last] = [times[0], times.at(-1), (at - 1) / 50];
        return { made, kept, promises: waiting.size, done, from, to, last };
        """,
    )
    assert counted["made"] <= 1
    assert counted["promises"] == 1
    assert counted["kept"] <= 3 * 50 / 5 + 1  # the last three seconds
    assert counted["done"]
    assert counted["to"] == counted["last"]
    assert 2.5 < counted["to"] - counted["from"] < 3.5


def test_what_is_recorded_while_the_server_is_away_is_all_sent(page, address):
    visit(page, address)
    sent = with_fake_socket(
        page,
        """
        FakeSocket.last.open();
        backend.record();
        FakeSocket.last.lose();
        for (let count = 0; count < 2000; count++) push();
        backend.connect();
        FakeSocket.last.open();
        FakeSocket.last.answer({ type: "kept", name: "a", rows: 0, until: null });
        await turn();
        return FakeSocket.last.samples();
        """,
    )
    assert sent == [count / 50 for count in range(10_000)]


def test_a_connection_that_does_not_drain_gets_no_more_and_its_end_in_order(page, address):
    visit(page, address)
    got = with_fake_socket(
        page,
        """
        FakeSocket.last.open();
        const socket = FakeSocket.last;
        push();
        socket.bufferedAmount = 1e6;
        timers = 0;
        let done = false;
        for (let count = 0; count < 1000; count++) push().then(() => { done = true; });
        await turn();
        const stuck = { sent: socket.samples().length, kept: backend.batches.length, done, timers };
        socket.bufferedAmount = 0;
        await turn();
        const drained = { done, to: socket.samples().at(-1), last: (at - 1) / 50 };
        socket.bufferedAmount = 1e6;
        backend.record();
        push();
        backend.save();
        push();
        backend.stop();
        return { stuck, drained, end: socket.sent.slice(-5).map(({ type }) => type) };
        """,
    )
    assert got["stuck"]["sent"] == 5
    assert got["stuck"]["kept"] <= 31
    assert not got["stuck"]["done"]
    assert got["stuck"]["timers"] <= 2  # the backend's and the test's own
    assert got["drained"] == {"done": True, "to": 100.08, "last": 100.08}
    assert got["end"] == ["record", "samples", "save", "samples", "bye"]


def test_a_file_that_is_no_recording_says_what_is_missing(page, address, tmp_path):
    visit(page, address)
    path = tmp_path / "mine.csv"
    for text, message in [
        ("time,x\n1,2\n", "the file: no line heads columns"),
        ("time_s,acc_x_g,acc_y_g,acc_z_g,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s\n", "no samples"),
        (
            "time_s,acc_x_g,acc_y_g,acc_z_g,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s\n0,1,,0,0,0,0\n",
            "no samples",
        ),
        ("", "is empty"),
    ]:
        path.write_text(text)
        page.locator("#chosen").set_input_files(path)
        expect(page.locator("#problems")).to_contain_text(message)
        expect(page.locator("#start")).to_be_disabled()
        page.locator("#chosen").set_input_files([])


def test_a_loggers_file_is_recognised_as_the_phone_was_worn(page, address, tmp_path):
    visit(page, address)
    path = tmp_path / "logger.csv"
    rows = (f"{n / 50},{0.1 * np.sin(n)},9.8,0.1,0,0,0.2\n" for n in range(500))
    path.write_text("time (s),ax (m/s^2),ay (m/s^2),az (m/s^2),wx,wy,wz\n" + "".join(rows))
    page.locator("#chosen").set_input_files(path)
    expect(page.locator("#file-name")).to_contain_text("worn as the settings say")
    expect(page.locator("#file-name")).to_contain_text("rad/s")  # what was decided is said
    start(page)
    expect(page.locator("#activity-name")).to_have_text("Done")
    expect(page.locator("#summary-facts")).to_contain_text("0:0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_360_pixels(browser, address, scheme):
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    visit(page, address)
    for source in ("phone", "replay", "file"):
        choose(page, source)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    choose(page, "replay")
    page.locator("#speed").select_option("5")
    start(page)
    expect(page.locator("#accuracy")).not_to_be_empty()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    page.locator("#bouts summary").click()
    expect(page.locator("#bout-rows button").first).to_be_visible()
    table = page.locator("#bouts .scroll")
    assert table.evaluate("(each) => each.scrollWidth <= each.clientWidth")
    # In the timeline there is more than lanes: what was predicted has a colour, once it is drawn.
    page.wait_for_function(
        "() => { const c = document.getElementById('timeline'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; let n = 0;"
        " for (let i = 0; i < d.length; i += 4) n += Math.abs(d[i] - d[i + 2]) > 60;"
        " return n > 50 }"
    )
    context.close()


def test_it_can_be_used_with_a_keyboard_and_heard(page, address):
    visit(page, address)
    tree = page.locator("body").aria_snapshot()
    for part in ("banner", "main", "contentinfo", "radiogroup", 'button "Start"', "list"):
        assert part in tree
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input")].filter(
          (each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim()),
        ).map(({ id }) => id)"""
    )
    assert nameless == []
    choose(page, "replay")
    page.locator("#speed").select_option("20")
    page.locator("#stage").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#start")).to_have_attribute("data-running", "true")
    expect(page.locator("#spoken")).not_to_be_empty()
    page.locator("#bouts summary").click()
    expect(page.locator("#bout-rows tr").first).to_contain_text("0:0")


def test_what_no_file_has_and_further_files_are_told(page, address):
    visit(page, address)
    choose(page, "phone")
    start(page)
    expect(page.locator("#connection-text")).to_have_text("connected")
    page.locator("#record").click()
    # Samples as a phone may send them: one of 1000 m/s2, and a clock that is set back.
    page.evaluate("""async () => {
      let time = 1000;
      window.now = performance.now.bind(performance);
      const send = (x) => window.dispatchEvent(new DeviceMotionEvent("devicemotion", {
        accelerationIncludingGravity: { x, y: 9.81, z: 0 },
        rotationRate: { alpha: 0, beta: 0, gamma: 0 }, interval: 20,
      }));
      performance.now = () => time;
      for (let i = 0; i < 300; i++) {
        time += i === 150 ? -5000 : 20;
        send(i === 50 ? 1000 : 0.1);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      performance.now = window.now;
    }""")
    page.locator("#record").click()
    expect(page.locator("#kept")).to_contain_text("Saved: ")
    expect(page.locator("#kept")).to_contain_text(
        re.compile(r"set back, so they are in \d files\.")
    )
    expect(page.locator("#kept")).to_contain_text("Left out: 1 that cannot be")
    stop(page)


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360), (1280, 720)])
def test_recording_moves_nothing(browser, address, width, height):
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")

    def places():
        boxes = [page.locator(part).bounding_box() for part in ("#stage", "#labels")]
        return [(box["height"], box["width"]) for box in boxes]

    before = places()
    page.locator("#record").click()
    expect(page.locator("#elapsed")).to_have_text("0:01")
    assert places() == before
    page.locator("#record").click()
    assert places() == before
    context.close()


# ---- what is in view -----------------------------------------------------------------------------


def in_view(page, selector):
    """Whether a part is within the window, as far as it goes."""
    return page.evaluate(
        """(selector) => {
          const part = document.querySelector(selector).getBoundingClientRect();
          return part.height > 0 && part.top >= 0 && part.left >= 0
            && part.bottom <= innerHeight && part.right <= innerWidth;
        }""",
        selector,
    )


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360), (1280, 720)])
def test_answer_stop_and_errors_stay_in_view(browser, address, width, height):
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    visit(page, address)
    choose(page, "phone")
    start(page)
    expect(page.locator("#problems")).to_contain_text("No motion comes from this device")
    for place in (0, 300, 100_000):
        page.evaluate("(place) => window.scrollTo(0, place)", place)
        for part in ("#activity-name", "#start", "#record", ".problem"):
            assert in_view(page, part), (part, place)
    assert page.locator("#start").inner_text() == "Stop"
    context.close()


def test_that_a_page_is_not_secure_is_said_at_once(page, address):
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', {get: () => false})")
    visit(page, address)
    choose(page, "phone")
    expect(page.locator("#problems")).to_contain_text("secure pages only")
    choose(page, "replay")
    expect(page.locator("#problems")).to_be_empty()


def test_an_answer_fades_when_there_is_no_news_of_it(page, address):
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")
    expect(page.locator("#activity")).to_have_attribute("data-stale", "false")
    word = page.locator("#activity-name").inner_text()
    assert page.title().startswith(f"{word} · ")
    page.evaluate("() => clearInterval(window.moving)")
    expect(page.locator("#activity")).to_have_attribute("data-stale", "true")
    expect(page.locator("#since")).to_have_text(
        re.compile(r"No news since \d\d:\d\d:\d\d, \d+ s ago")
    )
    assert page.title().startswith("? ")
    move(page)
    expect(page.locator("#activity")).to_have_attribute("data-stale", "false")
    expect(page.locator("#since")).to_be_hidden()
    stop(page)
    assert page.title() == "Live activity recognition"
    expect(page.locator("#activity")).to_have_attribute("data-stale", "false")


def test_listening_ends_in_a_reason(page, address):
    page.clock.install()
    visit(page, address)
    choose(page, "phone")
    start(page)
    expect(page.locator("#activity-name")).to_have_text("Listening…")
    page.clock.run_for(10_000)
    expect(page.locator("#activity-name")).to_have_text("No answer")
    expect(page.locator("#activity-note")).to_have_text("No motion comes from this device.")
    stop(page)


def replayed(page, speed="20"):
    choose(page, "replay")
    page.locator("#speed").select_option(speed)
    start(page)
    expect(page.locator("#summary")).to_be_visible()


def test_the_end_is_a_summary_kept_as_csv_and_picture(page, address):
    visit(page, address)
    expect(page.locator("#summary")).to_be_hidden()
    replayed(page)
    page.locator("#bouts summary").click()
    table = page.locator("#summary-rows tr").all_inner_texts()
    shown = [row.split("\t") for row in table]
    in_table = {}
    with page.expect_download() as download:
        page.locator("#summary-csv").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "from_s,to_s,duration_s,activity"
    for line in lines[1:]:
        begin, end, duration, name = line.split(",")
        assert float(duration) == pytest.approx(float(end) - float(begin), abs=0.011)
        in_table[name] = in_table.get(name, 0) + float(duration)
    known = {name: length for name, length in in_table.items() if name != "I don’t know"}
    assert [name for name, *_ in shown] == sorted(known, key=known.get, reverse=True)
    for name, time, share, *_ in shown:
        assert seconds(time) == pytest.approx(known[name], abs=0.6)
        assert float(share.split()[0]) == pytest.approx(
            100 * known[name] / sum(in_table.values()), abs=0.6
        )
    expect(page.locator("#activity-note")).to_have_text(re.compile("^(Mostly|Nothing)"))
    with page.expect_download() as download:
        page.locator("#summary-picture").click()
    picture = download.value.path().read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 10_000
    start(page)
    expect(page.locator("#summary")).to_be_hidden()
    stop(page)


STEPS = """async () => {
  const { StepCounter } = await import("/steps.js");
  const counter = new StepCounter(2.56);
  for (let n = 0; n < 1200; n++) { // twenty seconds of a phone at 60 Hz, two steps a second
    counter.add(n / 60, [1 + 0.3 * Math.sin(2 * Math.PI * 2 * n / 60), 0, 0]);
  }
  for (let time = 3; time < 20; time += 0.5) counter.count(time, "WALKING", 0.5);
  counter.count(20, "SITTING", 0.5);
  return [counter.steps, counter.walked];
}"""


def test_steps_are_counted_whatever_the_rate(page, address):
    visit(page, address)
    counted, walked = page.evaluate(STEPS)
    assert counted == {"WALKING": pytest.approx(34, abs=0.5)}
    assert walked == {"WALKING": 17}


SUMS = """async () => {
  const { Timeline } = await import("/timeline.js");
  const { stretches, summarize } = await import("/summary.js");
  const timeline = new Timeline(document.createElement("canvas"), ["WALKING", "SITTING"]);
  Object.assign(timeline, { start: 10, end: 40 });
  const said = [[10, 14, "WALKING"], [14, 16, "unknown"], [16, 18, "WALKING"], [18, 24, "SITTING"]];
  for (const each of [...said, [34, 40, "WALKING"]]) timeline.predicted.add(...each);
  timeline.gaps.push({ from: 24, to: 34, why: "the screen was off" });
  return [summarize(timeline), stretches(timeline)];
}"""


def test_sums_of_a_timeline(page, address):
    visit(page, address)
    sums, rows = page.evaluate(SUMS)
    assert sums == {
        "measured": 20,
        "activities": [
            {"activity": "WALKING", "seconds": 12, "share": 0.6},
            {"activity": "SITTING", "seconds": 6, "share": 0.3},
        ],
        "unknown": 2,
        "notMeasured": 10,
        "changes": 2,
    }
    gap = {"from": 14, "to": 24, "what": "Not measured: the screen was off", "stretch": None}
    assert rows[-2] == gap


def test_what_was_chosen_is_remembered_over_a_reload(page, address):
    visit(page, address)
    page.locator("#advanced summary").click()
    page.locator("#hop").select_option("50")
    page.locator("#mounting").select_option("right-edge-up-screen-in")
    page.locator("#acceleration-unit").select_option("g")
    page.locator("#smoothing").uncheck()
    page.locator("#aloud").check()
    page.reload()
    expect(page.locator("#hop")).to_have_value("50")
    expect(page.locator("#mounting")).to_have_value("right-edge-up-screen-in")
    expect(page.locator("#acceleration-unit")).to_have_value("g")
    expect(page.locator("#smoothing")).not_to_be_checked()
    expect(page.locator("#aloud")).to_be_checked()


@pytest.mark.parametrize(
    ("gravity", "found"),
    [
        ([9.7, 0.5, 1.0], "right-edge-up-screen-in"),
        ([-9.7, 0.5, 1.0], "left-edge-up-screen-in"),
        ([1, 9.7, 0.2], "top-up-screen-in"),
        ([1, -9.7, 0.2], "top-down-screen-in"),
        ([0.5, 0.5, 9.8], None),
    ],
)
def test_aligning_finds_the_edge_that_is_up(page, address, gravity, found):
    visit(page, address)
    measured = page.evaluate(
        """async (gravity) => {
          const { alignment } = await import("/align.js");
          const { mountings } = await (await fetch("config.json")).json();
          return alignment(new Array(100).fill(gravity), mountings, "top-up-screen-in");
        }""",
        gravity,
    )
    assert measured.get("mounting") == found
    if found is None:
        assert "lies flat" in measured["reason"]
        return
    corrected = np.reshape(measured["correction"], (3, 3)) @ MOUNTINGS[found] @ gravity
    assert np.allclose(corrected, [np.linalg.norm(gravity), 0, 0], atol=1e-6)
    assert measured["degrees"] < 15


def test_saved_sessions_are_listed_replayed_renamed_and_deleted(page, folder, address):
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    labels = page.locator("#labels input[value=WALKING]")
    expect(page.locator("#record")).to_be_enabled()
    before = labels.bounding_box()
    page.locator("#record").click()
    expect(page.locator("#elapsed")).to_have_text("0:02")
    assert labels.bounding_box() == before  # the button's text moves nothing
    page.locator("#record").click()
    expect(page.locator("#kept")).to_have_text(re.compile("Saved: "))
    stop(page)
    name = re.search(r"([\w-]+)\.csv", page.locator("#kept").inner_text())[1]
    of_mine = page.locator("#session-list li", has_text=name)
    page.once("dialog", lambda dialog: dialog.accept("to work, and back"))
    of_mine.get_by_role("button", name="Rename").click()
    expect(page.locator("#problems")).to_contain_text("letters, digits, spaces")
    page.once("dialog", lambda dialog: dialog.accept("to work"))
    of_mine.get_by_role("button", name="Rename").click()
    renamed = page.locator("#session-list li", has_text="to work")
    expect(renamed).to_be_visible()
    assert (folder / "sessions/to work.csv").exists()
    assert not (folder / f"sessions/{name}.csv").exists()
    renamed.get_by_role("button", name="Replay").click()
    expect(page.locator("#start")).to_have_attribute("data-running", "true")
    expect(page.locator("#recording")).to_have_value("saved/to work")
    stop(page)
    page.once("dialog", lambda dialog: dialog.accept())
    renamed.get_by_role("button", name="Delete").click()
    expect(renamed).to_have_count(0)
    assert not (folder / "sessions/to work.csv").exists()


def test_worn_shows_one_word_stop_and_labels(page, address):
    page.add_init_script(
        "window.said = [];"
        "window.speechSynthesis.speak = (utterance) => window.said.push(utterance.text);"
    )
    visit(page, address)
    page.locator("#aloud").check()
    choose(page, "phone")
    move(page)
    expect(page.locator("#wear")).to_be_hidden()
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")
    usual = page.locator("#activity-name").bounding_box()["height"]
    page.locator("#wear").click()
    for part, shown in [
        ("#activity-name", True),
        ("#start", True),
        ("#labels", True),
        ("#chances", False),
        ("#over-time", False),
        ("#source", False),
    ]:
        expect(page.locator(part)).to_be_visible(visible=shown)
    assert page.locator("#activity-name").bounding_box()["height"] > 1.8 * usual
    page.wait_for_function("() => window.said.length > 1")
    assert page.evaluate("() => window.said[1]") == page.locator("#activity-name").inner_text()
    # Wherever one was on the page, and however large the letters are, the word and Stop are there.
    page.locator("#wear").click()
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    page.evaluate("() => window.scrollTo(0, 100_000)")
    page.locator("#wear").click()
    assert in_view(page, "#activity-name") and in_view(page, "#start")
    stop(page)
    expect(page.locator("#chances")).to_be_visible()


@pytest.mark.parametrize(
    ("lock", "note"),
    [
        ("undefined", "cannot keep the screen on"),
        ("({ request: async () => { throw new DOMException('no') } })", "refuses"),
        ("({ request: async () => ({ release: async () => {} }) })", None),
    ],
)
def test_it_says_where_the_screen_may_go_off(page, address, lock, note):
    page.add_init_script(
        f"Object.defineProperty(navigator, 'wakeLock', {{ value: {lock}, configurable: true }})"
    )
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")
    if note:
        expect(page.locator("#awake")).to_contain_text(note)
    else:
        expect(page.locator("#awake")).to_be_empty()
    stop(page)


def test_what_was_not_measured_is_a_gap(page, address):
    visit(page, address)
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")
    page.evaluate(
        """() => {
          clearInterval(window.moving);
          const set = (state) => {
            const property = { get: () => state, configurable: true };
            Object.defineProperty(document, "visibilityState", property);
            document.dispatchEvent(new Event("visibilitychange"));
          };
          set("hidden");
          window.show = () => set("visible");
        }"""
    )
    expect(page.locator("#activity")).to_have_attribute("data-stale", "true")
    page.evaluate("() => window.show()")
    move(page)
    expect(page.locator("#activity")).to_have_attribute("data-stale", "false")
    page.locator("#bouts summary").click()
    expect(page.locator("#bout-rows")).to_contain_text(
        "Not measured: the screen was off or the page hidden"
    )
    stop(page)
    expect(page.locator("#summary-facts")).to_contain_text("Not measured")


APPLE = "Object.defineProperty(Navigator.prototype, 'vendor', {get: () => 'Apple Computer, Inc.'})"


def test_a_desktop_shows_the_way_for_phones(browser, folder, tmp_path):
    pytest.importorskip("segno")
    paths = tmp_path / "c.pem", tmp_path / "c.key"
    certificate.make(*paths)
    with serving(
        folder / "models", folder, None, 0, (), *paths, "https://10.1.2.3:8000"
    ) as address:
        context = browser.new_context(ignore_https_errors=True)
        desktop = context.new_page()
        desktop.goto(f"https://{address}/")
        expect(desktop.locator("#code")).to_be_visible()
        loaded = "() => document.getElementById('code').naturalWidth > 50"
        desktop.wait_for_function(loaded)
        expect(desktop.locator("#address")).to_have_text("https://10.1.2.3:8000")
        desktop.locator("#on-iphone summary").click()
        with desktop.expect_download() as download:
            desktop.locator("#on-iphone a").click()
        fetched = x509.load_der_x509_certificate(download.value.path().read_bytes())
        assert fetched == x509.load_pem_x509_certificate(paths[0].read_bytes())
        context.close()

        context = browser.new_context(ignore_https_errors=True, has_touch=True, is_mobile=True)
        phone = context.new_page()
        phone.add_init_script(APPLE)
        phone.goto(f"https://{address}/")
        expect(phone.locator("#on-iphone ol")).to_be_visible()
        expect(phone.locator("#code")).to_be_hidden()
        context.close()


def test_a_file_dropped_while_something_runs_is_answered(page, address):
    visit(page, address)
    choose(page, "replay")
    start(page)
    expect(page.locator("#start")).to_have_attribute("data-running", "true")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["x"], "mine.csv", { type: "text/csv" }));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    expect(page.locator("#problems")).to_contain_text("mine.csv waits")
    expect(page.locator("#problems")).to_contain_text("Press Stop")
    stop(page)


def test_a_damaged_line_is_left_out_and_counted_as_on_the_command_line(page, address, tmp_path):
    times = np.arange(300) / 50
    signals = np.hstack(movement(times, np.random.default_rng(0)))
    path = tmp_path / "mine.csv"
    write_recording(path, times, signals, np.full(300, ""))
    lines = path.read_text().splitlines()
    lines[10] = lines[10].replace(lines[10].split(",")[2], "x?")
    lines[20] = lines[20][:12]
    path.write_text("\n".join(lines) + "\n")
    recording = phone_files.find_one(path)
    samples = recording.read()
    visit(page, address)
    page.locator("#chosen").set_input_files(path)
    expect(page.locator("#file-name")).to_contain_text(f"{len(samples.times)} samples")
    [note] = [note for note in recording.notes if "left out" in note]
    expect(page.locator("#file-name")).to_contain_text(note)
    start(page)
    expect(page.locator("#activity-name")).to_have_text("Done")


# ---- how it looks --------------------------------------------------------------------------------

TICKS = """async ([width, span, size]) => {
  const { Timeline, paint } = await import("/timeline.js");
  const { config } = await import("/config.js");
  const canvas = document.createElement("canvas");
  const timeline = new Timeline(canvas, config.activities);
  Object.assign(timeline, { start: 3, end: 3 + span });
  const context = canvas.getContext("2d");
  context.font = `${size}px sans-serif`;
  return paint(context, timeline, { width, height: 200, size, view: [3, 3 + span] });
}"""


@pytest.mark.parametrize("size", [12, 24])
@pytest.mark.parametrize("span", [30, 61, 299, 3600, 86_400])
@pytest.mark.parametrize("width", [296, 960])
def test_times_below_the_timeline_neither_collide_nor_are_cut_off(page, address, size, span, width):
    visit(page, address)
    frame = page.evaluate(TICKS, [width, span, size])
    ticks = frame["ticks"]
    assert 1 <= len(ticks) <= 20
    assert frame["left"] < 0.5 * width
    assert all(a >= frame["left"] and b <= width for a, b in ticks)
    assert all(later[0] - before[1] >= 0.4 * size for before, later in pairwise(ticks))


def test_an_hour_can_be_zoomed(page, address):
    visit(page, address)
    shown = page.evaluate(
        """async () => {
          const { Timeline } = await import("/timeline.js");
          const timeline = new Timeline(document.createElement("canvas"), ["WALKING"]);
          Object.assign(timeline, { start: 100, end: 3700 });
          const views = [timeline.view];
          timeline.zoom(0.5); timeline.zoom(0.5);
          views.push(timeline.view);
          timeline.end = 3710; // the newest stays in view
          views.push(timeline.view);
          timeline.position = 0.5;
          views.push(timeline.view);
          timeline.end = 4000; // what is looked at stays where it is
          views.push(timeline.view);
          timeline.zoom(2); timeline.zoom(2); timeline.zoom(2);
          views.push(timeline.view);
          return views;
        }"""
    )
    assert shown[0] == [100, 3700]
    assert shown[1] == [2800, 3700]
    assert shown[2] == [2810, 3710]
    assert shown[3] == shown[4] == [1455, 2355]
    assert shown[5] == [100, 4000]
    replayed(page)
    page.locator("#zoom-in").click()
    expect(page.locator("#pan")).to_be_visible()
    page.locator("#zoom-all").click()
    expect(page.locator("#pan")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_can_be_seen(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    visit(page, address)
    colours, grounds = page.evaluate(
        """async () => {
          const { answers, colourOf, UNKNOWN } = await import("/config.js");
          const { themeColour } = await import("/plots.js");
          const colours = [...answers, UNKNOWN, "Cycling", "at the desk"].map(colourOf);
          colours.push(...["x", "y", "z"].map(themeColour));
          return [colours, ["card", "track"].map(themeColour)];
        }"""
    )
    context.close()

    def luminance(colour):
        colour = colour if len(colour) == 7 else "#" + "".join(2 * each for each in colour[1:])
        channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    assert len(set(colours)) == len(colours)
    for ground in grounds:
        for colour in colours:
            one, other = sorted([luminance(colour), luminance(ground)])
            assert other / one >= 3, (colour, ground)


@needs_axe
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_axe_finds_nothing(browser, address, scheme, width):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 740}, reduced_motion="reduce"
    )
    page = context.new_page()
    visit(page, address)
    for summary in page.locator("details:visible > summary").all():
        summary.click()
    for source in ("phone", "file", "replay"):
        choose(page, source)
        assert complaints(page) == [], source
    replayed(page)
    page.locator("#zoom-in").click()
    assert complaints(page) == []
    choose(page, "phone")
    move(page)
    start(page)
    expect(page.locator("#activity")).to_have_attribute("data-state", "known")
    page.locator("#record").click()
    expect(page.locator("#elapsed")).to_be_visible()
    assert complaints(page) == [], "recording"
    page.locator("#wear").click()
    assert complaints(page) == [], "worn"
    page.evaluate("() => clearInterval(window.moving)")
    expect(page.locator("#activity")).to_have_attribute("data-stale", "true")
    expect(page.locator("#problems")).not_to_be_empty()
    assert complaints(page) == [], "stale"
    stop(page)
    expect(page.locator("#summary")).to_be_visible()
    expect(page.locator("#session-list li").first).to_be_visible()
    expect(page.locator("#download")).to_be_visible()
    assert complaints(page) == [], "stopped, with saved sessions"
    choose(page, "replay")
    page.locator("#speed").select_option("1")
    start(page)
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    page.get_by_role("button", name=re.compile("^Correct ")).first.click()
    expect(page.locator("#correct")).to_be_visible()
    assert complaints(page) == [], "replaying, a stretch chosen"
    context.close()


def broken_words(page):
    """Short names that do not fit on a line: a single word of a bar or a tab, on two of them."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".bars li > :first-child, .tabs span")]
          .filter((each) => {
            const range = document.createRange();
            range.selectNodeContents(each);
            return !each.textContent.includes(" ") && range.getClientRects().length > 1;
          }).map((each) => each.textContent)"""
    )


def test_large_letters_fit_on_a_phone(browser, address):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    visit(page, address)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    for source in ("phone", "file", "replay"):
        choose(page, source)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    assert broken_words(page) == []
    page.locator("#advanced summary").click()
    page.locator("#speed").select_option("20")
    start(page)
    expect(page.locator("#accuracy")).not_to_be_empty()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    expect(page.locator("#summary")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    context.close()


def test_forced_colours_leave_bars_and_choices(browser, address):
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    visit(page, address)
    replayed(page)
    shown = page.evaluate(
        """() => {
          const of = (selector) => getComputedStyle(document.querySelector(selector));
          return {
            bar: of(".bars .best .fill").backgroundColor, track: of(".bars .track").backgroundColor,
            edge: of(".bars .track").borderTopWidth,
            chosen: of(".tabs input:checked + span").borderTopColor,
            other: of(".tabs input:not(:checked) + span").borderTopColor,
          };
        }"""
    )
    context.close()
    assert shown["bar"] != shown["track"]
    assert shown["edge"] == "1px"
    assert shown["chosen"] != shown["other"]


# ---- the released model, and a test person -------------------------------------------------------


@pytest.fixture(scope="module")
def person(hapt_archive, tmp_path_factory):
    """A test subject's recording, with a server that recognises it."""
    folder = tmp_path_factory.mktemp("person")
    with zipfile.ZipFile(hapt_archive) as zipped:
        for name in ("acc_exp04_user02.txt", "gyro_exp04_user02.txt", "labels.txt"):
            (folder / name).write_bytes(zipped.read(f"RawData/{name}"))
    recording = hapt_recording(folder, 4)
    write_recording(folder / "recordings/subject02.csv", *recording)
    with serving(bundle.RELEASED, folder) as address:
        yield address, folder, recording


def bouts(page):
    """The page's table: from and to, in s, and what it says."""
    rows = page.evaluate(
        "() => [...document.querySelectorAll('#bout-rows tr')]"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return [(seconds(begin), seconds(end), name) for begin, end, _, name, _ in rows]


def seconds(clock):
    minutes, rest = clock.split(":")
    return int(minutes) * 60 + int(rest)


def right_share(page, activity):
    """Of the seconds with a label, those where the table of the page has it; postures are alike."""
    shown = bouts(page)
    pairs = [(at, NAMES[activity[at * 50]]) for at in range(3, shown[-1][1]) if activity[at * 50]]
    right = [
        any(a <= at < b and (word == name or {word, name} <= STILL) for a, b, name in shown)
        for at, word in pairs
    ]
    return np.mean(right)


def test_a_replayed_persons_activities_are_the_right_ones(page, person):
    address, _, (_, _, activity) = person
    visit(page, address)
    choose(page, "replay")
    page.locator("#bouts summary").click()
    page.locator("#speed").select_option("20")
    start(page)
    for name in ("Standing", "Walking", "Walking downstairs"):
        answer = "Still" if name == "Standing" else name  # nobody told it where the phone is
        expect(page.locator("#activity-name")).to_have_text(answer)
        expect(page.locator("#truth")).to_have_text(f"Actually {name.lower()}")
        expect(page.locator("#truth")).to_have_attribute("data-right", "true")
    stop(page)
    assert right_share(page, activity) > 0.8


def test_a_dropped_recording_is_recognised_to_its_end(page, person):
    address, folder, (_, _, activity) = person
    visit(page, address)
    text = (folder / "recordings/subject02.csv").read_text()
    page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "mine.csv", { type: "text/csv" }));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }""",
        text,
    )
    expect(page.locator("#file-name")).to_contain_text("mine.csv")
    start(page)
    expect(page.locator("#activity-name")).to_have_text("Done", timeout=60_000)
    share = float(page.locator("#accuracy").inner_text().split(" %")[0])
    assert share > 75  # the seconds until a change is recognised included
    page.locator("#bouts summary").click()
    expect(page.locator("#bout-rows tr")).not_to_have_count(0)
    assert {name for *_, name in bouts(page)} >= {"Walking", "Still", "Walking upstairs"}
    assert right_share(page, activity) > 0.8
    assert bouts(page)[-1][1] == pytest.approx(len(activity) / 50, abs=3)
