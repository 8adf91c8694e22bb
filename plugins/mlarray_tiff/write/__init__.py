"""From an image to a file."""
