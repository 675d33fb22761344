"""The landing layer: raw answers and files as received, complete fetches, and their reader."""
