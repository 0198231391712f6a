"""What requests to other services share: quiet logs, the guard of inner addresses, retries."""
