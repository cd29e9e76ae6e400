"""Settings: what can be set and to what, what YAML files and the command line make of it, and every mistake in it.

Nothing in here imports torch: a run starts only after all of its settings have been found to be in order.
"""
