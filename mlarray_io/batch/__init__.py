"""Converting whole datasets: what there is, what is left to do, who does it, and what came of it."""
