"""Lakeworks: a medallion data lake on S3; the library behind the operators and the CLI."""
