"""Static site of a lake: contracts, lineage, statistics, publications and audits, for any web server or none."""
