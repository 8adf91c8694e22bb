"""From a source to a target: finding the format, choosing an image, converting it."""
