"""What fills the store, in SQL."""
