"""Demo: sample data, source replay server and the local stack around the product."""
