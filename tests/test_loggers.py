"""Ways in which loggers, boards and locales write one recording: each gives the same samples."""

import gzip
import json
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from har.data.phone_files import Choices, find_one
from har.errors import HarError
from har.signals.sensors import STANDARD_GRAVITY

COUNT, RATE = 600, 50
TIMES = np.arange(COUNT) / RATE
# Slow enough to be the same for another clock, and too quick to be mistaken for lying.
ACCELERATION = np.array([0.95, 0.15, -0.3]) + 0.2 * np.sin(4 * TIMES[:, None] + [1, 2, 3])
ANGULAR_RATE = np.cos(5 * TIMES[:, None] + [1, 2, 3])
IN_MS2, IN_DEGREES = ACCELERATION * STANDARD_GRAVITY, ANGULAR_RATE * 180 / np.pi
BOTH = np.column_stack([ACCELERATION, ANGULAR_RATE])
START = datetime(2024, 3, 5, 14, 23, 11, 120_000, UTC)
EPOCH = START.timestamp()

CASES = {}


def case(name, **expected):
    """Register a writer; `says` is what the notes have to say, `choices` what the user says."""

    def register(writer):
        CASES[name] = writer, expected
        return writer

    return register


def rows(heading, times, *columns, form="{:.6f}", separator=","):
    """A table; times are texts or numbers."""
    lines = [heading]
    for time, values in zip(times, np.column_stack(columns), strict=True):
        cells = [time if isinstance(time, str) else f"{time:.6f}", *map(form.format, values)]
        lines.append(separator.join(cells))
    return "\n".join(lines) + "\n"


def clock(form, start=START):
    """Times as dates; `{ms}` is the milliseconds, `{raw}` those without zeros before."""
    made = []
    for time in TIMES:
        at = start + timedelta(seconds=round(float(time), 6))
        ms = at.microsecond // 1000
        made.append(at.strftime(form).replace("{ms}", f"{ms:03d}").replace("{raw}", str(ms)))
    return made


