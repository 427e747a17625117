"""Teaching the live page, in a browser: one shows what it asks for, as a person would."""

import json
import re

import pytest
from live import CHROMIUM, serving
from made_bundle import framed_bundle

from har.live.browser import assemble
from har.model import bundle
from har.recognition.profile import Profile

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=20_000)

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM} to test the page with"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach")
    bundle.save(folder / "models", framed_bundle())
    with serving(folder / "models", folder) as running:
        yield f"http://{running}/"


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    opened = context.new_page()
    opened.mistakes = []
    opened.on("pageerror", lambda error: opened.mistakes.append(str(error)))
    yield opened
    assert opened.mistakes == []
    context.close()


WEARER = """() => {
  window.said = [];
  window.felt = [];
  window.speechSynthesis.speak = (utterance) => window.said.push(utterance.text);
  navigator.vibrate = (pattern) => window.felt.push(pattern);
  window.doing = "Standing";
  const up = { Standing: [0, 9.81, 0], Sitting: [0, 2, 9.6], Walking: [0, 9.81, 0] };
  const phase = () => 2 * Math.PI * performance.now() / 1000;
  const around = (value, size) => value + size * (Math.random() - 0.5);
  setInterval(() => {
    const moving = !["Standing", "Sitting"].includes(window.doing);
    const hertz = window.doing === "Walking" ? 1.8 : 4;
    const sway = moving ? 3 * Math.sin(hertz * phase()) : 0;
    const [x, y, z] = up[window.doing] ?? [9.81, 0, 0];
    window.dispatchEvent(new DeviceMotionEvent("devicemotion", {
      accelerationIncludingGravity: {
        x: around(x + sway / 3, 0.1), y: around(y + sway, 0.1), z: around(z, 0.1),
      },
      rotationRate: { alpha: around(20 * sway, 1), beta: around(0, 1), gamma: around(0, 1) },
      interval: 20,
    }));
  }, 20);
}"""

# They do what the page asks for.
OBEY = """() => new MutationObserver(() => {
  const asked = document.getElementById("activity-name").textContent;
  if (/^(.*Begin now|Go on)/.test(document.getElementById("activity-note").textContent)) {
    window.doing = window.disobey?.(asked) ?? asked;
  }
}).observe(document.getElementById("activity"), { subtree: true, childList: true })"""


def be_worn(page, address):
    page.goto(address)
    expect(page.locator("#lesson input").first).to_be_attached()
    page.evaluate("""async () => {
      const { timing } = await import("./teach.js");
      Object.assign(timing, { prepare: 1, show: 6 });
    }""")
    page.evaluate(WEARER)
    page.evaluate(OBEY)


def choose(page, *activities):
    for box in page.locator("#lesson input").all():
        box.set_checked(box.get_attribute("value") in activities, force=True)


def test_it_is_taught_by_showing_and_then_knows(page, address):
    be_worn(page, address)
    choose(page, "WALKING", "SITTING")
    page.locator("#own-activity").fill("shaking it")
    page.locator("#profile-name").fill("Ada")
    page.locator("#teach").click()
    expect(page.locator("#activity-name")).to_have_text("Walking")
    expect(page.locator("#activity-note")).to_contain_text("Go on")
    expect(page.locator("#activity-name")).to_have_text("Taught", timeout=60_000)
    before, after, windows = (
        int(each)
        for each in re.fullmatch(
            r"Right before: (\d+) of \d+. Now: (\d+) of (\d+).",
            page.locator("#activity-note").inner_text(),
        ).groups()
    )
    assert before < after <= windows
    expect(page.locator("#lesson-result tbody tr")).to_have_count(3)
    said = page.evaluate("() => window.said")
    assert [text for text in said if text.startswith("Next: ")] == [
        "Next: Walking",
        "Next: Sitting",
        "Next: shaking it",
    ]
    assert said[-1] == "That was all. Thank you."
    assert page.evaluate("() => window.felt.length") >= 6

    # From now on it knows, and says by whom it was taught.
    page.reload()
    expect(page.locator("#profile-shown")).to_contain_text("Ada: walking")
    page.evaluate(WEARER)
    page.locator("#start").click()
    for doing, answer in (("shaking it", "Shaking it"), ("Sitting", "Sitting")):
        page.evaluate("(doing) => { window.doing = doing; }", doing)
        expect(page.locator("#activity-name")).to_have_text(answer)
        expect(page.locator("#activity-note")).to_contain_text("taught by Ada")
    expect(page.locator("#bars")).to_contain_text("Shaking it")
    page.locator("#start").click()
    expect(page.locator("#summary-rows")).to_contain_text("Shaking it")

    # It is a file that Python reads, and goes on request.
    with page.expect_download() as download:
        page.locator("#profile-export").click()
    assert download.value.suggested_filename == "Ada.json"
    text = download.value.path().read_text()
    profile = Profile.model_validate_json(text)
    assert set(profile.windows) == {"WALKING", "SITTING", "SHAKING_IT"}
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#profile-delete").click()
    expect(page.locator("#profile")).to_be_hidden()
    page.reload()
    expect(page.locator("#lesson input").first).to_be_attached()
    expect(page.locator("#profile")).to_be_hidden()
    for content, message in (("{}", "is no profile"), (text.replace("a", "b"), "is no profile")):
        file = {"name": "a.json", "mimeType": "", "buffer": content.encode()}
        page.locator("#profile-file").set_input_files(file)
        expect(page.locator("#problems")).to_contain_text(message)
    file = {"name": "a.json", "mimeType": "", "buffer": text.encode()}
    page.locator("#profile-file").set_input_files(file)
    expect(page.locator("#profile-shown")).to_contain_text("Ada: walking")
    expect(page.locator("#problems")).to_be_empty()


