"""Permissions: the AWS calls of the code with their IAM actions, and least-privilege policies made from them."""
