"""Registry of commands: panel, words, function and help. A command's module is imported when the command runs."""

from dataclasses import dataclass

EXPLORE = "Explore"
BUILD = "Build"
PUBLISH = "Publish and repair"
BACKFILL = "Backfill"
OPERATE = "Operate"
SET_UP = "Set up"


@dataclass(frozen=True)
class CommandEntry:
    """One command: `<module below lakeworks.cli>:<function>` runs it, the first line of its docstring is its help."""

    panel: str
    words: str
    target: str
    help: str


@dataclass(frozen=True)
class GroupEntry:
    """A word with commands below it; `default` runs if no command is named.

    Where the default `takes_arguments`, a first word that is no command is one of them.
    """

    word: str
    panel: str
    help: str
    default: str | None = None
    takes_arguments: bool = False


GROUPS = (
    GroupEntry("share", EXPLORE, "Addresses for people without credentials.", default="download", takes_arguments=True),
    GroupEntry("table", BUILD, "Add a table, check it, run its examples."),
    GroupEntry(
        "plan",
        BUILD,
        "What changed code means: plan it, apply it, leave ranges out.",
        default="changes",
        takes_arguments=True,
    ),
    GroupEntry("dev", BUILD, "Dev lakes: try changed code beside the live lake, without a copy."),
    GroupEntry("source", BUILD, "Add a source."),
    GroupEntry("contract", BUILD, "Contracts and their versions."),
    GroupEntry("export-ddl", BUILD, "Statements by which another engine reads a table where it is."),
    GroupEntry("docs", BUILD, "Pages about the tables, and one site.", default="pages", takes_arguments=True),
    GroupEntry("release", PUBLISH, "Named past states: create, read, compare, roll back."),
    GroupEntry("approvals", PUBLISH, "Runs that wait for a person: list them, approve or refuse.", default="list"),
    GroupEntry("serve", PUBLISH, "Tables in PostgreSQL that follow the ledger.", default="table", takes_arguments=True),
    GroupEntry("quarantine", PUBLISH, "Rows that broke a rule: list, show and replay them."),
    GroupEntry("catalog", PUBLISH, "Compare the Glue catalog with what is published, and repair it."),
    GroupEntry("backfill", BACKFILL, "Backfill a date range: plan, start, watch, pause."),
    GroupEntry("cost", OPERATE, "The lake's bill and what would save money (US dollars).", default="bill"),
    GroupEntry("failover", OPERATE, "Let a copy of the lake in another region take over, and the way back."),
    GroupEntry("objects", OPERATE, "Objects that are no table: list, get, put, delete and tag them by their keys."),
    GroupEntry("stream", OPERATE, "Streams: put records, land them, compare live sums with the lake."),
    GroupEntry("bucket", SET_UP, "List buckets, show a policy, delete one that bootstrap made."),
    GroupEntry("tenant", SET_UP, "Tenants: who shares this lake, each behind its own prefixes."),
)

