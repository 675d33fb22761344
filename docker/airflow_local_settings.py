"""Every Airflow component imports this: the forking ones load the heavy libraries once."""

from lakeworks_airflow.warm_imports import preload

preload()
