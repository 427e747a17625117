"""Teaching the live page, in a browser: one shows what it asks for, as a person would."""

import json
import re
from zipfile import ZipFile

import numpy as np
import pytest
from live import CHROMIUM, complaints, needs_axe, serving
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
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("teach")


@pytest.fixture(scope="module")
def address(folder):
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


def profile_file(page, name, activity="WALKING"):
    """A profile of the page's model, as a file to choose."""
    description = page.evaluate("async () => (await fetch('recognizer.json')).json()")
    shown = [{"activity": activity, "windows": 4, "mean": [0.25] * 19, "novelty": 0.5}]
    content = {"format": 1, "name": name, "model_sha256": description["model_sha256"]}
    text = json.dumps(content | {"shown": shown})
    return {"name": f"{name}.json", "mimeType": "", "buffer": text.encode()}


def test_a_profile_is_kept_on_the_server_only_when_asked(page, address, folder):
    answers = []
    page.on("dialog", lambda dialog: answers.append(dialog.message) or dialog.accept())
    page.goto(address)
    expect(page.locator("#lesson input").first).to_be_attached()
    expect(page.locator("#profile-keep")).to_be_hidden()  # there is nothing to keep
    page.locator("#profile-file").set_input_files(profile_file(page, "Ada"))
    expect(page.locator("#profile-shown")).to_contain_text("Ada: walking (4 windows)")
    kept = folder / "sessions/profiles"
    assert not kept.exists()

    page.locator("#profile-keep").click()
    expect(page.locator("#profile-kept")).to_contain_text("profiles/Ada.json")
    assert json.loads((kept / "Ada.json").read_text())["shown"][0]["activity"] == "WALKING"
    assert answers == []
    # A person of the same name replaces it only if they say so.
    page.locator("#profile-file").set_input_files(profile_file(page, "Ada", "CYCLING"))
    expect(page.locator("#profile-shown")).to_contain_text("cycling")
    assert "Use Ada in place of Ada" in answers.pop()
    page.locator("#profile-keep").click()
    expect(page.locator("#profile-kept")).to_contain_text("profiles/Ada.json")
    assert "Put this one in its place?" in answers.pop()
    assert json.loads((kept / "Ada.json").read_text())["shown"][0]["activity"] == "CYCLING"

    # Another browser is given it when it asks, and by itself nothing is answered by it.
    page.evaluate("() => localStorage.clear()")
    page.reload()
    entry = page.locator("#server-profile-list li")
    expect(entry).to_contain_text("Ada")
    expect(page.locator("#profile")).to_be_hidden()
    entry.get_by_role("button", name="Use Ada").click()
    expect(page.locator("#profile-shown")).to_contain_text("Ada: cycling (4 windows)")
    entry.get_by_role("button", name="Delete Ada").click()
    expect(page.locator("#server-profiles")).to_be_hidden()
    assert "from the server" in answers.pop()
    assert not (kept / "Ada.json").exists()
    expect(page.locator("#profile-shown")).to_contain_text("Ada")  # in this browser it stays
    # What recognises in the browser sends nothing.
    page.locator("#advanced summary").click()
    page.locator("#local").check()
    expect(page.locator("#profile-keep")).to_be_hidden()


def test_what_another_profile_would_replace_stays_unless_meant(page, address):
    page.goto(address)
    expect(page.locator("#lesson input").first).to_be_attached()
    page.locator("#profile-file").set_input_files(profile_file(page, "Ada"))
    expect(page.locator("#profile-shown")).to_contain_text("Ada")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.locator("#profile-file").set_input_files(profile_file(page, "Bob"))
    page.locator("#profile-delete").click()
    page.locator("#profile-file").set_input_files(profile_file(page, "Ada"))  # itself: no question
    expect(page.locator("#profile-shown")).to_contain_text("Ada")


