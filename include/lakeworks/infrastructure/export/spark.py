"""Spark's services in both formats. Neither has the job file: `lakeworks bootstrap` uploads it."""

from typing import Any

from lakeworks.infrastructure.resource import Document, Resource


def application_properties(resource: Resource) -> Document:
    """Return CloudFormation's properties of an EMR Serverless application."""
    desired = resource.desired()
    return {
        "Name": resource.name,
        "Type": "SPARK",
        "ReleaseLabel": desired["Release"],
        "Architecture": desired["Architecture"],
        "MaximumCapacity": {"Cpu": f"{desired['MaxVcpus']} vCPU", "Memory": f"{desired['MaxMemoryGb']} GB"},
        "AutoStartConfiguration": {"Enabled": True},
        "AutoStopConfiguration": {"Enabled": True, "IdleTimeoutMinutes": desired["IdleMinutes"]},
        "Tags": [{"Key": "made-by", "Value": desired["MadeBy"]}],
    }


def job_properties(resource: Any) -> Document:
    """Return CloudFormation's properties of a Glue job."""
    desired = resource.desired()
    same = ("Description", "Role", "GlueVersion", "WorkerType", "NumberOfWorkers", "Timeout", "MaxRetries")
    return {
        "Name": resource.name,
        **{key: desired[key] for key in same},
        "Command": {"Name": "glueetl", "ScriptLocation": desired["ScriptLocation"], "PythonVersion": "3"},
        "ExecutionProperty": {"MaxConcurrentRuns": desired["MaxConcurrentRuns"]},
    }


def terraform_application(resource: Resource, desired: Document) -> Document:
    """Return Terraform's arguments of an EMR Serverless application."""
    return {
        "name": resource.name,
        "type": "spark",
        "release_label": desired["Release"],
        "architecture": desired["Architecture"],
        "maximum_capacity": {"cpu": f"{desired['MaxVcpus']} vCPU", "memory": f"{desired['MaxMemoryGb']} GB"},
        "auto_start_configuration": {"enabled": True},
        "auto_stop_configuration": {"enabled": True, "idle_timeout_minutes": desired["IdleMinutes"]},
        "tags": {"made-by": desired["MadeBy"]},
    }


def terraform_job(resource: Resource, desired: Document) -> Document:
    """Return Terraform's arguments of a Glue job."""
    return {
        "name": resource.name,
        "description": desired["Description"],
        "role_arn": desired["Role"],
        "glue_version": desired["GlueVersion"],
        "worker_type": desired["WorkerType"],
        "number_of_workers": desired["NumberOfWorkers"],
        "timeout": desired["Timeout"],
        "max_retries": desired["MaxRetries"],
        "command": {"name": "glueetl", "script_location": desired["ScriptLocation"], "python_version": "3"},
        "execution_property": {"max_concurrent_runs": desired["MaxConcurrentRuns"]},
    }
