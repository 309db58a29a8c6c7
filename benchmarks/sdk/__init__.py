"""What a tracing SDK costs its app: ours and ten others, side by side."""
