"""Objects in the bucket that belong to no table: list, download, upload, delete and tag them by key."""
