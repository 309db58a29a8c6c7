"""What the calls page is made of below its widgets: reads, the tree of steps, tool calls, sessions."""
