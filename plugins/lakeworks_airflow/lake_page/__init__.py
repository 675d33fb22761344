"""The lake page: what is published, late, missing or quarantined, in Airflow's own web interface."""
