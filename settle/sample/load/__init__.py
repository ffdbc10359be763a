"""Signed transactions for load and conformance tools, from a seed: see `settle.sample.transactions`."""
