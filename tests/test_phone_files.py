import io
import tracemalloc
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from har.data.phone_files import Choices, Samples, find, find_in_stream, find_one, finding, write
from har.errors import HarError
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY
from har.signals.resampling import GAP
from har.signals.sensors import STANDARD_GRAVITY

RNG = np.random.default_rng(0)
TIMES = np.arange(200) / 50
# Slow enough to be the same for another clock.
ACCELERATION = np.array([0.9, 0.1, -0.4]) + 0.2 * np.sin(4 * TIMES[:, None] + [1, 2, 3])
ANGULAR_RATE = np.cos(5 * TIMES[:, None] + [1, 2, 3])


def text(heading, *columns, separator=",", form="{:.6f}"):
    rows = np.column_stack(columns)
    lines = [separator.join(form.format(cell) for cell in row) for row in rows]
    return "\n".join([heading, *lines]) + "\n"


def saved(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(folder, **members):
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


class Read(SimpleNamespace):
    """A recording's samples, with its notes."""


def read(path, choices=None, gyroscope=True):
    recording = find_one(path, choices, gyroscope)
    samples = recording.read()
    return Read(**vars(samples), notes=recording.notes)


def said(samples):
    return " / ".join(samples.notes)


def assert_is_the_recording(samples, tolerance=1e-5):
    assert samples.times - samples.times[0] == pytest.approx(TIMES, abs=1e-5)
    np.testing.assert_allclose(samples.acceleration, ACCELERATION, atol=tolerance)
    np.testing.assert_allclose(samples.angular_rate, ANGULAR_RATE, atol=tolerance)


def test_the_own_form_comes_back(tmp_path):
    activity = np.where(TIMES < 2, 3, np.where(TIMES < 3, NO_ACTIVITY, 5))
    write(tmp_path / "a.csv", TIMES + 7, ACCELERATION, ANGULAR_RATE, activity)
    first = (tmp_path / "a.csv").read_text().splitlines()[0]
    assert first == (
        "time_s,acc_x_g,acc_y_g,acc_z_g,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s,activity"
    )
    samples = read(tmp_path / "a.csv")
    assert_is_the_recording(samples, 1e-8)
    assert samples.times[0] == 7
    assert samples.activity.tolist() == activity.tolist()
    cells = [line.rpartition(",")[2] for line in (tmp_path / "a.csv").read_text().splitlines()]
    assert (cells[1], cells[120], cells[199]) == ("SITTING", "", "LAYING")
    assert samples.notes == ()


def test_the_own_form_without_labels(tmp_path):
    write(tmp_path / "a.csv", TIMES, ACCELERATION, ANGULAR_RATE)
    samples = read(tmp_path / "a.csv")
    assert_is_the_recording(samples, 1e-8)
    assert (samples.activity == NO_ACTIVITY).all()


def test_labels_of_other_activities_are_left_out_and_said(tmp_path):
    lines = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE).splitlines()
    labels = ["label", *np.array(["Walking upstairs", "CYCLING"])[(TIMES > 1).astype(int)]]
    content = "\n".join(f"{line},{label}" for line, label in zip(lines, labels, strict=True))
    samples = read(saved(tmp_path, "a.csv", content))
    upstairs = ACTIVITIES.index("WALKING_UPSTAIRS")
    np.testing.assert_array_equal(samples.activity, np.where(TIMES > 1, NO_ACTIVITY, upstairs))
    assert "labels left out: CYCLING" in said(samples)


@pytest.mark.parametrize(
    ("heading", "acceleration", "rate"),
    [
        ("t,ax,ay,az,gx,gy,gz", 1, 1),
        ("timestamp,accel_x,accel_y,accel_z,gyro_x,gyro_y,gyro_z", STANDARD_GRAVITY, 1),
        ("Time (s),AccX [g],AccY [g],AccZ [g],GyrX [°/s],GyrY [°/s],GyrZ [°/s]", 1, 180 / np.pi),
        (
            '"time","acc_x_m_s2","acc_y_m_s2","acc_z_m_s2","w_x_deg_s","w_y_deg_s","w_z_deg_s"',
            STANDARD_GRAVITY,
            180 / np.pi,
        ),
        (
            "elapsed,x acceleration (m/s²),y acceleration (m/s²),z acceleration (m/s²),"
            "angular velocity x (rad/s),angular velocity y (rad/s),angular velocity z (rad/s)",
            STANDARD_GRAVITY,
            1,
        ),
    ],
)
def test_columns_and_units_are_found_by_their_headings(tmp_path, heading, acceleration, rate):
    content = text(heading, TIMES, ACCELERATION * acceleration, ANGULAR_RATE * rate)
    assert_is_the_recording(read(saved(tmp_path, "a.csv", "\ufeff" + content)))


