"""The two-view generator: one ground truth of traffic, seen by two switches, with known faults."""
