"""The commands of `python -m har`, one module each."""
