"""The simulated agency of ``resonanz up --demo``."""
