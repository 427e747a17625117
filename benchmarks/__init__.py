"""Measurements of the project's speed, and the tables of results in its READMEs."""
