"""Examination of a deployment before its first run: credentials, bucket, catalog, Athena, sources, machine, Airflow."""
