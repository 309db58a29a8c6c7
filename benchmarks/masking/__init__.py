"""How well masking recognises, and what it costs."""
