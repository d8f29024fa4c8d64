"""What is counted, what it costs, and who may still spend: the floor the others stand on."""
