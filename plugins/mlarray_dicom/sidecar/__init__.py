"""Fields of a BIDS sidecar beyond geometry and timing, by the names that dcm2niix gives them."""
