"""Backfills: what a stretch of time lacks, what it costs to bring it, and Airflow's runs that do."""
