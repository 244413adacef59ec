"""What the scenarios drive a station with: sources, ears, peers, and judges of what was heard."""
