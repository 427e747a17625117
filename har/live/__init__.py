"""Recognition as it happens, on a page: a server for this machine and the phones around it."""
