"""Who an operator is, what the operator may do, and what browsers are told to forbid."""
