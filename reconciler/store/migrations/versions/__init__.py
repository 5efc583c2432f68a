"""One step a file. Steps write their columns out themselves: `tables` moves on, what a step did does not."""
