"""Backfill a date range: plan it, start Airflow's runs, watch and pause them."""
