"""`MLArray`: one image, in memory or in a file."""
