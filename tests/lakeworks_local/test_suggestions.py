"""What `make up` suggests at its end."""

from lakeworks_local.__main__ import usual_suggestions


def test_an_empty_project_gets_commands_that_it_can_run() -> None:
    """It was suggested to read the table `<table>`."""
    commands = [item.command for item in usual_suggestions([])]
    assert all("<" not in command for command in commands)
    assert commands[0].startswith("lakeworks table new bronze.")


def test_other_projects_are_shown_their_last_table() -> None:
    commands = [item.command for item in usual_suggestions(["bronze.shop.orders", "gold.shop.daily"])]
    assert commands[1:] == [
        "lakeworks ledger gold.shop.daily",
        'lakeworks sql "SELECT * FROM gold_shop.daily LIMIT 10"',
    ]
