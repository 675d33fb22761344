"""This repository's own lake: its tables, hand-kept rows and group functions. The library finds it through `lake.yml`."""
