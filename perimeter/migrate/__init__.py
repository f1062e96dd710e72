"""Other tools' configuration and state, translated."""
