"""The steps of a run: fetch, write, audit, publish. Each is a function of a lake, a table and a period; none knows Airflow."""
