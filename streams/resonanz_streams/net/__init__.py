"""What stands at an instant, and what KPIs need to know of it beyond counts: talk, posts, people, topics."""
