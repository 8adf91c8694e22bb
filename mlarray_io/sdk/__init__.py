"""What plugins build on."""
