"""Pictures of what a trained network has learned; each kind in a file of its own."""
