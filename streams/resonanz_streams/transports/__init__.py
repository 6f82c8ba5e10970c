"""How Faust and everything else reads and writes: Kafka, or SQLite embedded."""
