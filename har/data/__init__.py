"""From files, of a data set or a phone, to windows: archives, readers, windows, splits."""
