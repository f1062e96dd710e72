"""Credentials of vendors that have no provider: their API is declared call by call."""
