"""How far a scan of many objects reads ahead: enough to hide latency, never so far that memory grows with the objects."""

from typing import Any, Self

import pyarrow.dataset as ds

# Rows decoded ahead of the reader. Arrow's own default is 16 batches of each of 4 objects: 8 million rows.
_ROWS_AHEAD = 1_000_000
_BATCH_ROWS = 131_072  # Arrow's default
_MOST_OBJECTS = 16


class BoundedDataset(ds.FileSystemDataset):  # type: ignore[misc]
    """Arrow's dataset with bounded read-ahead; DuckDB scans it through `scanner` as well."""

    objects_ahead = 1

    def holding(self, largest: int) -> Self:
        """Tell the rows of the largest object: many small ones are fetched at once, large ones one after the other."""
        self.objects_ahead = max(1, min(_MOST_OBJECTS, _ROWS_AHEAD // max(largest, 1)))
        return self

    def scanner(self, **options: Any) -> ds.Scanner:
        """A scan of the dataset; `options` as in Arrow, which win over the bounds."""
        bounds = {"batch_readahead": _ROWS_AHEAD // _BATCH_ROWS // 2, "fragment_readahead": self.objects_ahead}
        return super().scanner(**{**bounds, **options})
