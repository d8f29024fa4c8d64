"""Amazon Bedrock's Converse, spoken to its vendor: no caller of ours speaks it."""
