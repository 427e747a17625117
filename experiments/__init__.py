"""Experiments: cross-validation and final scores, apart from the pipeline."""
