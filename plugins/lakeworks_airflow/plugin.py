"""Registers with Airflow what it otherwise would not accept: lakeworks' task buttons and its timetables."""

from airflow.plugins_manager import AirflowPlugin

from lakeworks_airflow.timetables import DailyPartitions, MonthlyPartitions
from lakeworks_airflow.ui_links import AuditReportLink, DataLink


class LakeworksPlugin(AirflowPlugin):
    """Extra links of the lakeworks operators, the timetables of daily and monthly tables."""

    name = "lakeworks"
    operator_extra_links = [DataLink(), AuditReportLink()]  # noqa: RUF012 - Airflow's interface
    timetables = [DailyPartitions, MonthlyPartitions]  # noqa: RUF012
