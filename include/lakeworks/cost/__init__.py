"""The lake's bill, and proposals that lower it."""
