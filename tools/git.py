"""What git says of the checkout here."""

import subprocess

from har.errors import HarError


def git(*arguments: str, default: str | None = None) -> str:
    """What a git command prints, without the end of its last line.

    Args:
        arguments: Of the command.
        default: What counts as printed where it fails; None for an error.

    Raises:
        HarError: It fails, and there is no default.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        if default is not None:
            return default
        raise HarError(f"`git {' '.join(arguments)}` failed: is this a git checkout?") from None
    return done.stdout.rstrip()
