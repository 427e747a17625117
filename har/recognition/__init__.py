"""From a phone's samples, as they come or from a file, to activities."""
