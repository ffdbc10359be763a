"""Intake: from a switch's file to canonical records, legs, and suspense by cause, with control totals."""
