"""Headers as JSON, and what is derived from them."""
