"""Studies: runs that answer one question together, carried out one after the other."""
