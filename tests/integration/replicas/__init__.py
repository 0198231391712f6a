"""Queries on replicas of PostgreSQL, and failover to one."""
