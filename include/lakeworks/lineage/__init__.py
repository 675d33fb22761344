"""OpenLineage events of publications."""
