"""The task that lets audited rows pass, or waits for a person."""
