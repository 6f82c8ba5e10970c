"""One source a module; each publishes likes, comments and shares."""