def test_a_stretch_that_was_no_good_is_named_and_asked_for_again(page, address):
    be_worn(page, address)
    choose(page, "WALKING", "SITTING")
    # Walking they stand; sitting, they move the first time.
    page.evaluate("""() => {
      let sat = 0;
      window.disobey = (asked) => {
        if (asked === "Walking") return "Standing";
        const first = window.said.filter((text) => text.startsWith("Next: Sitting")).length
          && !window.said.some((text) => text.startsWith("You moved"));
        return first ? "Walking" : asked;
      };
    }""")
    page.locator("#teach").click()
    expect(page.locator("#activity-name")).to_have_text("Taught", timeout=60_000)
    said = page.evaluate("() => window.said")
    assert "You did not move. Once more: Walking" in said
    assert "You moved. Once more: Sitting" in said
    expect(page.locator("#lesson-result")).to_contain_text(
        "Walking was not learnt: you did not move."
    )
    expect(page.locator("#profile-shown")).to_contain_text("me: sitting")


def test_it_can_be_stopped_and_then_has_learnt_nothing(page, address):
    be_worn(page, address)
    page.locator("#teach").click()
    expect(page.locator("#activity-note")).to_contain_text("Go on")
    page.locator("#start").click()
    expect(page.locator("#problems")).to_contain_text("stopped before its end")
    expect(page.locator("#profile")).to_be_hidden()
    choose(page)
    page.locator("#teach").click()
    expect(page.locator("#problems")).to_contain_text("Nothing is chosen")


def test_a_stretch_of_the_timeline_gets_its_right_label_and_that_teaches(page, address):
    be_worn(page, address)
    page.evaluate("() => { window.doing = 'Sitting'; }")
    page.locator("#start").click()
    expect(page.locator("#activity")).not_to_have_attribute("data-state", "idle")
    page.wait_for_function("() => document.querySelectorAll('#bars .value')[0].textContent !== '–'")
    page.locator("#bouts summary").click()
    page.get_by_role("button", name=re.compile("^Correct ")).first.click()
    expect(page.locator("#correct")).to_be_visible()
    page.locator("#correct-to").select_option("LAYING")
    page.locator("#correct button[type=submit]").click()
    expect(page.locator("#corrected")).to_contain_text("Taught: lying")
    expect(page.locator("#activity-note")).to_contain_text("taught by me")
    expect(page.locator("#activity-name")).to_have_text("Lying")
    # The pointer does the same as the table.
    box = page.locator("#timeline").bounding_box()
    page.locator("#timeline").click(position={"x": 0.42 * box["width"], "y": 20})
    expect(page.locator("#correct")).to_be_visible()
    page.locator("#correct button[type=reset]").click()
    expect(page.locator("#correct")).to_be_hidden()
    page.locator("#start").click()


def test_a_profile_of_another_model_is_not_used_silently(page, address):
    page.goto(address)
    shown = [{"activity": "WALKING", "windows": 1, "mean": [0.0] * 19, "novelty": 0.5}]
    other = {"format": 1, "name": "Ada", "model_sha256": "0" * 64, "shown": shown}
    page.evaluate("(text) => localStorage.setItem('profile', text)", json.dumps(json.dumps(other)))
    page.reload()
    expect(page.locator("#problems")).to_contain_text("made with another model: teach it anew")
    expect(page.locator("#profile")).to_be_hidden()


def test_without_a_server_it_is_taught_as_well(page, tmp_path_factory):
    from test_browser import Quiet

    root = tmp_path_factory.mktemp("taught") / "here"
    assemble(framed_bundle(), root)
    with Quiet.serving(root) as address:
        be_worn(page, address)
        choose(page, "WALKING", "SITTING")
        page.locator("#teach").click()
        expect(page.locator("#activity-name")).to_have_text("Taught", timeout=60_000)
        page.locator("#start").click()
        page.evaluate("() => { window.doing = 'Sitting'; }")
        expect(page.locator("#activity-name")).to_have_text("Sitting")
        expect(page.locator("#activity-note")).to_contain_text("taught by me")
        page.locator("#start").click()
