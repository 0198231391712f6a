"""Sending a message to an audience, batch by batch, so that nobody gets it wrongly or twice."""
