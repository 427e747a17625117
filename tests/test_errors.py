import logging

import pytest

from har.errors import HarError, in_one_line


def test_what_the_library_logs_is_shown_plainly_by_a_program(capsys):
    logger = logging.getLogger("har.data.archive")
    with in_one_line():
        logger.debug("not shown")
        logger.info("fold %d of %d", 1, 4)
        logger.warning("MLflow is away")
        logging.getLogger("other").info("not shown either")
    told = capsys.readouterr()
    assert told.err == "fold 1 of 4\nwarning: MLflow is away\n"
    assert told.out == ""


def test_the_library_alone_configures_no_logging(capsys):
    with pytest.raises(SystemExit, match=r"^error: one line$"), in_one_line():
        raise HarError("one line")
    logger = logging.getLogger("har")
    assert (logger.handlers, logger.level, logger.propagate) == ([], logging.NOTSET, True)
    assert capsys.readouterr().err == ""
