"""The commands of `har`, one module each."""
