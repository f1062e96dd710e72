"""What perimeter remembers: state, journal, evidence, backends."""
