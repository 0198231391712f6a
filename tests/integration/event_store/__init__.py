"""The ledger in a database: order, seals, forgers, crashes."""
