"""From a data set's files to windows: archives, readers, windows, splits."""
