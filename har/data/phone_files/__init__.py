"""A person's own recording: read from what phone loggers write, or written in the project's form.

`find` gives the recordings of a file, folder or zip, each to be read a block of samples at a time,
so that their length takes no memory; `read` gives all of one. There is a module for each logger,
which says what its headings mean; `text`, `clocks` and `joining` know no logger.
"""

from har.data.phone_files.finding import SUFFIXES, find, find_in_stream, find_one, read
from har.data.phone_files.own import COLUMNS, columns, write
from har.data.phone_files.recording import Recording, Samples
from har.data.phone_files.table import Choices

__all__ = [
    "COLUMNS",
    "SUFFIXES",
    "Choices",
    "Recording",
    "Samples",
    "columns",
    "find",
    "find_in_stream",
    "find_one",
    "read",
    "write",
]
