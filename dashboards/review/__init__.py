"""What the review page thinks before it draws: a sitting of calls in hand, an answer as a form; no widget in sight."""
