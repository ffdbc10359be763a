"""One month of one unit pair: usage anchored, figures declared and opened, judged, signed."""