@needs_axe
def test_axe_finds_nothing_in_a_lesson(page, address):
    page.emulate_media(reduced_motion="reduce")
    be_worn(page, address)
    page.evaluate(
        "async () => Object.assign((await import('./teach.js')).timing, { show: 4, tries: 1 })"
    )
    choose(page, "WALKING")
    page.evaluate("() => { window.disobey = (asked) => 'Standing'; }")  # walking, that is no good
    page.locator("#own-activity").fill("extraordinarily relaxed")
    page.locator("#teach").click()
    expect(page.locator("#activity-note")).to_contain_text("Go on")
    assert complaints(page) == [], "showing"
    expect(page.locator("#activity-name")).to_have_text("Taught", timeout=60_000)
    expect(page.locator("#lesson-result")).to_contain_text("Walking was not learnt")
    expect(page.locator("#lesson-result")).to_contain_text(
        re.compile("Extraordinarily relaxed is like .* to the model: show that too")
    )
    expect(page.locator("#lesson-result tbody tr")).to_have_count(1)
    page.locator("#profile-keep").click()
    expect(page.locator("#server-profile-list li")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert complaints(page) == [], f"taught, and kept on the server; {scheme}"
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    result = page.locator("#lesson-result")
    assert result.evaluate("(each) => each.scrollWidth <= each.clientWidth")
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    page.locator("#start").click()
    expect(page.locator("#activity-note")).to_contain_text("taught by me")
    assert complaints(page) == [], "answered by what was taught"
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#start").click()
    page.get_by_role("button", name="Delete me").click()
    expect(page.locator("#server-profiles")).to_be_hidden()


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
    expect(page.locator("#labelling")).to_be_hidden()
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
    expect(page.locator("#samples")).to_have_text(re.compile(r"[5-9]\d\d"))  # ten seconds
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


# ---- a person of MotionSense ---------------------------------------------------------------------

PLAYER = """(recordings) => {
  window.said = [];
  window.speechSynthesis.speak = (utterance) => window.said.push(utterance.text);
  window.play = (name) => Object.assign(window, { doing: name, since: performance.now() });
  window.disobey = (asked) => { if (window.doing !== asked) window.play(asked); return asked; };
  window.play("Standing");
  setInterval(() => {
    const rows = recordings[window.doing] ?? recordings.Standing;
    const at = Math.floor((performance.now() - window.since) / 20) % rows.length;
    const [x, y, z, alpha, beta, gamma] = rows[at];
    window.dispatchEvent(new DeviceMotionEvent("devicemotion", {
      accelerationIncludingGravity: { x, y, z }, rotationRate: { alpha, beta, gamma }, interval: 20,
    }));
  }, 20);
}"""

TRIALS = {
    "Walking": ("wlk_7", "wlk_8"),
    "Sitting": ("sit_5", "sit_13"),
    "Standing": ("std_6", "std_14"),
}


def motion_of(archive, person):
    """What a phone's browser gives of this person: to be taught, and of other recordings."""
    parts = {}
    with ZipFile(archive) as zipped:
        for name, trials in TRIALS.items():
            for later, trial in enumerate(trials):
                with zipped.open(f"A_DeviceMotion_data/{trial}/sub_{person}.csv") as file:
                    values = np.loadtxt(file, delimiter=",", skiprows=1)[150:2000, 1:]
                acceleration = -(values[:, 3:6] + values[:, 9:12]) * 9.80665
                rows = np.hstack([acceleration, np.degrees(values[:, 6:9])]).round(3)
                parts["again " * later + name] = rows.tolist()
    return parts


def right_share(page, seconds):
    """Of what the person does in recordings that it was not taught: the share of right answers."""
    shares = []
    for name in TRIALS:
        page.evaluate("(name) => window.play(`again ${name}`)", name)
        page.locator("#start").click()
        expect(page.locator("#bars .best")).not_to_have_count(0)  # an answer has come
        page.evaluate("() => { window.began = performance.now(); }")
        page.wait_for_function(
            "(seconds) => performance.now() - window.began > 1000 * seconds",
            arg=seconds,
            timeout=60_000,
        )
        page.locator("#start").click()
        expect(page.locator("#summary")).to_be_visible()
        rows = page.evaluate(
            """() => [...document.querySelectorAll("#summary-rows tr")]
              .map(({ cells }) => [cells[0].textContent, parseFloat(cells[2].textContent)])"""
        )
        shares.append(dict(rows).get(name, 0.0))
    return float(np.mean(shares))


def taught_by(page, address, recordings, prepare, show):
    """Shares of right answers, in %, before and after a person has taught the page."""
    page.goto(address)
    expect(page.locator("#lesson input").first).to_be_attached()
    page.evaluate(PLAYER, recordings)
    page.evaluate(OBEY)
    page.evaluate(
        """async (given) => Object.assign((await import("./teach.js")).timing, given)""",
        {"prepare": prepare, "show": show},
    )
    before = right_share(page, 6)
    page.locator("#teach").click()
    expect(page.locator("#activity-name")).to_have_text("Taught", timeout=90_000)
    said = page.locator("#activity-note").inner_text()
    return before, right_share(page, 6), said


@pytest.mark.slow
def test_a_person_of_motion_sense_teaches_it_and_is_known(page, motion_sense_archive, tmp_path):
    with serving(bundle.RELEASED, tmp_path) as running:
        recordings = motion_of(motion_sense_archive, 3)
        before, after, _ = taught_by(page, f"http://{running}/", recordings, 1, 6)
    assert after > 80
    assert after > before
