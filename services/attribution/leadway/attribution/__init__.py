"""Decides nothing: folds everybody's facts into the chain from campaign to revenue."""
