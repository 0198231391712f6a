"""The inverted index of audiences: postings, delta, compaction, cache."""
