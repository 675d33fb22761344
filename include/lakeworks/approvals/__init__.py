"""Approvals: ask a person about audited rows, with a page that compares them with what is live, and follow the answer."""
