"""What the application needs to deliver: pushes to devices, facts to other services."""
