"""Documents that a listing shows unchanged since this process read them."""
