"""Files that this process writes to: new ones, and existing ones that are edited in place."""
