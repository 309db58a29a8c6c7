"""What the health page is made of, apart from its widgets: reads, and pure sentences."""
