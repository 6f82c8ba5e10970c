"""``resonanz doctor``: looks at everything, changes nothing; what is wrong, and what mends it."""
