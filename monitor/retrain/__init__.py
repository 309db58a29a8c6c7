"""The retrain loop: curate, ask for a retrain, compare, let a person decide, promote, roll back."""
