"""What Lightning calls as a run goes on: schedules, what they need, and what watches over the training."""
