"""Pictures of numbers over an interval; never the numbers themselves."""
