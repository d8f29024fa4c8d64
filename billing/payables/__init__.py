"""What providers are owed for closed months, and how they are paid."""
