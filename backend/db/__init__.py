"""The only code that speaks SQL: tables, procedures, migrations, the catalogue."""
