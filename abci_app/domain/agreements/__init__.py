"""What two operators agreed: parties, unit pairs, calendar, line catalogue, rules."""
