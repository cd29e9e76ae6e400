"""What `mkdocs build` makes of the code: the page of settings, and pages of files that lie outside docs/."""
