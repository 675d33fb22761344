"""Registers with Airflow what it otherwise would not accept: lakeworks' task buttons and its timetable."""

from airflow.plugins_manager import AirflowPlugin

from lakeworks_airflow.links import AuditReportLink, DataLink
from lakeworks_airflow.timetables import DailyPartitions


class LakeworksPlugin(AirflowPlugin):
    """Extra links of the lakeworks operators, the timetable of daily tables."""

    name = "lakeworks"
    operator_extra_links = [DataLink(), AuditReportLink()]  # noqa: RUF012 - Airflow's interface
    timetables = [DailyPartitions]  # noqa: RUF012
