"""Coverage by simulation: how often each interval of medkt_eval holds the truth."""
