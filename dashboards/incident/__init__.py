"""What the incident page is made of, apart from its widgets: reads, and pure tables."""
