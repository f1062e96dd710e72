"""From configuration, snapshot and state to a plan, to stages, to an applied tenant."""
