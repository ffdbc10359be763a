"""Who takes part: operators, their units, roles, keys and validators."""
