"""The parts of scripts/torture.py: trainings that can be killed, when they are, and what must not have come of it."""
