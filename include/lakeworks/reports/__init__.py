"""Reports: documentation pages from contracts."""
