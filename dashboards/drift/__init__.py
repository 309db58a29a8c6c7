"""What the drift page thinks before it draws: series, stretches of time, maps, fields and dates; no widget in sight."""
