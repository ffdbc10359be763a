"""How the members decide together: proposals, votes, and what they set."""
