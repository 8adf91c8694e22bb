"""What a conversion is asked for, from the command line or from Python, and having it done."""
