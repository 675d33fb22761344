"""Settings of an Airflow deployment: pods of tasks, metrics."""
