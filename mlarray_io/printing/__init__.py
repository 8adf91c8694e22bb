"""What people and programs get to read: text, errors, results, progress, tables."""
