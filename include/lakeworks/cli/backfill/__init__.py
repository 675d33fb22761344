"""Commands of the panel "Backfill": plan a date range, start it, watch it, pause it."""
