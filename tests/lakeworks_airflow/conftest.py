"""Airflow gets a home of its own before anything imports it: tests leave nothing in the user's."""

import atexit
import os
import shutil
from tempfile import mkdtemp

HOME = mkdtemp(prefix="lakeworks-airflow-")
os.environ["AIRFLOW_HOME"] = HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite://"
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
