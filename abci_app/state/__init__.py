"""Typed tables, the overlay, the authenticated tree and the fact log."""
