"""Connections, transactions and statements; knows no table of ours."""
