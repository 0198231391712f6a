"""An erased person is gone from every file, dump, export and log, and thousands at a time."""
