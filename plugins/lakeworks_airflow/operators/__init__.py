"""Operators, one module a concern. DAG files import them from `lakeworks_airflow`."""
