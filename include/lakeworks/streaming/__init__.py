"""Streams: put records, size a stream, land its records once, and count them in a live view."""
