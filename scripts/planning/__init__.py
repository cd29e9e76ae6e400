"""What the cost model says of machines and data sets larger than those at hand: the tables of docs/scaling.md."""
