"""Write a table or a source: make its files, check them, run their examples."""
