"""One module for each kind of AWS setting that bootstrap plans, applies and reads back."""
