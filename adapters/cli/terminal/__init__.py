"""What commands share: the store's option, tables, progress."""
