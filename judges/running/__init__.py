"""Running judges over interactions: order, budgets, and a journal that survives crashes."""
