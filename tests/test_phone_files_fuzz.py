"""Files that nobody thought of: written in any dialect, and spoilt at random."""

import gzip
import json
import os
from functools import partial

import numpy as np
import pytest

from har.data.phone_files import Samples, find_in_stream, find_one, write
from har.errors import HarError
from har.signals.sensors import STANDARD_GRAVITY

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

COUNT = 200
TIMES = np.arange(COUNT) / 50
ACCELERATION = np.array([0.9, 0.1, -0.4]) + 0.2 * np.sin(4 * TIMES[:, None] + [1, 2, 3])
ANGULAR_RATE = np.cos(5 * TIMES[:, None] + [1, 2, 3])

BUDGET = int(os.environ.get("HAR_FUZZ", "1"))
"""Times a few seconds' worth of examples: `HAR_FUZZ=10 pytest tests/test_phone_files_fuzz.py`."""

some = partial(
    hypothesis.settings,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
"""The same examples in every run."""


@st.composite
def dialects(draw):
    """A file's bytes, its name, and the error that its rounding makes."""
    separator = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    decimal = "." if separator == "," else draw(st.sampled_from(".,"))
    digits = draw(st.integers(5, 9))
    acc_unit, acc_scale = draw(
        st.sampled_from([("g", 1), ("mg", 1000), ("m/s^2", STANDARD_GRAVITY)])
    )
    gyro_unit, gyro_scale = draw(
        st.sampled_from([("rad/s", 1), ("dps", 180 / np.pi), ("mdps", 180e3 / np.pi)])
    )
    form = draw(
        st.sampled_from(["acc {axis} [{unit}]", "{axis}_acceleration_{unit}", "Acc{axis}({unit})"])
    )
    form = form.replace(" ", "_") if separator == " " else form
    turning = form.replace("acceleration", "gyroscope").replace("cc", "ngularRate", 1)
    turning = turning.replace("angularRate", "angular_rate").replace("AngularRate", "Gyro")
    form_of_unit = (
        acc_unit.replace("/", "_").replace("^", "") if "acceleration" in form else acc_unit
    )
    unit_of_rate = gyro_unit.replace("/", "_") if "gyroscope" in turning else gyro_unit
    acc = [form.format(axis=axis, unit=form_of_unit) for axis in "xyz"]
    gyro = [turning.format(axis=axis, unit=unit_of_rate) for axis in "xyz"]
    time, scale, start = draw(
        st.sampled_from(
            [("time_s", 1, 0), ("time_ms", 1e3, 7), ("timestamp", 1e3, 1.7e12), ("t", 1, 1.7e9),
             ("time_us", 1e6, 0), ("epoch [ns]", 1e9, 1.7e18)]
        )
    )  # fmt: skip
    time = time.replace(" ", "_") if separator == " " else time
    columns = {
        time: [f"{start + scale * each:.3f}" if scale == 1 else f"{round(start + scale * each)}"
               for each in TIMES],
        **{name: [f"{cell:.{digits}f}" for cell in column]
           for names, values in ((acc, ACCELERATION * acc_scale), (gyro, ANGULAR_RATE * gyro_scale))
           for name, column in zip(names, values.T, strict=True)},
        "note": [draw(st.sampled_from(["", "x"]))] * COUNT,
    }  # fmt: skip
    names = draw(st.permutations(list(columns)))
    if separator == " ":
        names = [each for each in names if each != "note"]
    quoted = draw(st.booleans())
    quote = '"{}"'.format if quoted else str
    lines = [separator.join(quote(name) for name in names)]
    for row in zip(*(columns[name] for name in names), strict=True):
        lines.append(separator.join(quote(cell.replace(".", decimal)) for cell in row))
    lines = draw(st.sampled_from([[], ["# a comment"], ["", ""]])) + lines
    if draw(st.booleans()):
        lines = [line + separator.strip() for line in lines]
    content = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    content = content.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])))
    if draw(st.booleans()):
        content = gzip.compress(content)
    return content, 10.0**-digits + 1e-8  # its rounding and that of the own form