def test_the_order_of_columns_is_that_of_their_headings(tmp_path):
    heading = "gyro_z,gyro_y,gyro_x,time,acc_z,acc_x,acc_y"
    columns = (ANGULAR_RATE[:, ::-1], TIMES, ACCELERATION[:, [2, 0, 1]])
    assert_is_the_recording(read(saved(tmp_path, "a.csv", text(heading, *columns))))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas(tmp_path, separator):
    heading = separator.join(["time", "ax", "ay", "az", "wx", "wy", "wz"])
    content = text(heading, TIMES, ACCELERATION, ANGULAR_RATE, separator=separator)
    path = saved(tmp_path, "a.csv", content.replace(".", ",").replace("\n", "\r\n"))
    assert_is_the_recording(read(path))


def test_decimal_commas_between_quotation_marks(tmp_path):
    lines = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE).splitlines()
    quoted = [",".join(f'"{cell.replace(".", ",")}"' for cell in line.split(",")) for line in lines]
    assert_is_the_recording(read(saved(tmp_path, "a.csv", "\n".join(quoted))))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings(tmp_path, encoding):
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    assert_is_the_recording(read(saved(tmp_path, "a.csv", content.encode(encoding))))


@pytest.mark.parametrize(
    ("heading", "scale", "start"),
    [
        ("time", 1, 0),
        ("time", 1e3, 0),
        ("time", 1e6, 5e6),
        ("timestamp", 1e3, 1.7e12),
        ("timestamp", 1e9, 1.7e18),
        ("time (ms)", 1e3, 0),
        ("time_us", 1e6, 0),
        ("timestamp [ns]", 1e9, 1.7e18),
    ],
)
def test_the_unit_of_time_is_in_the_heading_or_in_its_steps(tmp_path, heading, scale, start):
    times = [f"{start + time * scale:.0f}" if scale > 1 else f"{time}" for time in TIMES]
    rows = text("ax,ay,az,wx,wy,wz", ACCELERATION, ANGULAR_RATE).splitlines()
    lines = [f"{heading},{rows[0]}", *(f"{a},{b}" for a, b in zip(times, rows[1:], strict=True))]
    samples = read(saved(tmp_path, "a.csv", "\n".join(lines)))
    assert_is_the_recording(samples)
    assert ("times count from the first sample" in said(samples)) == (start > 1e9)


