"""The front: what the active layer reads, made by the resting layers below it.

Layers that rest give the same activations for the same rows, so they need not run again for every batch: the fronts
`memory` and `disk` run each of them once over a view and keep what comes out, `recompute` keeps nothing and runs them
per batch. All of them give the active layer the same numbers.
"""
