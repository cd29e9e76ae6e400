"""Data sets: what is known of them, how they are found, verified and read, split and dealt out.

Importing this package imports no torch; `lwtrain.data.catalog` does not either.
"""
