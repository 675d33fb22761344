"""The landing layer: raw responses and files as received, complete fetches, and their reader."""
