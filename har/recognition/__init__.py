"""From a phone's samples, as they come, to activities."""
