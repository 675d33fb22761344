"""Row rules, Great Expectations suites and audits, all rendered from the contract."""
