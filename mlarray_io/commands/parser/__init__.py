"""What each command takes from its command line; the commands themselves are loaded when they run."""
