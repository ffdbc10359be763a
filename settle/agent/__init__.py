"""What runs for an operator by itself: intake of call records, rating, record roots, documents, tasks."""
