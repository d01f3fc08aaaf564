"""Coverage by simulation: how often each interval of medkt_eval contains the truth."""
