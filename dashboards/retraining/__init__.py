"""What the retrains page says and reads; nothing here draws."""
