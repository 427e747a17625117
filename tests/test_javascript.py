import json

import numpy as np
from made_bundle import framed_bundle, simple_bundle
from scipy.signal import butter, sosfilt

from har.live.javascript import for_javascript


def test_filters_are_those_of_the_archive_and_settled_is_at_rest():
    filters = for_javascript(simple_bundle().description)["filters"]
    for name, design in (("noise", (10, 20)), ("gravity", (3, 0.3)), ("drift", (2, 0.1))):
        sections = np.array(filters[name]["sections"])
        np.testing.assert_allclose(sections, butter(*design, fs=50, output="sos"))
        still, _ = sosfilt(sections, np.full(20, 1.0), zi=np.array(filters[name]["settled"]))
        np.testing.assert_allclose(still, 1, atol=1e-9)


def test_it_says_what_the_bundle_says():
    description = simple_bundle().description
    written = json.loads(json.dumps(for_javascript(description)))
    said = json.loads(description.model_dump_json())
    for name in ["activities", "sampling_rate", "window_size", "step", "smoothing", "model_sha256"]:
        assert written[name] == said[name]
    assert written["still"] == {"answer": "STILL", "postures": ["SITTING", "STANDING", "LAYING"]}
    assert written["needs_gyroscope"]
    assert not for_javascript(framed_bundle(gyroscope=False).description)["needs_gyroscope"]
