"""What people look at: the wall, the HTTP API, boards and rules."""
