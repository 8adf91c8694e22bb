"""The sources below a folder, a pattern or a URL."""
