"""The coreference lab: the parts of `viz/views/lab.py`, one file each."""
