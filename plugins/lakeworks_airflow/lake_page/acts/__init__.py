"""Acts: a plan first, then a signed form, then runs that Airflow starts for the person who asked."""
