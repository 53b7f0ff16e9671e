"""Who spoke when: turns of speakers in recordings, and their error rates."""
