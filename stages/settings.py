"""Check all of params.yaml before anything is made anew.

DVC removes a stage's results before it runs it. This stage comes before all others, so that a wrong
setting ends here and the results stay. What it writes never changes: the others run for settings of
their own only.
"""

from har.files import replacing_file
from har.params import Params
from stages.common import SETTINGS, run


def main(_: Params) -> None:
    with replacing_file(SETTINGS) as partial:  # the settings were read, and are right
        partial.write_text("params.yaml has been checked\n")


if __name__ == "__main__":
    run(main)
