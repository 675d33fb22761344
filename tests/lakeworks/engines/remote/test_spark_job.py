"""What a Spark job says of its own failure: one line that tells a person what happened."""

from lakeworks.engines.remote.spark_job import fault


class Py4JJavaError(Exception):
    """As py4j words it: the call, then Java's error with its causes."""


LOST = """An error occurred while calling o71.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: \
Lost task 0.3 in stage 0.0 (TID 3) (10.0.0.7 executor 3): ExecutorLostFailure (executor 3 exited caused by one of the running tasks)
Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)
"""
CAST = """An error occurred while calling o71.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2856)
Caused by: org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to file:/tmp/x.
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.taskFailedWhileWritingRowsError(QueryExecutionErrors.scala:774)
Caused by: org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value 'x' of the type "STRING" cannot be cast to "INT"
\t... 10 more
"""


def test_a_lost_executor_is_named_not_the_call_in_which_it_was_lost() -> None:
    found = fault(Py4JJavaError(LOST))
    assert found["kind"] == "passing"
    assert found["message"].startswith("org.apache.spark.SparkException: Job aborted due to stage failure: Task 0")
    assert "ExecutorLostFailure" in found["message"]


def test_a_value_that_does_not_fit_is_named_though_it_is_the_last_cause() -> None:
    found = fault(Py4JJavaError(CAST))
    assert found["kind"] == "lasting"
    assert found["message"].startswith(
        "org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value 'x'"
    )


def test_other_errors_keep_their_first_line() -> None:
    assert fault(ValueError("first\nsecond")) == {"kind": "passing", "message": "ValueError: first"}
    assert fault(Py4JJavaError("An error occurred while calling o71.parquet."))["message"].endswith("o71.parquet.")
    assert fault(Py4JJavaError("x\n[PATH_ALREADY_EXISTS] y"))["kind"] == "twice"
