"""Sources that need no vendor: files that others deliver, tables kept by hand, figures of the lake itself."""
