"""Who may do what: policy documents for tenants, and IAM's decision logic to check them with."""
