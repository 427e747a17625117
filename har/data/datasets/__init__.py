"""The data sets, by name: each module makes its files and reads them as recordings."""

from har.data.datasets import simulated, uci_har

DATASETS = {"uci_har": uci_har, "simulated": simulated}
"""Every data set that `dataset.name` may name."""
