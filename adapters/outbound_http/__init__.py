"""What requests to other services share: the guard against inner addresses, and retries."""
