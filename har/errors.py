"""The one exception for what a user can cause and put right."""


class HarError(Exception):
    """A wrong setting, file or state; its text is one line: what, where, and what to do."""
