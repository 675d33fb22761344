"""The local stack: PostgreSQL, an AWS endpoint, the replay server and Airflow as processes with one owner."""
