"""What every request passes through: limits, request ids and metrics."""
