"""What identifies a person: found in metadata, and left out on demand."""