@pytest.mark.parametrize(
    "form",
    ["2026-03-01T{h:02d}:{m:02d}:{s:06.3f}Z", "2026-03-01 {h:02d}:{m:02d}:{s:06.3f}",
     "{h:02d}:{m:02d}:{s:06.3f}", "{h:02d}:{m:02d}:{colon}", "{m:02d}:{s:06.3f}"],
)  # fmt: skip
def test_times_of_day_and_dates(tmp_path, form):
    lines = ["time,ax,ay,az,wx,wy,wz"]
    rows = text("", ACCELERATION, ANGULAR_RATE).splitlines()[1:]
    for time, row in zip(TIMES, rows, strict=True):
        of_day = 13 * 3600 + 59 * 60 + 57 + time  # past the hour within the recording
        h, m, s = int(of_day // 3600), int(of_day // 60 % 60), of_day % 60
        colon = f"{s:06.3f}".replace(".", ":")
        lines.append(f"{form.format(h=h, m=m, s=s, colon=colon)},{row}")
    samples = read(saved(tmp_path, "a.csv", "\n".join(lines)))
    assert_is_the_recording(samples)
    assert samples.times[0] == 0


def test_columns_can_be_named(tmp_path):
    heading = "when,one,two,three,four,five,six"
    content = text(heading, TIMES, ACCELERATION, ANGULAR_RATE * 180 / np.pi)
    path = saved(tmp_path, "a.csv", content)
    with pytest.raises(
        HarError, match=r"--time, --acc, --gyro name them\); it begins with: when,one,two"
    ):
        read(path)
    choices = Choices("when", ("one", "two", "three"), ("four", "five", "six"), "g", "deg/s")
    assert_is_the_recording(read(path, choices))
    with pytest.raises(HarError, match="no line has columns of the names when, a, b, c"):
        read(path, Choices("when", ("a", "b", "c")))


def test_units_from_the_numbers_are_said_and_only_taken_where_they_are_plain(tmp_path):
    heading = "time,ax,ay,az,wx,wy,wz"

    def units(scale, rate=1.0):
        content = text(heading, TIMES, ACCELERATION * scale, ANGULAR_RATE * rate)
        return read(saved(tmp_path, "a.csv", content))

    for scale, unit in ((1, "g"), (STANDARD_GRAVITY, "m/s2"), (1000, "mg")):
        samples = units(scale)
        assert_is_the_recording(samples)
        assert f"acceleration taken to be in {unit}" in said(samples)
        assert "angular rate taken to be in rad/s" in said(samples)
    samples = units(STANDARD_GRAVITY, 180 / np.pi)
    assert_is_the_recording(samples)
    assert "angular rate taken to be in deg/s" in said(samples)
    for scale in (0.1, 3, 300):
        with pytest.raises(HarError, match=r"neither in g \(1\) nor in m/s2 \(9.8\)"):
            units(scale)


def test_too_few_samples_a_second_are_refused(tmp_path):
    heading = "time,ax,ay,az,wx,wy,wz"

    def every(count):
        part = slice(None, None, count)
        content = text(heading, TIMES[part], ACCELERATION[part], ANGULAR_RATE[part])
        return read(saved(tmp_path, "a.csv", content))

    assert "samples a second" not in said(every(2))
    assert "only 12 samples a second" in said(every(4))
    with pytest.raises(HarError, match="only 5 samples a second: 15 or more are needed"):
        every(10)


SENSOR_LOGGER = "time,seconds_elapsed,z,y,x"


def sensor_logger(values, start=0.013, rate=50, seconds=4.0):
    """Sensor Logger's columns of a signal at TIMES, sampled by its own clock."""
    times = np.arange(start, seconds - 0.02, 1 / rate)
    at = np.column_stack([np.interp(times, TIMES, values[:, axis]) for axis in range(3)])
    lines = [
        f"{1_700_000_000_000_000_000 + round(time * 1e9)},{time:.6f},{z:.7f},{y:.7f},{x:.7f}"
        for time, (x, y, z) in zip(times, at, strict=True)
    ]
    return "\n".join([SENSOR_LOGGER, *lines])


def metadata(platform, standardised="false"):
    return (
        "version,device name,recording epoch time,recording time,recording timezone,platform,"
        "appVersion,device id,sensors,sampleRateMs,standardisation,platform version\n"
        f"3,Phone,0,2026,UTC,{platform},1.6,id,Accelerometer|Gyroscope,20|20,{standardised},16\n"
    )


GRAVITY = np.tile([0.88, 0.12, -0.41], (200, 1)) * STANDARD_GRAVITY
LINEAR = ACCELERATION * STANDARD_GRAVITY - GRAVITY


def assert_is_interpolated(samples):
    for got, expected in (
        (samples.acceleration, ACCELERATION),
        (samples.angular_rate, ANGULAR_RATE),
    ):
        there = np.column_stack([np.interp(samples.times, TIMES, each) for each in expected.T])
        np.testing.assert_allclose(got, there, atol=0.005)


def test_sensor_logger_on_android(tmp_path):
    path = zipped(
        tmp_path,
        **{
            "Metadata.csv": metadata("android"),
            "Accelerometer.csv": sensor_logger(LINEAR),
            "TotalAcceleration.csv": sensor_logger(ACCELERATION * STANDARD_GRAVITY),
            "Gyroscope.csv": sensor_logger(ANGULAR_RATE, start=0.021, rate=50),
            "WatchGyroscope.csv": sensor_logger(ANGULAR_RATE * 9),
            "Annotation.csv": "time,seconds_elapsed,text\n",
        },
    )
    samples = read(path)
    assert_is_interpolated(samples)
    assert 0.021 <= samples.times[0] <= 0.033  # both are measuring by then


def test_sensor_logger_on_an_iphone_has_gravity_apart_and_other_signs(tmp_path):
    members = {
        "Accelerometer.csv": sensor_logger(-LINEAR),
        "Gravity.csv": sensor_logger(-GRAVITY, start=0.002),
        "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
    }
    samples = read(zipped(tmp_path, **members, **{"Metadata.csv": metadata("ios")}))
    assert_is_interpolated(samples)
    assert "signs are inverted" in said(samples)
    standardised = {
        "Accelerometer.csv": sensor_logger(LINEAR),
        "Gravity.csv": sensor_logger(GRAVITY),
        "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
        "Metadata.csv": metadata("ios", "true"),
    }
    assert_is_interpolated(read(zipped(tmp_path, **standardised)))
    path = zipped(tmp_path, **members)
    with pytest.raises(HarError, match="say --flip if it was recorded on an iPhone"):
        read(path)
    assert_is_interpolated(read(path, Choices(flip=True)))


def test_sensor_loggers_uncalibrated_acceleration_is_in_g_on_an_iphone(tmp_path):
    members = {
        "AccelerometerUncalibrated.csv": sensor_logger(-ACCELERATION),
        "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
        "Metadata.csv": metadata("ios"),
    }
    samples = read(zipped(tmp_path, **members))
    assert_is_interpolated(samples)
    assert "acceleration taken to be in g" in said(samples)


def test_sensor_logger_without_gravity_is_refused(tmp_path):
    members = {
        "Accelerometer.csv": sensor_logger(LINEAR),
        "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
        "Metadata.csv": metadata("android"),
    }
    with pytest.raises(HarError, match=r"of Accelerometer.csv is without gravity.*record gravity"):
        read(zipped(tmp_path, **members))


def test_a_folder_and_one_of_its_files_are_the_same_recording(tmp_path):
    total = sensor_logger(ACCELERATION * STANDARD_GRAVITY)
    saved(tmp_path, "TotalAcceleration.csv", total)
    saved(tmp_path, "Gyroscope.csv", sensor_logger(ANGULAR_RATE))
    folder, file = read(tmp_path), read(tmp_path / "TotalAcceleration.csv")
    assert_is_interpolated(folder)
    np.testing.assert_array_equal(folder.acceleration, file.acceleration)
    # One of another recording is not taken, and does not keep the others apart.
    saved(tmp_path, "another_Gyroscope.csv", sensor_logger(-ANGULAR_RATE))
    file = read(tmp_path / "TotalAcceleration.csv")
    np.testing.assert_array_equal(folder.angular_rate, file.angular_rate)


@pytest.mark.parametrize("old", [False, True])
def test_phyphox_zip(tmp_path, old):
    def table(sensor, unit, values, shift=0.0):
        # Older exports leave the sensor to the file's name.
        names = [
            f"{axis.upper()} ({unit})" if old else f"{sensor} {axis} ({unit})" for axis in "xyz"
        ]
        heading = ",".join(f'"{name}"' for name in ["Time (s)", *names])
        return text(heading, TIMES + shift, values, form="{:.9E}")

    members = {
        "Accelerometer.csv": table("Acceleration", "m/s^2", ACCELERATION * STANDARD_GRAVITY),
        "Linear Accelerometer.csv": table("Linear Acceleration", "m/s^2", LINEAR),
        "Gyroscope.csv": table("Gyroscope", "rad/s", ANGULAR_RATE),
        "meta/time.csv": '"event","experiment time","system time"\n"START",0.0,1.7e9\n',
    }
    samples = read(zipped(tmp_path, **members))
    assert_is_the_recording(samples)
    del members["Accelerometer.csv"]
    with pytest.raises(HarError, match=r"Linear Accelerometer.csv is without gravity"):
        read(zipped(tmp_path, **members))


def test_phyphox_raw_data_with_a_time_for_each_sensor(tmp_path):
    heading = (
        '"Time (s)"\t"Acceleration x (m/s^2)"\t"Acceleration y (m/s^2)"\t"Acceleration z (m/s^2)"'
        '\t"Time (s)"\t"Gyroscope x (rad/s)"\t"Gyroscope y (rad/s)"\t"Gyroscope z (rad/s)"'
    )
    content = text(
        heading, TIMES, ACCELERATION * STANDARD_GRAVITY, TIMES + 1, ANGULAR_RATE, separator="\t"
    )
    samples = read(zipped(tmp_path, **{"Raw Data.csv": content}))
    assert (samples.times[0], samples.times[-1]) == (1.0, TIMES[-1])
    np.testing.assert_allclose(samples.angular_rate, ANGULAR_RATE[: len(samples.times)], atol=1e-5)


@pytest.mark.parametrize("blank_line", ["", "\n"])
def test_physics_toolbox(tmp_path, blank_line):
    heading = "time;gFx;gFy;gFz;ax;ay;az;wx;wy;wz;Gain"
    content = text(
        heading, TIMES, ACCELERATION, LINEAR, ANGULAR_RATE, np.full(200, -np.inf), separator=";"
    )
    zeros = "0,0;" * 10 + "0,0\n"
    head, rest = content.split("\n", 1)
    content = head + "\n" + zeros + rest.replace(".", ",").replace("-", "\N{MINUS SIGN}")
    samples = read(saved(tmp_path, "sensor.csv", blank_line + content.replace("inf", "∞")))
    assert_is_the_recording(samples)
    assert "rows left out: 1 without an acceleration yet" in said(samples)


def test_sensors_with_their_own_clocks_and_a_gap(tmp_path):
    """The faster one's times are kept, gaps of either stay gaps."""
    gyro_times = np.arange(0.5, 3.5, 0.01)
    gyro_times = gyro_times[(gyro_times < 2) | (gyro_times > 2.6)]
    line = np.column_stack([gyro_times, -gyro_times, 2 * gyro_times])
    gap_in_acc = (TIMES < 1) | (TIMES > 1.4)
    members = {
        "Accelerometer.csv": text(
            "Time (s),X (g),Y (g),Z (g)", TIMES[gap_in_acc], ACCELERATION[gap_in_acc]
        ),
        "Gyroscope.csv": text("Time (s),X (rad/s),Y (rad/s),Z (rad/s)", gyro_times, line),
    }
    samples = read(zipped(tmp_path, **members))
    assert samples.times[0] == pytest.approx(0.5) and samples.times[-1] <= 3.5
    gaps = np.flatnonzero(np.diff(samples.times) > GAP)
    assert samples.times[gaps] == pytest.approx([0.98, 1.99], abs=0.011)
    assert np.median(np.diff(samples.times)) == pytest.approx(0.01)
    np.testing.assert_allclose(samples.angular_rate[:, 2], 2 * samples.times, atol=1e-5)


def test_sensors_that_were_not_recorded_together(tmp_path):
    members = {
        "Accelerometer.csv": text("Time (s),X (g),Y (g),Z (g)", TIMES, ACCELERATION),
        "Gyroscope.csv": text("Time (s),X (rad/s),Y (rad/s),Z (rad/s)", TIMES + 9, ANGULAR_RATE),
    }
    with pytest.raises(HarError, match="never measured at the same time"):
        read(zipped(tmp_path, **members))


def test_sensors_that_took_turns(tmp_path):
    early = TIMES < 2
    gyro_times = np.concatenate([[-1.0], TIMES[~early], [9.0]])
    members = {
        "Accelerometer.csv": text("Time (s),X (g),Y (g),Z (g)", TIMES[early], ACCELERATION[early]),
        "Gyroscope.csv": text(
            "Time (s),X (rad/s),Y (rad/s),Z (rad/s)", gyro_times, np.ones((len(gyro_times), 3))
        ),
    }
    with pytest.raises(HarError, match="never measured at the same time"):
        read(zipped(tmp_path, **members))


def test_no_angular_rate(tmp_path):
    path = saved(tmp_path, "a.csv", text("time,ax,ay,az", TIMES, ACCELERATION))
    with pytest.raises(HarError, match="no angular rate in it: the model needs"):
        read(path)


def test_angular_rate_that_is_not_needed_is_not_looked_at(tmp_path):
    """Neither where it is missing, nor where it ends early or holds nonsense."""
    heading = "time,ax,ay,az,wx,wy,wz"
    alone = saved(tmp_path, "a.csv", text("time,ax,ay,az", TIMES, ACCELERATION))
    nonsense = text(heading, TIMES, ACCELERATION, ANGULAR_RATE * np.nan)
    short = {
        "Accelerometer.csv": text("Time (s),X (g),Y (g),Z (g)", TIMES, ACCELERATION),
        "Gyroscope.csv": text(
            "Time (s),X (rad/s),Y (rad/s),Z (rad/s)", TIMES[:9], ANGULAR_RATE[:9]
        ),
    }
    beside = tmp_path / "beside"
    beside.mkdir()
    for path in (alone, saved(beside, "b.csv", nonsense), zipped(tmp_path, **short)):
        samples = read(path, gyroscope=False)
        np.testing.assert_allclose(samples.times, TIMES, atol=1e-9)
        np.testing.assert_allclose(samples.acceleration, ACCELERATION, atol=1e-5)
        assert samples.angular_rate is None
        assert "angular" not in said(samples)
    recording, parts = fed(alone.read_bytes(), [], gyroscope=False)
    np.testing.assert_allclose(Samples.together(parts).acceleration, ACCELERATION, atol=1e-5)
    assert parts[0].angular_rate is None and "angular" not in said(recording)
    with pytest.raises(HarError, match="no angular rate in it: the model needs angular rate too"):
        fed(alone.read_bytes(), [])


def test_a_recording_of_acceleration_alone_is_written_without_the_other_columns(tmp_path):
    write(tmp_path / "a.csv", TIMES, ACCELERATION, None)
    heading = (tmp_path / "a.csv").read_text().splitlines()[0]
    assert heading == "time_s,acc_x_g,acc_y_g,acc_z_g,activity"
    samples = read(tmp_path / "a.csv", gyroscope=False)
    np.testing.assert_allclose(samples.acceleration, ACCELERATION, atol=1e-8)
    with pytest.raises(
        HarError, match=r"trained on windowing\.channels=\[total_acc\] does without"
    ):
        read(tmp_path / "a.csv")


def test_recordings_of_acceleration_alone_are_not_mixed(tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, TIMES, ACCELERATION, None)
    with pytest.raises(HarError, match=r"holds 2 recordings \(.*/a.csv, .*/b.csv\): name one"):
        read(tmp_path, gyroscope=False)


def test_several_recordings_in_one_folder(tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, TIMES, ACCELERATION, ANGULAR_RATE)
    with pytest.raises(HarError, match=r"holds 2 recordings \(.*/a.csv, .*/b.csv\): name one"):
        read(tmp_path)


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MAX_BYTES", 100_000)
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    path = zipped(tmp_path, **{"a.csv": content + "0" * 50_000_000})
    with pytest.raises(HarError, match="holds more than"):
        read(path)


def test_odd_zips(tmp_path):
    with pytest.raises(HarError, match="holds no CSV file"):
        read(zipped(tmp_path, **{"a.png": "x", "meta/a.csv": "time,ax,ay,az"}))
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    assert_is_the_recording(read(zipped(tmp_path, **{"../../a.csv": content})))
    whole = (tmp_path / "export.zip").read_bytes()
    for keep in (4, 40, len(whole) // 2, len(whole) - 1):
        with pytest.raises(HarError, match="cannot be unpacked"):
            read(saved(tmp_path, "cut.zip", whole[:keep]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (RNG.bytes(5000), "neither CSV nor zip|no line heads"),
        (b"\x89PNG\r\n\0\0\0", "is neither CSV nor zip"),
        (b"hello", "no line heads columns"),
        (b"time,ax,ay,az,wx,wy,wz", "has no samples"),
        (b"time,ax,ay,az,wx,wy,wz\n", "has no samples"),
        (b"time,ax,ay,az,wx,wy,wz\na,b,c,d,e,f,g\n", "has no samples"),
        (b"time,ax,ay,az,wx,wy,wz\n\"1,2,3,4\n", "has no samples|not a table"),
        (b"time,ax,ay\n1,2,3\n", "no line heads columns"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_one_line(tmp_path, content, message):
    path = saved(tmp_path, "a.csv", content)
    with pytest.raises(HarError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_one_row_and_rows_that_cannot_be_read(tmp_path):
    heading = "time,ax,ay,az,wx,wy,wz"
    samples = read(saved(tmp_path, "a.csv", heading + "\n0,1,0,0,0,0,0"))
    assert samples.times.tolist() == [0]
    rows = text(heading, TIMES, ACCELERATION, ANGULAR_RATE).splitlines()
    rows[5] = "nan," + rows[5]
    rows[50] = rows[50].replace(",", ",NaN,", 1)
    rows[70] = "a note somebody wrote"
    rows[90] = ""
    rows[110] = rows[110][:20]
    rows[130] = rows[130].replace(",", ',"', 1)
    samples = read(saved(tmp_path, "a.csv", "\n".join(rows)))
    assert 194 <= len(samples.times) <= 197
    assert "in which a cell is no number" in said(samples)
    assert np.abs(samples.acceleration).max() < 1.5


def test_cut_or_garbled_files_never_end_otherwise_than_in_one_line(tmp_path):
    write(tmp_path / "a.csv", TIMES, ACCELERATION, ANGULAR_RATE, np.full(200, 3))
    zipped(
        tmp_path,
        **{
            "TotalAcceleration.csv": sensor_logger(ACCELERATION * STANDARD_GRAVITY),
            "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
        },
    )
    rng = np.random.default_rng(1)
    for source in ("a.csv", "export.zip"):
        whole = (tmp_path / source).read_bytes()
        for _ in range(150):
            content = bytearray(whole[: rng.integers(len(whole))])
            for _ in range(rng.integers(6)):
                if content:
                    at = rng.integers(len(content))
                    content[at : at + rng.integers(1, 9)] = rng.bytes(rng.integers(0, 9))
            path = saved(tmp_path, f"cut_{source}", bytes(content))
            try:
                samples = read(path)
            except HarError as error:
                assert "\n" not in str(error)
            else:
                assert len(samples.times) == len(samples.acceleration) == len(samples.angular_rate)


def pieces(content, sizes):
    stream = io.BytesIO(content)
    for size in sizes:
        yield stream.read(size)
    yield stream.read()


def fed(content, sizes, **settings):
    recording = find_in_stream(pieces(content, sizes), **settings)
    return recording, list(recording.blocks())


def test_lines_as_they_come_are_the_file(tmp_path):
    write(tmp_path / "a.csv", TIMES, ACCELERATION, ANGULAR_RATE)
    content = (tmp_path / "a.csv").read_bytes()
    for sizes in ([], [1] * 300, [7] * 1000, [len(content) - 3]):
        _, parts = fed(content, sizes)
        times = np.concatenate([part.times for part in parts])
        np.testing.assert_allclose(times, TIMES)
        together = np.concatenate([part.acceleration for part in parts])
        np.testing.assert_allclose(together, ACCELERATION, atol=1e-8)


def test_lines_that_cannot_be_read_are_counted():
    rows = text("time;ax;ay;az;wx;wy;wz", TIMES * 1000, ACCELERATION * 9.81, ANGULAR_RATE)
    lines = rows.replace(",", ";").replace(".", ",").splitlines()
    lines[30:30] = ["what?", "1;2;3", ";;;;;;", "1;2;3;4;5;6;x"]
    lines[150:150] = ["\x00\xff", '"']
    recording, parts = fed("\n".join(lines).encode(), [500] * 40)
    assert "rows left out: 6 in which a cell is no number" in said(recording)
    times = np.concatenate([part.times for part in parts])
    np.testing.assert_allclose(times, TIMES, atol=1e-9)
    assert "acceleration taken to be in m/s2" in said(recording)
    assert "times taken to be in ms" in said(recording)


def test_a_last_line_that_is_cut_is_counted():
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    recording, parts = fed(content[:3000].encode(), [])
    rows = sum(len(part.times) for part in parts)
    left_out = "rows left out: 1 in which a cell is no number" in said(recording)
    assert rows + left_out == content[:3000].count("\n")


def test_lines_without_headings_or_a_sensor():
    with pytest.raises(HarError, match="no line heads columns"):
        fed(b"1,2,3,4,5,6,7\n" * 100, [])
    with pytest.raises(HarError, match="no angular rate in it"):
        fed(b"time,ax,ay,az\n1,2,3,4\n", [])
    with pytest.raises(HarError, match="is empty"):
        fed(b"", [])


@pytest.mark.parametrize("hours", [True, False])
@pytest.mark.parametrize("size", [50, 700, 4000, 1 << 20])
def test_times_of_day_go_on_past_midnight_however_lines_come(tmp_path, hours, size):
    """Midnight, or the full hour where hours are not written; pauses of less than half that."""
    period = 86400 if hours else 3600
    times = period - 2 + np.repeat(np.arange(10), 20) * (period * 0.4) + TIMES
    lines = ["time,ax,ay,az,wx,wy,wz"]
    rows = text("", ACCELERATION, ANGULAR_RATE).splitlines()[1:]
    for time, row in zip(times % period, rows, strict=True):
        clock = f"{int(time // 60 % 60):02d}:{time % 60:06.3f}"
        lines.append(f"{int(time // 3600):02d}:{clock},{row}" if hours else f"{clock},{row}")
    content = ("\n".join(lines) + "\n").encode()
    _, parts = fed(content, [size] * (len(content) // size))
    got = np.concatenate([part.times for part in parts])
    np.testing.assert_allclose(got, times - times[0], atol=1e-3)
    np.testing.assert_allclose(got, read(saved(tmp_path, "a.csv", content)).times, atol=1e-6)


def test_a_block_of_lines_may_have_any_size():
    times = np.arange(20_000) / 50
    rows = [np.tile(each, (100, 1)) for each in (ACCELERATION, ANGULAR_RATE)]
    content = text("time,ax,ay,az,wx,wy,wz", times, *rows).encode()
    assert len(content) > 1 << 20
    for sizes in ([], [len(content) - 30], [1 << 16] * 30):
        recording, parts = fed(content, sizes)
        np.testing.assert_allclose(np.concatenate([part.times for part in parts]), times)
        assert "left out" not in said(recording)


@pytest.mark.parametrize("ended", [False, True])
def test_a_line_that_is_too_long_is_left_out_alone(ended):
    lines = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE).splitlines()
    # Its end would pass for a sample.
    long = "1" * (3 << 20) + "\0,77,1,0,0,0,0,0"
    content = "\n".join([*lines[:101], long, *lines[101:]] if ended else [*lines, long]).encode()
    for sizes in ([], [1 << 16] * 60, [len(content) - 10], [len(content) // 2]):
        recording, parts = fed(content, sizes)
        np.testing.assert_allclose(np.concatenate([part.times for part in parts]), TIMES)
        assert "rows left out: 1 in which" in said(recording)


def test_lines_without_end_take_bounded_memory():
    """Below headings, and where no headings come."""
    rows = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE).encode()
    for first in (rows, b""):
        source = (part for part in [first, *(b"1" * (1 << 20) for _ in range(50))])
        tracemalloc.start()
        try:
            if first:
                recording = find_in_stream(source)
                assert sum(len(part.times) for part in recording.blocks()) == 200
                assert "rows left out: 1 in which" in said(recording)
            else:
                with pytest.raises(HarError, match="no line heads columns"):
                    find_in_stream(source)
            assert tracemalloc.get_traced_memory()[1] < 20 << 20
        finally:
            tracemalloc.stop()


def test_what_is_for_other_programs_is_told_how_to_export(tmp_path):
    for name, content in (
        ("walk.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 100),
        ("walk.xlsx", b"anything"),
        ("walk.csv", b"SQLite format 3\0"),
    ):
        with pytest.raises(HarError, match="let the logger export CSV"):
            read(saved(tmp_path, name, content))
    with zipfile.ZipFile(tmp_path / "renamed.zip", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(HarError, match=r"in phyphox: Export Data, CSV"):
        read(tmp_path / "renamed.zip")


def test_thousands_of_empty_members_are_looked_at_once(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for number in range(4000):
            archive.writestr(f"{number}.csv", "")
    opened = []
    monkeypatch.setattr(
        finding, "ZipFile", lambda path: opened.append(path) or zipfile.ZipFile(path)
    )
    with pytest.raises(HarError, match="is empty"):
        read(tmp_path / "export.zip")
    assert len(opened) == 1


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path):
    rows = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE).splitlines()[1:]
    peaks = []
    for times in (100, 800):
        lines = (f"{number / 50:.2f}{rows[number % 200][8:]}\n" for number in range(200 * times))
        content = "time,ax,ay,az,wx,wy,wz\n" + "".join(lines)
        path = zipped(tmp_path, **{"a.csv": content})
        del content
        tracemalloc.start()
        count = sum(len(each.times) for each in find_one(path).blocks())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 200 * times
    assert peaks[1] < 1.5 * peaks[0] + (1 << 20)


def test_recordings_of_a_zip_are_told_apart(tmp_path):
    """By their folders, by the rest of their names, or as files of their own."""
    total = sensor_logger(ACCELERATION * STANDARD_GRAVITY)
    turning = sensor_logger(ANGULAR_RATE)
    members = {}
    for place in ("monday/", "tuesday/", "bus_", "train_"):
        members |= {f"{place}TotalAcceleration.csv": total, f"{place}Gyroscope.csv": turning}
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    members |= {"own.csv": content, "lonely_Accelerometer.csv": total, "notes.csv": "a,b\n1,2\n"}
    path = zipped(tmp_path, **members)
    found = find(path)
    names = [each.name.removeprefix(f"{path}/") for each in found]
    assert sorted(names) == [
        "bus", "lonely_Accelerometer.csv", "monday", "own.csv", "train", "tuesday"
    ]  # fmt: skip
    for each in found:
        if "lonely" in each.name:
            with pytest.raises(
                HarError, match="lonely_Accelerometer.csv: its acceleration is without"
            ):
                each.read()
        else:
            assert len(each.read().times) > 190


@pytest.mark.parametrize("gyroscope", [True, False])
def test_a_sensor_that_lacks_is_looked_for_among_the_other_columns(tmp_path, gyroscope):
    heading = "time,acc x (g),acc y (g),acc z (g),spin a,spin b,spin c"
    path = saved(tmp_path, "a.csv", text(heading, TIMES, ACCELERATION, ANGULAR_RATE))
    if not gyroscope:
        assert len(read(path, gyroscope=False).times) == 200
        return
    with pytest.raises(
        HarError, match="among the columns spin a, spin b, spin c, say --gyro X,Y,Z"
    ):
        read(path)
    assert_is_the_recording(read(path, Choices(angular_rate=("spin a", "spin b", "spin c"))))


def test_gravity_that_was_left_out_is_recognised(tmp_path):
    """Whether the person moves or lies still."""
    rng = np.random.default_rng(0)
    for movement in (LINEAR / STANDARD_GRAVITY, LINEAR, 0.02 * rng.standard_normal((200, 3))):
        content = text("time,ax,ay,az,wx,wy,wz", TIMES, movement, ANGULAR_RATE)
        with pytest.raises(HarError, match="gravity is left out of the acceleration"):
            read(saved(tmp_path, "a.csv", content))


def test_times_that_say_nothing(tmp_path):
    rows = text("ax,ay,az,wx,wy,wz", ACCELERATION, ANGULAR_RATE).splitlines()

    def of(times):
        lines = [f"time,{rows[0]}", *(f"{a},{b}" for a, b in zip(times, rows[1:], strict=True))]
        return saved(tmp_path, "a.csv", "\n".join(lines))

    for times, message in (
        (["1.70965E+12"] * 200, "all rows have the same time.*spreadsheet.*--rate HZ"),
        (["1.7E+12"] * 90 + ["1.8E+12"] * 110, "too few rows have a time of their own"),
        (map(str, range(200)), "go up by 1 a row.*--rate HZ"),
    ):
        path = of(times)
        with pytest.raises(HarError, match=message):
            read(path)
        assert_is_the_recording(read(path, Choices(rate=50)))


def test_commas_for_everything_cannot_be_read(tmp_path):
    content = text("time,ax,ay,az,wx,wy,wz", TIMES, ACCELERATION, ANGULAR_RATE)
    with pytest.raises(HarError, match="decimal commas and to divide cells too"):
        read(saved(tmp_path, "a.csv", content.replace(".", ",")))


def test_a_coarse_clock_is_understood_however_lines_come():
    times = np.repeat(np.arange(4), 50)
    content = text("time (s),ax,ay,az,wx,wy,wz", times, ACCELERATION, ANGULAR_RATE).encode()
    recording = find_in_stream(content[at : at + 100] for at in range(0, len(content), 100))
    ready = next(len(part.times) for part in recording.blocks())
    assert ready <= 150  # two whole seconds are enough
    _, parts = fed(content, [100] * (len(content) // 100))
    np.testing.assert_allclose(Samples.together(parts).times, TIMES, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ax,ay,az,wx,wy,wz\n" + "1,0,0,0,0,0\n" * 90, "has no column of times"),
        ("time,ax,ay,az,wx,wy,wz\n" + "1,1,0,0,0,0,0\n" * 90, "all rows have the same time"),
        ("time,ax,ay,az,wx,wy,wz\n" + "1,0,0,0,0,0,0\n" * 90, "has no samples of acceleration"),
        ("time,linear_x,linear_y,linear_z\n" + "1,0,0,0\n" * 9, "is without gravity"),
        ("time,ax,ay,az\n" + "1,0,0,0\n" * 9, "no angular rate in it"),
        ("a,b\n1,2\n", "no line heads columns"),
    ],
)
def test_an_error_names_a_file_once(tmp_path, content, says):
    path = tmp_path / "walk.csv"
    path.write_text(content)
    for name, reading in (
        (str(path), lambda: find_one(path).read()),
        ("standard input", lambda: list(find_in_stream(iter([content.encode()])).blocks())),
    ):
        with pytest.raises(HarError, match=says) as caught:
            reading()
        assert str(caught.value).startswith(f"{name}: ")
        assert str(caught.value).count("walk.csv") <= 1 and ": - " not in str(caught.value)


def test_an_error_of_a_file_in_a_zip_names_both(tmp_path):
    rows = "1,0,0\n" * 90
    path = zipped(
        tmp_path, **{"Accelerometer.csv": "x,y,z\n" + rows, "Gyroscope.csv": "x,y,z\n" + rows}
    )
    with pytest.raises(HarError, match=r"export.zip: Accelerometer.csv has no column of times"):
        read(path)
