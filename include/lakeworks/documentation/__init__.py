"""Pages and exchange formats rendered from contracts."""
