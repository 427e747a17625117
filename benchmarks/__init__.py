"""Measurements of the project's speed and memory."""
