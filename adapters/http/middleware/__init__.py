"""The layers around all routes: method override, body limit, failures and counts of requests."""
