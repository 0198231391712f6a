"""Dispatches that workers share by a queue of NATS."""