def put(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(folder, **files):
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


PLAIN = "time,ax,ay,az,wx,wy,wz"


@case("01 SensorLog", says="from an iPhone, as SensorLog says")
def _(folder):
    heading = (
        "loggingTime(txt),loggingSample(N),accelerometerTimestamp_sinceReboot(s),"
        + ",".join(f"accelerometerAcceleration{axis}(G)" for axis in "XYZ")
        + ",gyroTimestamp_sinceReboot(s),"
        + ",".join(f"gyroRotation{axis}(rad/s)" for axis in "XYZ")
    )
    up = 62608 + TIMES
    columns = np.arange(COUNT), up, -ACCELERATION, up, ANGULAR_RATE
    return put(folder, **{"log.csv": rows(heading, clock("%F %T.{ms} +0200"), *columns)})


@case("01 SensorLog, logging time only", says="from an iPhone")
def _(folder):
    heading = (
        "loggingTime(txt),loggingSample(N),"
        + ",".join(f"accelerometerAcceleration{axis}(G)" for axis in "XYZ")
        + ","
        + ",".join(f"motionRotationRate{axis}(rad/s)" for axis in "XYZ")
    )
    times = clock("%F %T.{ms} +0200")
    return put(
        folder, **{"a.csv": rows(heading, times, np.arange(COUNT), -ACCELERATION, ANGULAR_RATE)}
    )


CORE_MOTION = ",".join(
    f"{group}.{axis}"
    for group in ("attitude", "gravity", "rotationRate", "userAcceleration")
    for axis in (("roll", "pitch", "yaw") if group == "attitude" else "xyz")
)
MOTION = (
    np.zeros((COUNT, 3)),
    -np.tile([0.9, 0.1, -0.3], (COUNT, 1)),
    ANGULAR_RATE,
    -ACCELERATION + [0.9, 0.1, -0.3],
)


@case("02 Core Motion's names, two columns of times", says="from an iPhone, as Core Motion says")
def _(folder):
    heading = f"timestamp,timeIntervalSince1970,{CORE_MOTION}"
    times = [f'"{each}"' for each in clock("%F %T.{ms}")]
    return put(folder, **{"dm.csv": rows(heading, times, EPOCH + TIMES, *MOTION)})


@case("03 MotionSense without times", says="from an iPhone", choices=Choices(rate=50))
def _(folder):
    return put(folder, **{"sub_1.csv": rows(f",{CORE_MOTION}", map(str, range(COUNT)), *MOTION)})


@case("03 gX in degrees, without times", choices=Choices(rate=50))
def _(folder):
    lines = rows(",aX,aY,aZ,gX,gY,gZ", [""] * COUNT, ACCELERATION, IN_DEGREES).splitlines()
    return put(folder, **{"a.csv": "\n".join(line[1:] for line in lines)})


@case("04 AndroSensor, cp1252, Yaw Pitch Roll")
def _(folder):
    heading = (
        "GPS LATITUDE (degrees), TIME SINCE START (ms), DATE (YYYY-MO-DD HH-MI-SS_SSS), "
        "ACCELEROMETER X (m/s²) , ACCELEROMETER Y (m/s²), ACCELEROMETER Z (m/s²), "
        "GYROSCOPE Yaw (rad/s), GYROSCOPE Pitch (rad/s), GYROSCOPE Roll (rad/s)"
    )
    dates = clock("%F %T:{ms}")
    times = [f"0,{5 + 1000 * t:.0f},{each}" for t, each in zip(TIMES, dates, strict=True)]
    return put(folder, **{"S-1.csv": rows(heading, times, IN_MS2, ANGULAR_RATE).encode("cp1252")})


@case("05 date with :ms")
def _(folder):
    return put(folder, **{"a.csv": rows(PLAIN, clock("%F %T:{ms}"), BOTH)})


@case("08 whole seconds as dates", says="spread evenly, 50 a second", within=0.02)
def _(folder):
    return put(folder, **{"a.csv": rows(PLAIN, clock("%F %T"), BOTH)})


@case("08 whole seconds since 1970", says="spread evenly, 50 a second", within=0.02)
def _(folder):
    times = [f"{EPOCH + time:.0f}" for time in TIMES - 0.5]
    return put(folder, **{"a.csv": rows(PLAIN, times, BOTH)})


@case("09 mg and mdps")
def _(folder):
    heading = (
        "Time [mS], AccX [mg], AccY [mg], AccZ [mg], GyroX [mdps], GyroY [mdps], GyroZ [mdps],"
        "MagX [mgauss],MagY [mgauss],MagZ [mgauss]"
    )
    columns = ACCELERATION * 1000, IN_DEGREES * 1000, np.zeros((COUNT, 3))
    return put(folder, **{"Sens001.csv": rows(heading, 1000 * TIMES, *columns)})


@case("10 the unit at the first axis")
def _(folder):
    heading = "Sys_Time(ms), ACC_X (g), ACC_Y, ACC_Z, GYRO_X (dps), GYRO_Y, GYRO_Z"
    # So little that nothing but the heading tells that these are degrees.
    return put(folder, **{"a.csv": rows(heading, 1000 * TIMES, ACCELERATION, IN_DEGREES)})


def events():
    """Rows of single sensors, those of the gyroscope 4 ms later, in the order of their times."""
    acc = [(time, "accelerometer", each) for time, each in zip(TIMES, IN_MS2, strict=True)]
    gyro = [(t + 0.004, "gyroscope", each) for t, each in zip(TIMES, ANGULAR_RATE, strict=True)]
    return sorted(acc + gyro, key=lambda each: each[0])


@case("11 a row for each event", within=0.004, first=1)
def _(folder):
    lines = ["time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z"]
    for time, sensor, (x, y, z) in events():
        three = f"{x:.6f},{y:.6f},{z:.6f}"
        cells = f"{three},,," if sensor == "accelerometer" else f",,,{three}"
        lines.append(f"{time:.4f},{cells}")
    return put(folder, **{"a.csv": "\n".join(lines)})


def named(sensors, heading="sensor,time,x,y,z", order=None):
    lines = [heading]
    for time, sensor, (x, y, z) in order or events():
        lines.append(f"{sensors[sensor]},{time:.4f},{x:.6f},{y:.6f},{z:.6f}")
    return "\n".join(lines)


ITSELF = {"accelerometer": "accelerometer", "gyroscope": "gyroscope"}


@case("12 a column names the sensor", within=0.004, first=1)
def _(folder):
    return put(folder, **{"recording.csv": named(ITSELF)})


@case("12 a column names the sensor, and the file's name one of them", within=0.004, first=1)
def _(folder):
    return put(folder, **{"recording_accelerometer.csv": named(ITSELF)})


@case("12 a column gives Android's number of the sensor", within=0.004, first=1)
def _(folder):
    numbers = {"accelerometer": "1", "gyroscope": "4"}
    return put(folder, **{"a.csv": named(numbers, "type,timestamp,value_0,value_1,value_2")})


@case("12 a column names the sensor, one after the other", within=0.004, first=1)
def _(folder):
    names = {"accelerometer": "ACC", "gyroscope": "GYRO"}
    order = sorted(events(), key=lambda each: each[1])
    return put(folder, **{"a.csv": named(names, "sensor,time,x,y,z", order)})


def sensor_logger(values):
    times = [f"{round((EPOCH + time) * 1e9)},{time:.6f}" for time in TIMES]
    return rows("time,seconds_elapsed,z,y,x", times, values[:, ::-1], form="{:.7f}")


def metadata(name):
    return (
        "version,device name,recording epoch time,platform,standardisation,platform version\n"
        f"3,{name},0,ios,false,17.4\n"
    )


@pytest.mark.parametrize("name", ["iPhone", '"iPhone14,5"', '"Anna, iPhone"', "iPhone14,5"])
def test_14_a_comma_in_the_devices_name(tmp_path, name):
    path = zipped(
        tmp_path,
        **{
            "Accelerometer.csv": sensor_logger(MOTION[3] * STANDARD_GRAVITY),
            "Gravity.csv": sensor_logger(MOTION[1] * STANDARD_GRAVITY),
            "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
            "Metadata.csv": metadata(name),
        },
    )
    assert "from an iPhone, as Sensor Logger says" in check(path)


@case("14 Sensor Logger, uncalibrated", says="from an iPhone, as Sensor Logger says")
def _(folder):
    return zipped(
        folder,
        **{
            "AccelerometerUncalibrated.csv": sensor_logger(-ACCELERATION),
            "Gyroscope.csv": sensor_logger(ANGULAR_RATE),
            "metadata.csv": metadata("iPhone"),
        },
    )


@case("Sensor Logger's JSON", says="from an iPhone, as Sensor Logger says")
def _(folder):
    found = [{"sensor": "Metadata", "platform": "ios", "standardisation": "false"}]
    for sensor, values in (
        ("Accelerometer", MOTION[3] * STANDARD_GRAVITY),
        ("Gravity", MOTION[1] * STANDARD_GRAVITY),
        ("Gyroscope", ANGULAR_RATE),
        ("WatchGyroscope", 9 * ANGULAR_RATE),
    ):
        for time, (x, y, z) in zip(TIMES, values, strict=True):
            found.append(
                {
                    "sensor": sensor,
                    "time": str(round((EPOCH + time) * 1e9)),
                    "seconds_elapsed": f"{time:.6f}",
                    "z": f"{z:.7f}",
                    "y": f"{y:.7f}",
                    "x": f"{x:.7f}",
                }
            )
    return put(folder, **{"walk.json": json.dumps(found)})


@case("16 rows that end in the separator")
def _(folder):
    return put(
        folder, **{"a.csv": rows(PLAIN, TIMES, BOTH).replace("\n", ",\n").replace(",", "", 0)}
    )


@case("16 rows that end in another separator")
def _(folder):
    heading, rest = rows(PLAIN, TIMES, BOTH).split("\n", 1)
    return put(folder, **{"a.csv": heading + "\n" + rest.replace("\n", ";\n")})


@case("18 decimal commas, first row whole numbers", first=1)
def _(folder):
    content = rows(PLAIN, TIMES, BOTH).replace(",", ";").replace(".", ",").split("\n")
    content[1] = "0;0;0;0;0;0;0"
    return put(folder, **{"a.csv": "\n".join(content)})


@case("21 MATLAB Mobile")
def _(folder):
    times = clock("%d-%b-%Y %T.{ms}")
    return put(
        folder,
        **{
            "AngularVelocity.csv": rows("Timestamp,X,Y,Z", times, ANGULAR_RATE),
            "Acceleration.csv": rows("Timestamp,X,Y,Z", times, IN_MS2),
        },
    )


@case("22 x-axis[m/s^2]")
def _(folder):
    def of(unit, values):
        axes = "; ".join(f"{axis}-axis[{unit}]" for axis in "xyz")
        return "#walk\n" + rows(f"time[ms]; {axes}", 1000 * TIMES, values, separator=";")

    return put(
        folder,
        **{"walk_gyro.csv": of("rad/s", ANGULAR_RATE), "walk_acc.csv": of("m/s^2", IN_MS2)},
    )


@pytest.mark.parametrize(
    ("acc", "gyro", "heading"),
    [
        ("acc_walking_waist.csv", "Gyroscope_walking_waist.csv", "attr_time,attr_x,attr_y,attr_z"),
        ("acc.csv", "gyro.csv", "timestamp,x,y,z"),
        ("accelerate_17_walk.txt", "gyro_17_walk.txt", "timestamp,x,y,z"),
        ("accelerometer/walk.csv", "gyroscope/walk.csv", "timestamp,x,y,z"),
        ("acc_20240305_142311.csv", "gyro_20240305_142312.csv", "timestamp,x,y,z"),
        ("Accelerometer (1).csv", "Gyroscope (1).csv", "time (ms),X (m/s^2),Y,Z"),
    ],
)
def test_25_the_sensor_in_the_files_name(tmp_path, acc, gyro, heading):
    times = [f"{round(1000 * (EPOCH + time))}" for time in TIMES]
    gyro_heading = heading.replace("(m/s^2)", "(rad/s)")
    put(tmp_path, **{acc: rows(heading, times, IN_MS2)})
    put(tmp_path, **{gyro: rows(gyro_heading, times, ANGULAR_RATE)})
    check(tmp_path)
    if "/" not in acc:
        check(tmp_path / acc)
        check(tmp_path / gyro)


# Kinds beyond those.


@pytest.mark.parametrize(
    "form",
    [
        "%m/%d/%Y %I:%M:%S.{ms} %p",
        "%d/%m/%Y %T.{ms}",
        "%d.%m.%Y %T.{ms}",
        "%FT%T.{ms}+02:00[Europe/Berlin]",
        "%FT%T.{ms}Z",
        "%FT%T.{ms} GMT+0100 (CET)",
        "%a %b %d %T.{ms} EET %Y",
        "%Y%m%d%H%M%S{ms}",
        "%Y%m%d_%H%M%S{ms}",
        "%Y-%m-%d-%H-%M-%S-{ms}",
        "%Y/%m/%d %T.{raw}",
        "%I:%M:%S.{ms} p. m.",
        "%d-mars-%Y %T.{ms}",
        "%F_%H-%M-%S.{ms}",
    ],
)
@pytest.mark.parametrize("start", [START, datetime(2024, 3, 4, 23, 59, 55, 120_000, UTC)])
def test_dates(tmp_path, form, start):
    """Also over midnight, where day and month matter."""
    if "%p" not in form and "%I" in form and start is not START:
        pytest.skip("noon and midnight are not told apart")
    times = clock(form, start=start)
    check(put(tmp_path, **{"a.csv": rows(PLAIN, times, BOTH)}))


@case("time of day with AM and PM, past noon")
def _(folder):
    start = datetime(2024, 3, 5, 11, 59, 55, 120_000, UTC)
    return put(folder, **{"a.csv": rows(PLAIN, clock("%I:%M:%S.{ms} %p", start=start), BOTH)})


@case("gzip")
def _(folder):
    return put(folder, **{"a.csv.gz": gzip.compress(rows(PLAIN, TIMES, BOTH).encode())})


@case("UTF-16 without a mark")
def _(folder):
    return put(folder, **{"a.csv": rows(PLAIN, TIMES, BOTH).encode("utf-16-le")})


@case("blanks between cells")
def _(folder):
    content = rows(PLAIN, TIMES, BOTH).replace(",", "   ")
    return put(folder, **{"a.txt": content.replace("\n", " \n  ")})


@case("numpy's comment before the headings")
def _(folder):
    return put(folder, **{"a.csv": "# " + rows(PLAIN, TIMES, BOTH)})


@case("units in a row of their own")
def _(folder):
    heading = f"{PLAIN}\ns,m/s²,m/s²,m/s²,°/s,°/s,°/s"
    return put(folder, **{"a.csv": rows(heading, TIMES, IN_MS2, IN_DEGREES)})


@case("R's names of rows, which have no heading")
def _(folder):
    times = [f'"{n + 1}",{time:.6f}' for n, time in enumerate(TIMES)]
    return put(folder, **{"a.csv": rows(PLAIN, times, BOTH)})


@case("a German phyphox")
def _(folder):
    def of(what, unit, values):
        axes = ";".join(f'"{what} {axis} ({unit})"' for axis in "xyz")
        content = rows(f'"Zeit (s)";{axes}', TIMES, values, separator=";", form="{:.9E}")
        return content.replace(".", ",")

    return zipped(
        folder,
        **{
            "Beschleunigungssensor.csv": of("Beschleunigung", "m/s^2", IN_MS2),
            "Gyroskop.csv": of("Gyroskop", "rad/s", ANGULAR_RATE),
            "meta__time.csv": '"event","experiment time"\n',
        },
    )


@case("Spanish headings")
def _(folder):
    axes = [f"Aceleración {a} (m/s²)" for a in "xyz"] + [f"Giroscopio {a} (rad/s)" for a in "xyz"]
    return put(
        folder, **{"a.csv": rows(f"Tiempo (s),{','.join(axes)}", TIMES, IN_MS2, ANGULAR_RATE)}
    )


@case("thousands divided by commas")
def _(folder):
    times = [f'"{round(1000 * (EPOCH + time)):,}"' for time in TIMES]
    return put(folder, **{"a.csv": rows(PLAIN, times, BOTH)})


@case("thousands divided by points, decimal commas")
def _(folder):
    content = rows(PLAIN, TIMES, IN_MS2 * 1000 / STANDARD_GRAVITY, ANGULAR_RATE)
    heading = "time;acc x (mg);acc y (mg);acc z (mg);wx;wy;wz"
    times = [f"{round(1000 * (EPOCH + time)):,}".replace(",", ".") for time in TIMES]
    content = rows(heading, times, 1000 * ACCELERATION, ANGULAR_RATE, separator=";")
    lines = [line.split(";", 1) for line in content.splitlines()[1:]]
    return put(
        folder,
        **{"a.csv": "\n".join([heading, *(f"{a};{b.replace('.', ',')}" for a, b in lines)])},
    )


@case("notes between quotation marks, of several lines")
def _(folder):
    lines = rows(f"note,{PLAIN}", [f",{time:.6f}" for time in TIMES], BOTH).splitlines()
    lines[9] = '"turned left, then ""stopped"""' + lines[9]
    lines.insert(99, '"fell')
    lines[100] = 'over"' + lines[100]
    return put(folder, **{"a.csv": "\n".join(lines)})


@case("a phone that stamps in bursts", says="spread evenly", within=0.04)
def _(folder):
    burst = np.arange(COUNT) // 5
    times = EPOCH + burst * 0.1 + (np.arange(COUNT) % 5) * 1e-4
    return put(folder, **{"a.csv": rows("time (s)" + PLAIN[4:], times, BOTH)})


@case("every row twice", says="not later than the row before")
def _(folder):
    heading, *lines = rows(PLAIN, TIMES, BOTH).splitlines()
    return put(folder, **{"a.csv": "\n".join([heading, *np.repeat(lines, 2)])})


@case("alpha, beta and gamma of a browser")
def _(folder):
    heading = (
        "timestamp,"
        + ",".join(f"accelerationIncludingGravity.{axis}" for axis in "xyz")
        + ",rotationRate.alpha,rotationRate.beta,rotationRate.gamma"
    )
    return put(folder, **{"a.csv": rows(heading, 1000 * TIMES, IN_MS2, IN_DEGREES)})


@case("values named 1, 2, 3")
def _(folder):
    heading = "t;" + ";".join([f"acc_{n}" for n in "123"] + [f"gyro_{n}" for n in "123"])
    return put(folder, **{"a.csv": rows(heading, TIMES, BOTH, separator=";")})


@case("JSON, an object a line")
def _(folder):
    names = PLAIN.split(",")
    cells = np.column_stack([TIMES, BOTH]).tolist()
    lines = [json.dumps(dict(zip(names, each, strict=True))) for each in cells]
    return put(folder, **{"a.json": "\n".join(lines)})


@case("a clock set back by an hour", says="jumps back of the clock: 1", jump=True)
def _(folder):
    times = EPOCH + TIMES
    times[300:] -= 3600
    return put(folder, **{"a.csv": rows("timestamp" + PLAIN[4:], times, BOTH)})


@case("one time that is nonsense", says="far from that of their neighbours", lacks=[200])
def _(folder):
    times = EPOCH + TIMES
    times[200] = 0
    return put(folder, **{"a.csv": rows("timestamp" + PLAIN[4:], times, BOTH)})


@case("integers beyond 64 bits beside it")
def _(folder):
    times = [f"{10**30 + n},{time:.6f}" for n, time in enumerate(TIMES)]
    return put(folder, **{"a.csv": rows(f"id,{PLAIN}", times, BOTH)})


@case("a spreadsheet's first line, sep=;")
def _(folder):
    content = "sep=;\n" + rows(PLAIN.replace(",", ";"), TIMES, BOTH, separator=";")
    return put(folder, **{"a.csv": content})


@case("MetaWear")
def _(folder):
    for sensor, unit, values in (
        ("Accelerometer", "g", ACCELERATION),
        ("Gyroscope", "deg/s", IN_DEGREES),
    ):
        heading = "epoc (ms),timestamp (+0100),elapsed (s)," + ",".join(
            f"{axis}-axis ({unit})" for axis in "xyz"
        )
        times = [
            f"{round(1000 * (EPOCH + time))},{date},{time:.3f}"
            for time, date in zip(TIMES, clock("%FT%T.{ms}"), strict=True)
        ]
        name = f"MetaWear_2024-03-05T14.23.11.120_C2_{sensor}_50.000Hz_1.5.0.csv"
        put(folder, **{name: rows(heading, times, values)})
    return folder


@case("Xsens DOT")
def _(folder):
    heading = "PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"
    times = [f"{number},{round(1e6 * time)}" for number, time in enumerate(TIMES)]
    content = "DeviceTag: 1\nFirmware: 2\n\n" + rows(heading, times, IN_MS2, IN_DEGREES)
    return put(folder, **{"a.csv": content})


@case("ActiGraph")
def _(folder):
    heading = "Timestamp," + ",".join(
        f"{sensor} {axis}" for sensor in ("Accelerometer", "Gyroscope") for axis in "XYZ"
    )
    content = rows(heading, clock("%-m/%-d/%Y %T.{ms}"), ACCELERATION, IN_DEGREES)
    return put(folder, **{"a.csv": "---- Data File Created By ActiGraph ----\n\n" + content})


@case("HHAR, two columns of times since 1970")
def _(folder):
    heading = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model"
    times = [
        f"{number},{round(1000 * (EPOCH + time))},{round(1e9 * (EPOCH + time))}"
        for number, time in enumerate(TIMES)
    ]
    for sensor, values in (("accelerometer", IN_MS2), ("gyroscope", ANGULAR_RATE)):
        content = rows(heading, times, values).replace("\n", ",a,nexus4\n")
        put(folder, **{f"Phones_{sensor}.csv": content})
    return folder


@case("two devices", says="acceleration taken from acc1; left out: acc2")
def _(folder):
    names = [f"{sensor}{n}_{axis}" for n in "12" for sensor in ("acc", "gyro") for axis in "xyz"]
    return put(folder, **{"a.csv": rows(",".join(["time", *names]), TIMES, BOTH, -BOTH)})


@case("a spreadsheet's mark of text, and its mm:ss.0", says="spread evenly", within=0.1)
def _(folder):
    times = [f"'{(11.12 + t) // 60:02.0f}:{(11.12 + t) % 60:04.1f}" for t in TIMES]
    lines = rows(PLAIN, times, BOTH).replace(",", ",'")
    return put(folder, **{"a.csv": lines})


def test_rows_in_the_opposite_order_are_told(tmp_path):
    heading, *lines = rows(PLAIN, TIMES, BOTH).splitlines()
    path = put(tmp_path, **{"a.csv": "\n".join([heading, *lines[::-1]])})
    with pytest.raises(HarError, match="its times run backwards: sort its rows by time"):
        find_one(path).read()


def check(path, choices=None, within=1e-5, first=0, says="", jump=False, lacks=()):
    """The samples of a file are the recording's; returns its notes."""
    recording = find_one(path, choices)
    samples = recording.read()
    kept = np.delete(np.arange(first, COUNT), lacks)
    if within > 1e-4 or jump:  # the clock says no more
        assert abs(len(samples.times) - len(kept)) <= (52 if jump else 1)
    else:
        np.testing.assert_allclose(
            samples.times - samples.times[0], TIMES[kept] - TIMES[kept][0], atol=2e-4
        )
    if jump:
        np.testing.assert_allclose(samples.acceleration[:300], ACCELERATION[:300], atol=1e-5)
        np.testing.assert_allclose(samples.acceleration[-200:], ACCELERATION[-200:], atol=1e-5)
        assert np.diff(samples.times).max() == pytest.approx(1.0, abs=0.01)
    else:
        at = kept[: len(samples.times)]
        np.testing.assert_allclose(samples.acceleration, ACCELERATION[at], atol=1e-5 + within)
        np.testing.assert_allclose(samples.angular_rate, ANGULAR_RATE[at], atol=1e-5 + 5.1 * within)
    notes = " / ".join(recording.notes)
    assert says in notes
    return notes


@pytest.mark.parametrize("name", CASES)
def test_the_samples_are_those_of_the_recording(tmp_path, name):
    writer, expected = CASES[name]
    check(writer(tmp_path), **expected)