# To add a command, add its line here. A command of two words needs its first word in GROUPS.
_ROWS: dict[str, tuple[tuple[str, str, str], ...]] = {
    EXPLORE: (
        ("tables", "explore.tables:list_tables", "List every table of the project."),
        ("show", "explore.tables:show_table", "Show a table's columns and rules."),
        ("sql", "explore.sql:run_query", "Run a SQL query over the published tables."),
        ("athena", "explore.athena:run_athena_query", "Run a SQL query on Amazon Athena."),
        ("export", "explore.export:export_file", "Write rows of a table to a file or to S3."),
        ("share download", "explore.share:share_download", "Share a partition or an object for a while (the default)."),
        ("share upload", "explore.share:share_upload_form", "Let a person drop one file into the inbox."),
        ("share list", "explore.share:list_shares", "List what was shared, and until when."),
        ("status", "explore.status:show_status", "Show which partitions are missing, stale, failed or published."),
        ("ledger", "explore.ledger:show_ledger", "Show what is published: tables, partitions or one history."),
        ("mcp", "explore.mcp:serve_assistant", "Answer an assistant's questions about the lake (MCP)."),
    ),
    BUILD: (
        ("table new", "build.new:new_table", "Write the folder of a new table."),
        ("table check", "build.table:check_tables", "Check tables without a lake: every problem, one line each."),
        ("table test", "build.table:run_examples", "Run the examples of tables."),
        ("render", "build.render:render_table", "Print a table's SQL in the dialect of an engine."),
        (
            "plan changes",
            "build.plan:plan_changes",
            "Show what changed code means, before anything runs (the default).",
        ),
        ("plan list", "build.applied_plans:list_plans", "List the plans that were applied."),
        ("plan show", "build.applied_plans:show_plan", "Show an applied plan: its estimate beside what its runs took."),
        (
            "plan exclusions",
            "build.exclusions:list_exclusions",
            "List the ranges that plans leave out, with their reasons.",
        ),
        ("plan lift", "build.exclusions:lift_exclusion", "Let plans build an excluded range again."),
        ("ci", "build.ci:examine_change", "Examine a change for a pull request: check, test, plan, build, diff."),
        ("dev start", "dev.lakes:start_dev_lake", "Start a dev lake: a branch that reads the live lake."),
        ("dev build", "dev.builds:build_dev_lake", "Build changed tables and what follows, in the dev lake."),
        ("dev diff", "dev.comparisons:diff_dev_lake", "Compare a dev lake with the live lake."),
        ("dev promote", "dev.promotions:promote_dev_lake", "Publish what a dev lake built in the live lake."),
        ("dev refresh", "dev.promotions:refresh_dev_lake", "Let a dev lake read the present live publications."),
        ("dev list", "dev.lakes:list_dev_lakes", "List dev lakes, with their life, size and cost."),
        ("dev drop", "dev.lakes:drop_dev_lake", "Remove a dev lake; the live lake stays as it is."),
        ("source new", "build.new:new_source", "Write the client and the first table of a new source."),
        (
            "source detect",
            "build.detect:detect_csv_options",
            "Find the options of a CSV file, to be put into a contract.",
        ),
        ("contract schema", "build.contract:print_schema", "Print the JSON schema of contract.yml for editors."),
        ("contract reference", "build.contract:print_reference", "Print the reference of a table's files."),
        ("contract diff", "build.contract:diff_contract", "Show what changed in a contract and the version it needs."),
        (
            "export-ddl snowflake",
            "build.export_ddl:print_snowflake",
            "Print Snowflake's statements for a table: an external table, or an Iceberg table if the contract registers one.",
        ),
        ("docs pages", "build.docs:write_docs", "Write a documentation page for every table."),
        (
            "docs site",
            "build.site:write_site",
            "Write one static site of contracts, lineage, statistics, publications and audits.",
        ),
        (
            "docs day",
            "build.site:write_day",
            "Write one page about a domain's day: partitions, audits, quarantined rows, the verdict first.",
        ),
    ),
    PUBLISH: (
        ("diff", "publishing.publications:diff_publications", "Compare two publications of a partition."),
        ("rollback", "publishing.publications:rollback_partition", "Make an earlier publication current again."),
        (
            "release create",
            "publishing.releases:create",
            "Name the live publications of every partition, and hold them.",
        ),
        ("release list", "publishing.releases:list_all", "List the releases."),
        (
            "release show",
            "publishing.releases:show",
            "Show a release: its tables, its copies, and whether the bucket still has every version.",
        ),
        (
            "release diff",
            "publishing.releases:compare",
            "Compare two releases, or a release and what is live: partitions, rows and content hashes.",
        ),
        (
            "release rollback",
            "publishing.releases:roll_back",
            "Publish the rows of a release again in every partition that differs; the plan first.",
        ),
        (
            "release drop",
            "publishing.releases:drop",
            "Drop a release, also one that does not parse: its versions are no longer held.",
        ),
        (
            "release hold",
            "publishing.releases:hold",
            "Copy what releases name before the bucket deletes it; `lake_maintenance` does this every night.",
        ),
        (
            "approvals list",
            "publishing.approvals:list_approvals",
            "List the runs that wait for a person's approval.",
        ),
        (
            "approvals approve",
            "publishing.approvals:approve_run",
            "Approve the rows of a run that waits; the run publishes them.",
        ),
        (
            "approvals refuse",
            "publishing.approvals:refuse_run",
            "Refuse the rows of a run that waits; live data stays as it is.",
        ),
        ("serve table", "publishing.serving:serve_table", "Bring PostgreSQL to what is published (the default)."),
        ("serve status", "publishing.serving:show_served", "Show which served tables are behind."),
        ("serve diff", "publishing.serving:diff_served", "Show where PostgreSQL and the ledger differ."),
        ("serve repair", "publishing.serving:repair_served", "Serve again what differs from the ledger."),
        ("withdraw", "publishing.publications:withdraw_partition", "Withdraw a partition from readers."),
        (
            "quarantine list",
            "publishing.quarantine:list_quarantined",
            "List quarantined rows and the broken rules.",
        ),
        ("quarantine show", "publishing.quarantine:show_quarantined", "Show quarantined rows with their reasons."),
        (
            "quarantine replay",
            "publishing.quarantine:replay_quarantined",
            "Rebuild a period by the current rules.",
        ),
        ("verify", "publishing.maintenance:verify_tables", "Compare ledger, objects and catalog."),
        ("repair", "publishing.maintenance:repair_tables", "Repair objects and catalog from the ledger."),
        ("tag", "publishing.tags:tag_objects", "Give older objects the tags that lake.yml asks for."),
        ("catalog diff", "publishing.catalog:diff_catalog", "Show where catalog and ledger differ."),
        ("catalog repair", "publishing.catalog:repair_catalog", "Repair the catalog from the ledger."),
        ("file-sizes", "publishing.compaction:show_file_sizes", "Show objects and sizes, and what needs compaction."),
        ("compact", "publishing.compaction:compact_table", "Rewrite partitions in objects of the target size."),
        ("expire", "publishing.maintenance:expire_tables", "Withdraw partitions past their retention."),
        ("restore", "publishing.restoration:restore_period", "Restore archived objects so that they can be read."),
        ("gc", "publishing.maintenance:collect_garbage", "Remove leftovers of dead runs and superseded versions."),
    ),
    BACKFILL: (
        ("backfill plan", "backfill.commands:plan_backfill", "Show what is missing and the runs that would fill it."),
        ("backfill start", "backfill.commands:start_backfill", "Start the runs of what is missing, failed or stale."),
        ("backfill watch", "backfill.commands:watch_backfill", "Show progress, rate and time left until the end."),
        ("backfill list", "backfill.commands:list_backfills", "List backfills, newest first."),
        ("backfill pause", "backfill.commands:pause_backfill", "Pause a backfill: no further run begins."),
        ("backfill resume", "backfill.commands:resume_backfill", "Resume a paused backfill."),
        ("backfill cancel", "backfill.commands:cancel_backfill", "Cancel the runs that have not begun."),
    ),
    OPERATE: (
        (
            "freshness",
            "operate.freshness:show_freshness",
            "Show how old each table is, and which one is late.",
        ),
        ("load", "operate.load:load_table", "Load files into a period of a table, or drop them in the inbox."),
        ("fetches", "operate.fetches:list_fetches", "List the fetches of a period."),
        ("forget", "operate.fetches:forget_files", "Forget delivered files of a period."),
        ("objects ls", "operate.objects:list_keys", "List objects with class and version."),
        ("objects get", "operate.objects:get_keys", "Fetch objects into a folder."),
        ("objects put", "operate.objects:put_files", "Put files and folders below a prefix."),
        ("objects rm", "operate.objects:remove_keys", "Delete objects; their versions stay unless you say so."),
        ("objects tag", "operate.objects:tag_keys", "Show tags of objects, or add to them."),
        ("budget", "operate.fetches:show_budget", "Show the requests made to each vendor, and pauses."),
        ("cost bill", "operate.cost:show_bill", "Show the bill of a month (the default of `lakeworks cost`)."),
        ("cost compare", "operate.cost:compare_bills", "Compare the bill before and after a change."),
        (
            "cost advise",
            "operate.cost:advise",
            "Suggest storage classes from access logs, or Parquet settings of tables.",
        ),
        ("cost partitions", "operate.cost:suggest_partitions", "Suggest partition columns from a query log."),
        ("cost actual", "operate.cost:show_charges", "Show what AWS charged for the lake's services."),
        (
            "stream put",
            "operate.stream:put_records",
            "Put lines of a file or of stdin into a stream, each as one record.",
        ),
        ("failover plan", "operate.failover:plan_failover", "Show what this bucket would make live as the primary."),
        ("failover apply", "operate.failover:apply_failover", "Make this bucket the primary."),
        (
            "failover hand-over",
            "operate.failover:hand_over_primary",
            "Stop publications into this bucket, so that another one can take over without loss.",
        ),
        ("stream run", "operate.stream:run_consumer", "Land a stream's records until SIGTERM or Ctrl-C."),
        (
            "stream reconcile",
            "operate.stream_state:reconcile_stream",
            "Compare the live view with the published tables.",
        ),
        (
            "stream status",
            "operate.stream_state:show_stream",
            "Show a stream's shards: owner, lag, and what has landed.",
        ),
        (
            "stream close",
            "operate.stream_state:close_stream_hour",
            "Close an hour before it is over, so that its run need not wait.",
        ),
        (
            "stream size",
            "operate.stream:show_size",
            "Compute the shards of a load, and the price of both capacity modes.",
        ),
        ("cost year", "operate.cost:simulate_year", "Simulate a year and what each change saves."),
    ),
    SET_UP: (
        ("init", "set_up.project:init_project", "Write a new project: DAGs, tables, lake.yml, tests."),
        ("up", "set_up.local_stack:start", "Start the local stack, run the walkthrough, leave it running."),
        ("down", "set_up.local_stack:stop", "Stop what `lakeworks up` left running."),
        ("demo", "set_up.local_stack:demonstrate", "Start the local stack, run the walkthrough, stop it."),
        (
            "doctor",
            "set_up.doctor:examine_deployment",
            "Check that a deployment can run: AWS, sources, machine, Airflow.",
        ),
        ("bootstrap", "set_up.bootstrap:bootstrap_lake", "Create or correct what lake.yml declares."),
        ("policy", "set_up.policy:print_policy", "Print the IAM policy that a role needs, as JSON."),
        ("bucket list", "set_up.bucket:list_buckets", "List the account's buckets and which of them lakeworks made."),
        ("bucket policy", "set_up.bucket:show_policy", "Print the policy that is in force on a bucket, as JSON."),
        ("bucket delete", "set_up.bucket:delete_bucket", "Delete a bucket that lakeworks made."),
        ("tenant add", "set_up.tenant:add_tenant", "Register a tenant with its databases and IAM policy."),
        ("tenant list", "set_up.tenant:list_tenants", "List the tenants."),
        ("tenant remove", "set_up.tenant:remove_tenant", "Remove a tenant from the list."),
        ("tenant policy", "set_up.tenant:print_policy", "Print the tenant's IAM policy as JSON."),
        ("tenant may", "set_up.tenant:check_access", "Show if a tenant's policy allows an action."),
    ),
}
COMMANDS = tuple(CommandEntry(panel, *row) for panel, rows in _ROWS.items() for row in rows)
PANELS = tuple(_ROWS)
