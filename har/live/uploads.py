"""A phone logger's file that the page sends, read as a recording."""

import json
import re
import tempfile
from pathlib import Path, PurePath
from zipfile import BadZipFile, ZipFile

from har.data import phone_files
from har.data.phone_files import own
from har.errors import HarError

MAX_BYTES = 64 << 20
"""What a file may have, as it is sent."""

MAX_UNPACKED = 256 << 20
"""What a zip may hold: hours at 100 samples a second."""

SUFFIXES = (*phone_files.SUFFIXES, ".zip")


def converted(content: bytes, name: str, gyroscope: bool = True) -> bytes:
    """A file's recording in the project's own form, but along the phone's own axes.

    Args:
        content: What is in the file.
        name: What it is called.
        gyroscope: Whether angular rate is needed; if not, it is left out.

    Returns:
        JSON in UTF-8: `recording`, the text of the CSV; `notes`, what was decided about it, in
        words. It is made block by block, so that no second copy of it is held.

    Raises:
        HarError: It is not a recording, or too large.
    """
    plain = PurePath(name).name
    if not plain.lower().endswith(SUFFIXES):
        raise HarError(f"the name should end in {', '.join(SUFFIXES)}")
    # The name may say which sensor it is; what is no letter or digit is not needed for that.
    plain = re.sub(r"[^\w.-]", "_", plain)[-100:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / plain
        path.write_bytes(content)
        if path.suffix.lower() == ".zip":
            _refuse_large(path)
        try:
            recording = phone_files.find_one(path, gyroscope=gyroscope)
            made = bytearray(b'{"recording": "')
            made += _in_json(",".join(own.columns(gyroscope)) + "\n")
            for block in recording.blocks():
                rows = own.table(
                    block.times, block.acceleration, block.angular_rate, block.activity
                )
                made += _in_json(rows.to_csv(index=False, header=False))
        except HarError as error:
            text = str(error).replace(str(path), "the file").replace(folder, "")
            if re.search(r"--[a-z]", text):  # advice for the command line, which the page lacks
                text += "; `har predict` takes these options"
            raise HarError(text) from None
        made += b'", "notes": ' + json.dumps(recording.notes).encode() + b"}"
        return bytes(made)


def _in_json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


def _refuse_large(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BadZipFile:
        raise HarError("the file is not a zip") from None
    if unpacked > MAX_UNPACKED:
        raise HarError(f"the zip holds {unpacked / 1e6:,.0f} MB; `har predict` takes it")
