"""`python -m har`: a trained model at work."""

import typer

from har.commands.browser import browser
from har.commands.live import certificate, live
from har.commands.predict import predict
from har.commands.recordings import recordings
from har.errors import in_one_line

app = typer.Typer(
    help="Put a trained model to work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _several_commands() -> None:
    """Put a trained model to work."""


for command in (predict, recordings, live, certificate, browser):
    app.command()(command)


def main() -> None:
    """Run the command that the command line names."""
    with in_one_line():
        app(prog_name="python -m har")


if __name__ == "__main__":
    main()
