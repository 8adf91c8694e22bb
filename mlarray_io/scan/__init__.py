"""A dataset as a table: what every image is, which ones stand out, and a report to look through."""
