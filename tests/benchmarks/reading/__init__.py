"""How fast queries are: of the present, of the past, of idle sessions."""
