"""Where the screens reach into Textual's private interfaces: each file says what it mends."""