@some(max_examples=30 * BUDGET)
@hypothesis.given(dialects())
def test_a_file_in_any_dialect_holds_the_samples_of_the_own_form(tmp_path_factory, made):
    content, error = made
    folder = tmp_path_factory.mktemp("dialect")
    (folder / "a.csv").write_bytes(content)
    write(folder / "own" / "a.csv", TIMES, ACCELERATION, ANGULAR_RATE)
    expected = find_one(folder / "own" / "a.csv").read()
    samples = find_one(folder / "a.csv").read()
    np.testing.assert_allclose(samples.times - samples.times[0], expected.times, atol=1e-6)
    np.testing.assert_allclose(samples.acceleration, expected.acceleration, atol=error)
    np.testing.assert_allclose(samples.angular_rate, expected.angular_rate, atol=error)
    if not content.startswith(b"\x1f\x8b"):
        parts = (content[at : at + 700] for at in range(0, len(content), 700))
        streamed = Samples.together(list(find_in_stream(parts).blocks()))
        np.testing.assert_array_equal(streamed.acceleration, samples.acceleration)
        np.testing.assert_allclose(streamed.times, samples.times, atol=1e-9)


def valid():
    """Files to spoil."""
    rows = np.column_stack([TIMES, ACCELERATION, ANGULAR_RATE])[:60]
    lines = [",".join(f"{cell:.4f}" for cell in row) for row in rows]
    plain = "\n".join(["time,ax,ay,az,wx,wy,wz", *lines])
    named = "\n".join(["sensor,time,x,y,z", *(f"acc,{line[:31]}" for line in lines)])
    dated = "\n".join(
        ["date;ax;ay;az;wx;wy;wz"]
        + [f"05/03/2024 14:23:{n / 50:06.3f} PM;1,0;0;0;0,1;0;0" for n in range(60)]
    )
    objects = json.dumps([{"time": n / 50, "ax": 1, "ay": 0, "az": 0, "wx": 0} for n in range(60)])
    return [each.encode() for each in (plain, named, dated, objects)]


CELLS = [
    b"", b'"', b"1e400", b"9" * 400, b"-9223372036854775809", b"18446744073709551616", b"nan",
    b"\0", b"1e308", b"\xff\xfe", "−1".encode(), b"24:61:61", b"0/0/0 0:0:0", b"[", b"{}", b"\r",
    b"99999-99-99 11:11:11", b"2024-03-05T14:23:11+99:99", b";;;;;;;;;;", b"#", b",,,,,,,,,,,,,,",
    b"1,5", b"0x10", b"1_0", b"inf",
]  # fmt: skip


@some(max_examples=120 * BUDGET)
@hypothesis.given(st.data())
def test_what_is_spoilt_ends_in_one_line_or_in_finite_samples(tmp_path_factory, data):
    content = data.draw(st.sampled_from(valid()))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content)))
        until = at + data.draw(st.sampled_from([0, 1, 5, 200]))
        put = data.draw(st.one_of(st.sampled_from(CELLS), st.binary(max_size=9)))
        content = content[:at] + put + content[until:]
    path = tmp_path_factory.getbasetemp() / "spoilt.csv"
    path.write_bytes(content)
    for read in (
        lambda: find_one(path).read(),
        lambda: Samples.together(list(find_in_stream(iter([content])).blocks())),
    ):
        try:
            samples = read()
        except HarError as error:
            assert "\n" not in str(error) and str(error).count("spoilt.csv") <= 1
        else:
            assert np.isfinite(samples.acceleration).all() and np.isfinite(samples.times).all()
            assert (np.diff(samples.times) > 0).all()


@some(max_examples=50 * BUDGET)
@hypothesis.given(st.binary(max_size=2000))
def test_any_bytes_end_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    for first in (b"", b"PK\x03\x04", b"\x1f\x8b", b"time,ax,ay,az,wx,wy,wz\n", b"["):
        path.write_bytes(first + content)
        with pytest.raises(HarError) as caught:
            find_one(path).read()
        assert "\n" not in str(caught.value)
