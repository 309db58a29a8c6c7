"""What verdicts are worth: agreement, corrected rates, designs, power, anchors."""
