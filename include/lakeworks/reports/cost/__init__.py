"""What the lake costs, what would save money, and the arithmetic behind it. Nothing here talks to AWS."""
