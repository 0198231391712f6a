"""Services as they are run: processes, outages, floods."""
