"""A whole evaluation: pictures in, tables and a report out."""
