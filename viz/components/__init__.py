"""Drawings that live in the browser: Streamlit components (v2) on a canvas."""
