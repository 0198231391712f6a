"""Tests of one adapter each, with the real service behind it."""
