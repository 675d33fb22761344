"""Objects of the bucket that are no table: listed, fetched, put, deleted and tagged by their keys."""
