"""Figures as pure functions: arrays and labels in, a figure out; no Streamlit."""
