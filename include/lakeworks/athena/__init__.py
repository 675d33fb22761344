"""Amazon Athena: checked statements with typed parameters, executions that are found again, rows in the contract's types."""
