"""Dev lakes: start, build, compare with live, promote and drop."""
