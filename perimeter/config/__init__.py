"""From a folder of files to a tree of modules."""
