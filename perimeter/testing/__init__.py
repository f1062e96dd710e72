"""What tests of a provider are written with: a workspace, the desired-state ladder, and AWS's stand-in."""
