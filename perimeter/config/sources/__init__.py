"""Where modules come from: addresses, fetching, unpacking, the manifest and the lock."""
