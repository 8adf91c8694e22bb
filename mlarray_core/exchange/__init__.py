"""Images of other libraries in memory, and the picture of an image in a notebook."""
