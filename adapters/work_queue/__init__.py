"""Work queues that share the batches of dispatches among workers."""
