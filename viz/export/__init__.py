"""What a class can take home: tables, numbers and pages as files. No Streamlit in here."""
