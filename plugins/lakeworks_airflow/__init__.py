"""Airflow operators and task groups over the lakeworks library."""
