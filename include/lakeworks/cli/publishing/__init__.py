"""Commands of the panel "Publish and repair": publications, quarantine, catalog and files."""
