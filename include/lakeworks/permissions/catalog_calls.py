"""AWS calls that keep tables and their partitions in Glue: the lake's own, a dev lake's and landing's."""

# Lines as the table of `aws_calls` has them.
TABLES_KEPT = """\
        glue.GetDatabase
        glue.CreateDatabase
        glue.GetTable
        glue.CreateTable
        glue.UpdateTable
        glue.GetPartitions
        glue.BatchGetPartition
        glue.BatchCreatePartition
        glue.BatchUpdatePartition
        glue.BatchDeletePartition"""
