"""Tables that people read, made from measured files only: README, RESULTS.md, the app's data."""
