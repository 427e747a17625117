"""`har`, or `python -m har`: a trained model at work."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated

import typer

from har.commands.browser import browser
from har.commands.live import certificate, live
from har.commands.predict import predict
from har.commands.recordings import recordings
from har.commands.teach import profiles, teach
from har.errors import HarError, in_one_line

app = typer.Typer(
    help="Recognise activities from a phone's motion sensors, with a trained model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"har {version('har')}")
        raise typer.Exit


@app.callback()
def _several_commands(
    _: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Recognise activities from a phone's motion sensors, with a trained model."""


for command in (predict, teach, profiles, recordings, live, certificate, browser):
    app.command()(command)


def _extra_with(module: str) -> str | None:
    """Name of the extra that installs a module, or None if it belongs to none."""
    try:
        requirements = requires("har") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return None
    for requirement in requirements:
        found = re.match(r"([\w.-]+).*;\s*extra == ['\"](\w+)['\"]", requirement)
        if found and found[1] == module:
            return found[2]
    return None


def main() -> None:
    """Run the command that the command line names."""
    with in_one_line():
        try:
            app()
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            extra = _extra_with(module)
            if extra is None:
                raise
            raise HarError(
                f"{module} is not installed; pip install 'har[{extra}]' brings it"
            ) from error


if __name__ == "__main__":
    main()
